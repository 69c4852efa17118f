// gatehouse: beside a Session, serve() is public, takes (gatehouse::Connection&, Session&) and returns gatehouse::Next or void
#include <gatehouse/plugin.hpp>

struct P {
    struct Session {};
    void serve(gatehouse::Connection&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
