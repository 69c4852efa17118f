// gatehouse: closed() is public, takes (std::string_view) or (std::uint64_t, std::string_view) and returns void
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    void closed(gatehouse::Connection&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
