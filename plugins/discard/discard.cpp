// RFC 863: throws away all that it receives.
#include <gatehouse/plugin.hpp>

#include <array>

struct Discard {
    static constexpr std::string_view try_it = "nc {host} {port}";

    gatehouse::Next serve(gatehouse::Connection& conn) {
        std::array<std::byte, 16384> buffer;
        return conn.read(buffer) ? gatehouse::Next::park : gatehouse::Next::close;
    }
};
GATEHOUSE_PLUGIN(Discard, "discard", "1.0.0")
