// gatehouse: two keys of a table have the same name
#include <gatehouse/plugin.hpp>

struct P {
    explicit P(gatehouse::Init&) {}
    void serve(gatehouse::Connection&) {}
    static constexpr gatehouse::Key keys[] = {gatehouse::Key::string("name", "whom it greets"),
                                              gatehouse::Key::integer("name", "how often")};
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
