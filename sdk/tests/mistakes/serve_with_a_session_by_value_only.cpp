// gatehouse: beside a Session, serve() is public, takes (gatehouse::Connection&, Session&) and returns gatehouse::Next or void
#include <gatehouse/plugin.hpp>

struct P {
    struct Session {
        Session() = default;
        Session(const Session&) = delete;
    };
    void serve(gatehouse::Connection&, Session) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
