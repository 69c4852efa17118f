// gatehouse: stop() is public, takes nothing and returns void
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    void stop(std::chrono::milliseconds) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
