// gatehouse: who has keys has a constructor that reads them, from (gatehouse::Init&)
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    static constexpr gatehouse::Key keys[] = {gatehouse::Key::string("name", "whom it greets")};
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
