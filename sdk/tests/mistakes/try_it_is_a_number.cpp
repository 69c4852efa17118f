// gatehouse: try_it is a public static constexpr std::string_view
#include <gatehouse/plugin.hpp>

struct P {
    static constexpr int try_it = 7;
    void serve(gatehouse::Connection&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
