#include <gatehouse/plugin.hpp>

#include <array>
#include <string>

using namespace std::chrono_literals;

// Looks at the first bytes of a client, passes them on to the server of the configuration, and has the host carry the rest,
// both ways and without a thread.
class Proxy {
  public:
    static constexpr std::string_view try_it = "nc {host} {port}";

    explicit Proxy(gatehouse::Init& init) : server_(init.config().string("server")) {}

    gatehouse::Next serve(gatehouse::Connection& conn) {
        std::array<char, 4096> buffer;
        const auto first = conn.read(buffer);
        if (!first) return gatehouse::Next::close;
        if (!allowed(*first)) {
            (void)conn.write("not here\n");
            return gatehouse::Next::close;
        }
        auto server = conn.connect(server_, 5s);
        if (!server) return gatehouse::Next::no_upstream; // the host has recorded why
        if (!server->write(*first)) return gatehouse::Next::no_upstream;
        return conn.relay(std::move(*server));
    }

  private:
    // Your protocol begins here. The bytes may be one, or many: a network has no messages.
    static bool allowed(std::string_view first) { return first[0] != '!'; }

    const std::string server_;
};
GATEHOUSE_PLUGIN(Proxy, "@NAME@", "0.1.0")
