// gatehouse: the struct that serve() takes is called Session
#include <gatehouse/plugin.hpp>

struct P {
    struct State {};
    void serve(gatehouse::Connection&, State&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
