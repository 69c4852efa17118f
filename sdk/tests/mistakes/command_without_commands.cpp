// gatehouse: commands, the list, and command(), which runs them, belong together
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    void command(std::span<const std::string_view>, gatehouse::Answer&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
