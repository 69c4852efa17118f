// gatehouse: a plugin has a version
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "")
