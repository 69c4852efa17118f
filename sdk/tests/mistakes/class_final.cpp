// gatehouse: a plugin's class must not be final
#include <gatehouse/plugin.hpp>

struct P final {
    void serve(gatehouse::Connection&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
