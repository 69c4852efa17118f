// gatehouse: a plugin's constructor is public and takes (gatehouse::Init&), or nothing
#include <gatehouse/plugin.hpp>

struct P {
    explicit P(const gatehouse::Config&) {}
    void serve(gatehouse::Connection&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
