// gatehouse: a plugin's name has 1 to 64 lower-case letters, digits, '-' and '_'
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
};
GATEHOUSE_PLUGIN(P, "My Plugin", "1.0.0")
