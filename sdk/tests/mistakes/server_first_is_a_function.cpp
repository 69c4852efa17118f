// gatehouse: server_first is a public static constexpr bool
#include <gatehouse/plugin.hpp>

struct P {
    static constexpr bool server_first() { return true; }
    void serve(gatehouse::Connection&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
