// gatehouse: a Task keeps its state in local variables: the plugin has no Session
#include <gatehouse/plugin.hpp>
#include <gatehouse/task.hpp>

struct P {
    struct Session {};
    gatehouse::Task<> serve(gatehouse::Stream&) { co_return; }
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
