// gatehouse: probe() is public, takes (std::span<const std::byte>) or (const gatehouse::Probe&) and returns gatehouse_match
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    gatehouse_match probe(std::string_view) { return GATEHOUSE_MATCH_NO; }
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
