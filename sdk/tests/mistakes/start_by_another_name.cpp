// gatehouse: the hook for the start is called start()
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    void on_start() {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
