// gatehouse: serve() is public, takes (gatehouse::Connection&) and returns gatehouse::Next or void, or takes
// (gatehouse::Stream&) and returns gatehouse::Task<>; for (gatehouse::Connection&, Session&) the plugin has a struct Session
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
