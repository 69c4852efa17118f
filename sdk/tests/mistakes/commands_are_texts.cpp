// gatehouse: commands is a public static constexpr array of gatehouse::Command
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    static constexpr std::string_view commands[] = {"list"};
    void command(std::span<const std::string_view>, gatehouse::Answer&) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
