#include <gatehouse/plugin.hpp>

#include <array>

// Sends back what a client says.
struct Echo {
    static constexpr std::string_view try_it = "nc {host} {port}";

    gatehouse::Next serve(gatehouse::Connection& conn) {
        std::array<char, 16384> buffer;
        const auto text = conn.read(buffer);
        if (!text || !conn.write(*text)) return gatehouse::Next::close;
        return gatehouse::Next::park; // until there is more to read; meanwhile the client holds no thread
    }
};
GATEHOUSE_PLUGIN(Echo, "@NAME@", "0.1.0")
