#include <gatehouse/plugin.hpp>

#include <algorithm>
#include <array>
#include <string>

using namespace std::chrono_literals;

// Answers each line of a client with a line. A client that has sent half a line holds no thread.
class Lines {
  public:
    static constexpr std::string_view try_it = "nc {host} {port}";

    // What a connection keeps between two calls of serve().
    struct Session {
        std::string line; // the part that has arrived so far
    };

    explicit Lines(gatehouse::Init& init) : longest_(init.config().size("longest", 1024)) {}

    gatehouse::Next serve(gatehouse::Connection& conn, Session& session) {
        std::array<char, 4096> buffer;
        const auto text = conn.read(buffer);
        if (!text) return gatehouse::Next::close;
        std::string answers;
        for (const char c : *text) {
            if (c == '\n') {
                answers += answer_to(session.line) + "\n";
                session.line.clear();
            } else if (session.line.size() == longest_) { // clients are hostile: what grows has a limit
                conn.set_error("a line is longer than " + std::to_string(longest_) + " bytes");
                return gatehouse::Next::error;
            } else {
                session.line += c;
            }
        }
        // Whoever begins a line has ten seconds to end it.
        if (session.line.empty())
            conn.clear_deadline();
        else if (session.line.size() <= text->size())
            conn.set_deadline(10s);
        return answers.empty() || conn.write(answers) ? gatehouse::Next::park : gatehouse::Next::close;
    }

  private:
    // Your protocol begins here.
    static std::string answer_to(std::string line) {
        if (line.ends_with('\r')) line.pop_back();
        std::ranges::reverse(line);
        return line;
    }

    const std::uint64_t longest_;
};
GATEHOUSE_PLUGIN(Lines, "@NAME@", "0.1.0")
