#include <gatehouse/plugin.hpp>

#include <array>

struct Shout {
    static constexpr std::string_view try_it = "nc {host} {port}";

    gatehouse::Next serve(gatehouse::Connection& conn) {
        std::array<char, 4096> buffer;
        auto text = conn.read(buffer);
        if (!text) return gatehouse::Next::close;
        for (char& c : std::span(buffer).first(text->size()))
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        return conn.write(*text) ? gatehouse::Next::park : gatehouse::Next::close;
    }
};
GATEHOUSE_PLUGIN(Shout, "shout", "1.0.0")
