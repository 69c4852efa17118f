#include <gatehouse/plugin.hpp>

#include <string>

using namespace std::chrono_literals;

// Relays each client to the server of the configuration, after a line with the client's address.
class Forward {
  public:
    static constexpr bool server_first = true; // the server behind it may speak first

    explicit Forward(gatehouse::Init& init) : server_(init.config().string("server")) {}

    gatehouse::Next serve(gatehouse::Connection& conn) {
        auto server = conn.connect(server_, 5s);
        if (!server) return gatehouse::Next::error; // the host has recorded why
        if (!server->write({"client ", conn.peer(), "\r\n"})) return gatehouse::Next::error;
        return conn.relay(std::move(*server));
    }

  private:
    std::string server_;
};
GATEHOUSE_PLUGIN(Forward, "forward", "1.0.0")
