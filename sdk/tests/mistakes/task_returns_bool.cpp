// gatehouse: serve() is public, takes (gatehouse::Connection&) and returns gatehouse::Next or void, or takes
// (gatehouse::Stream&) and returns gatehouse::Task<>; for (gatehouse::Connection&, Session&) the plugin has a struct Session
#include <gatehouse/plugin.hpp>
#include <gatehouse/task.hpp>

struct P {
    gatehouse::Task<bool> serve(gatehouse::Stream&) { co_return true; }
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
