// gatehouse: the plugin has no serve(). It takes (gatehouse::Connection&[, Session&]) and returns gatehouse::Next or void, or
// takes (gatehouse::Stream&) and returns gatehouse::Task<>
#include <gatehouse/plugin.hpp>

struct P {
    void Serve(gatehouse::Connection&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
