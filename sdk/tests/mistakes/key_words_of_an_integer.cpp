// gatehouse: strings may have words, the only values; other keys have none
#include <gatehouse/plugin.hpp>

struct P {
    explicit P(gatehouse::Init&) {}
    void serve(gatehouse::Connection&) {}
    static constexpr gatehouse::Word words[] = {"1", "2"};
    static constexpr gatehouse::Key keys[] = {gatehouse::Key::integer("times", "how often").one_of(words)};
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
