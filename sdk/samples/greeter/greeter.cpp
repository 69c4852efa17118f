#include <gatehouse/plugin.hpp>

#include <string>

class Greeter {
  public:
    static constexpr bool server_first = true;
    static constexpr gatehouse::Key keys[] = {
        gatehouse::Key::string("name", "whom it greets").required(),
        gatehouse::Key::integer("times", "how often").range(1, 10).fallback(1),
    };

    explicit Greeter(gatehouse::Init& init) {
        const gatehouse::Config& config = init.config();
        const std::string name = config.string("name");
        for (auto times = config.integer("times"); times > 0; --times) text_ += "Hello, " + name + "!\r\n";
        if (name.find('\n') != name.npos) config.reject("name", "must be one line");
    }

    void serve(gatehouse::Connection& conn) {
        (void)conn.write(text_); // whether the client takes it or not, the dialogue ends here
    }

  private:
    std::string text_; // constant after construction: no lock needed
};
GATEHOUSE_PLUGIN(Greeter, "greeter", "1.0.0")
