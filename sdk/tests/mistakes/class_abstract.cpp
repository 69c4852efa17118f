// gatehouse: a plugin's class must not be abstract
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    virtual void todo() = 0;
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
