// gatehouse: a key has a meaning, one line of up to 1000 bytes
#include <gatehouse/plugin.hpp>

struct P {
    explicit P(gatehouse::Init&) {}
    void serve(gatehouse::Connection&) {}
    static constexpr gatehouse::Key keys[] = {gatehouse::Key::string("name", "")};
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
