// gatehouse: a key's fallback is of its type, in its range and one of its words, and stands beside neither required(), list()
// nor without()
#include <gatehouse/plugin.hpp>

struct P {
    explicit P(gatehouse::Init&) {}
    void serve(gatehouse::Connection&) {}
    static constexpr gatehouse::Key keys[] = {gatehouse::Key::duration("every", "how often").fallback("1s")};
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
