// gatehouse: command() is public, takes (std::span<const std::string_view>, gatehouse::Answer&) and returns void
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    static constexpr gatehouse::Command commands[] = {{"list", "", ""}};
    std::string command(std::span<const std::string_view>, gatehouse::Answer&) { return ""; }
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
