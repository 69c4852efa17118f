// gatehouse: beside a Session, closed() is public, takes (Session&, std::string_view) and returns void
#include <gatehouse/plugin.hpp>

struct P {
    struct Session {};
    void serve(gatehouse::Connection&, Session&) {}
    void closed(Session&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
