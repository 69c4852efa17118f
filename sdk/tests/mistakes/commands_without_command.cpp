// gatehouse: commands, the list, and command(), which runs them, belong together
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    static constexpr gatehouse::Command commands[] = {{"list", "", ""}};
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
