// gatehouse: start() is public, takes nothing and returns void; it throws to fail
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    bool start() { return true; }
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
