// Reads to the client's end, and then answers until the client has gone.
#include <array>
#include <gatehouse/plugin.hpp>
#include <string>

struct Plugin {
    void serve(gatehouse::Connection& conn) {
        std::array<char, 4096> buffer{};
        while (conn.read(std::span<char>(buffer))) {
        }
        while (conn.write(answer_)) {
        }
    }

    const std::string answer_ = std::string(1U << 20U, 'x');
};
GATEHOUSE_PLUGIN(Plugin, "fixture", "1.0")
