// gatehouse: keys is a public static constexpr array of gatehouse::Key
#include <gatehouse/plugin.hpp>

struct P {
    explicit P(gatehouse::Init&) {}
    void serve(gatehouse::Connection&) {}
    static constexpr std::string_view keys[] = {"name"};
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
