// gatehouse: a plugin's destructor is public, and noexcept
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    ~P() noexcept(false) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
