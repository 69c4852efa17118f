#include <gatehouse/plugin.hpp>

#include <string>

class Greeter {
  public:
    static constexpr bool server_first = true;

    explicit Greeter(gatehouse::Init& init) {
        const gatehouse::Config& config = init.config();
        const std::string name = config.string("name"); // no default: required
        const auto times = config.integer("times", 1, 1, 10);
        for (std::int64_t i = 0; i < times; ++i) text_ += "Hello, " + name + "!\r\n";
        if (name.find('\n') != name.npos) config.reject("name", "must be one line");
    }

    void serve(gatehouse::Connection& conn) {
        (void)conn.write(text_); // whether the client takes it or not, the dialogue ends here
    }

  private:
    std::string text_; // constant after construction: no lock needed
};
GATEHOUSE_PLUGIN(Greeter, "greeter", "1.0.0")
