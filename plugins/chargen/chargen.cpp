// RFC 864: sends lines of rotating characters until the client hangs up.
#include <gatehouse/plugin.hpp>

#include <string>

namespace {

// The pattern of the RFC: each line has 72 of the 95 printable characters and starts one further than the line before, so
// that it repeats after 95 lines.
std::string lines() {
    std::string text;
    for (int line = 0; line < 95; ++line) {
        for (int column = 0; column < 72; ++column) text += static_cast<char>(' ' + (line + column) % 95);
        text += "\r\n";
    }
    return text;
}

} // namespace

struct Chargen {
    static constexpr bool server_first = true;
    static constexpr std::string_view try_it = "nc {host} {port} | head";

    // A plain dialogue: it holds its thread, and write() waits while the client is slow.
    void serve(gatehouse::Connection& conn) {
        while (!conn.stopping() && conn.write(text_)) {
        }
    }

  private:
    const std::string text_ = lines();
};
GATEHOUSE_PLUGIN(Chargen, "chargen", "1.0.0")
