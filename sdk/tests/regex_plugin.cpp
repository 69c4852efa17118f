// A plugin that uses std::regex. A library exports its inline functions unless a version script hides them.
#include <gatehouse/plugin.hpp>

#include <array>
#include <regex>

struct Matcher {
    const std::regex greeting{"hel+o.*\n?"};

    void serve(gatehouse::Connection& conn) {
        std::array<char, 4096> buffer;
        while (auto text = conn.read(buffer))
            if (!conn.write(std::regex_match(text->begin(), text->end(), greeting) ? "yes\n" : "no\n")) return;
    }
};
GATEHOUSE_PLUGIN(Matcher, "regex", "1.0.0")
