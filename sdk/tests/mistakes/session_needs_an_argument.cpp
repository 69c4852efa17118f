// gatehouse: a Session's constructor is public and takes the plugin, or nothing
#include <gatehouse/plugin.hpp>

struct P {
    struct Session {
        explicit Session(int) {}
    };
    void serve(gatehouse::Connection&, Session&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
