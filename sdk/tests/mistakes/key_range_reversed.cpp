// gatehouse: integers, durations and sizes may have a range, from less to more; other keys have none
#include <gatehouse/plugin.hpp>

struct P {
    explicit P(gatehouse::Init&) {}
    void serve(gatehouse::Connection&) {}
    static constexpr gatehouse::Key keys[] = {gatehouse::Key::integer("times", "how often").range(9, 1)};
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
