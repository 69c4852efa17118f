// RFC 862: sends back all that it receives.
#include <gatehouse/plugin.hpp>

#include <array>

struct Echo {
    static constexpr std::string_view try_it = "nc {host} {port}";

    gatehouse::Next serve(gatehouse::Connection& conn) {
        std::array<std::byte, 16384> buffer;
        auto chunk = conn.read(buffer);
        if (!chunk || !conn.write(*chunk)) return gatehouse::Next::close;
        return gatehouse::Next::park;
    }
};
GATEHOUSE_PLUGIN(Echo, "echo", "1.0.0")
