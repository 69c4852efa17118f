// gatehouse: start() is public, takes nothing and returns void; it throws to fail
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    void start(gatehouse::Init&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
