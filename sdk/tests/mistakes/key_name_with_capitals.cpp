// gatehouse: a key's name has 1 to 64 lower-case letters, digits, '-' and '_'
#include <gatehouse/plugin.hpp>

struct P {
    explicit P(gatehouse::Init&) {}
    void serve(gatehouse::Connection&) {}
    static constexpr gatehouse::Key keys[] = {gatehouse::Key::string("Name", "whom it greets")};
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
