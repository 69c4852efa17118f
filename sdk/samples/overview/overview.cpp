// Tells everybody who connects how the host is: a line for each listener.
#include <gatehouse/host_view.hpp>
#include <gatehouse/plugin.hpp>

#include <string>

class Overview {
  public:
    static constexpr bool server_first = true;
    static constexpr const char* try_it = "nc {host} {port}";

    explicit Overview(gatehouse::Init& init) : host_(init) {}

    void serve(gatehouse::Connection& conn) {
        const gatehouse::HostTable listeners = host_.table("listeners");
        std::string page;
        for (std::size_t i = 0; i < listeners.rows(); ++i)
            page.append(listeners.text(i, "listener"))
                .append(" at ")
                .append(listeners.text(i, "address"))
                .append(": ")
                .append(std::to_string(listeners.number(i, "connections")))
                .append(" connections\n");
        (void)conn.write(page);
    }

  private:
    const gatehouse::HostView host_;
};
GATEHOUSE_PLUGIN(Overview, "overview", "1.0.0")
