#include <gatehouse/plugin.hpp>

#include <algorithm>
#include <array>
#include <string>

// Sends each line back reversed.
struct Lines {
    static constexpr std::size_t longest = 1024; // all input is hostile: what grows has a limit

    struct Session {
        std::string line; // the part that has arrived so far
    };

    gatehouse::Next serve(gatehouse::Connection& conn, Session& session) {
        std::array<char, 4096> buffer;
        auto text = conn.read(buffer);
        if (!text) return gatehouse::Next::close;
        for (const char c : *text) {
            if (c == '\n') {
                std::ranges::reverse(session.line);
                if (!conn.write({session.line, "\n"})) return gatehouse::Next::close;
                session.line.clear();
            } else if (session.line.size() == longest) {
                conn.set_error("a line is longer than 1024 bytes");
                return gatehouse::Next::error;
            } else {
                session.line += c;
            }
        }
        return gatehouse::Next::park;
    }
};
GATEHOUSE_PLUGIN(Lines, "lines", "1.0.0")
