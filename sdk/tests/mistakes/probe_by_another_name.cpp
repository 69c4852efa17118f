// gatehouse: the hook for the first bytes is called probe()
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    gatehouse_match detect(std::span<const std::byte>) { return GATEHOUSE_MATCH_NO; }
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
