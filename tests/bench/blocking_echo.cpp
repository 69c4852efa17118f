// An echo that never parks: each connection keeps its thread until the client has finished. The benchmark holds thousands of
// them to see what a plain dialogue costs.
#include <gatehouse/plugin.hpp>

#include <array>

struct BlockingEcho {
    void serve(gatehouse::Connection& conn) {
        std::array<std::byte, 4096> buffer;
        while (auto chunk = conn.read(buffer)) {
            if (!conn.write(*chunk)) return;
        }
    }
};
GATEHOUSE_PLUGIN(BlockingEcho, "blocking_echo", "1.0.0")
