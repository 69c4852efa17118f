// gatehouse: probe() is public, takes (std::span<const std::byte>) or (const gatehouse::Probe&) and returns gatehouse_match
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    bool probe(std::span<const std::byte>) { return true; }
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
