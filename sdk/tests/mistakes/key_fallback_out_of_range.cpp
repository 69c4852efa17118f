// gatehouse: a key's fallback is of its type, in its range and one of its words, and stands beside neither required(), list()
// nor without()
#include <gatehouse/plugin.hpp>

struct P {
    explicit P(gatehouse::Init&) {}
    void serve(gatehouse::Connection&) {}
    static constexpr gatehouse::Key keys[] = {gatehouse::Key::integer("times", "how often").range(1, 9).fallback(0)};
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
