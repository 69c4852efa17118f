#include <gatehouse/plugin.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string>

using namespace std::chrono_literals;

// Calls and answers in frames: four bytes, most significant first, say how many bytes follow. A call is "upper TEXT" or
// "size TEXT"; an answer begins with "ok " or "error ". A client that sends part of a frame holds no thread.
class Rpc {
  public:
    struct Session {
        std::string input; // the beginning of a frame
    };

    explicit Rpc(gatehouse::Init& init) : longest_(init.config().size("longest", 64 * 1024)) {}

    gatehouse::Next serve(gatehouse::Connection& conn, Session& session) {
        std::array<char, 4096> buffer;
        const auto bytes = conn.read(buffer);
        if (!bytes) return gatehouse::Next::close; // also if the rest of a frame has not come in time
        session.input += *bytes;
        std::string answers;
        std::string_view rest = session.input;
        while (rest.size() >= header) {
            const std::size_t size = size_of(rest);
            if (size > longest_) {
                conn.set_error("a frame is longer than " + std::to_string(longest_) + " bytes");
                return gatehouse::Next::error;
            }
            if (rest.size() < header + size) break;
            answers += frame(answer_to(rest.substr(header, size)));
            rest.remove_prefix(header + size);
        }
        session.input.erase(0, session.input.size() - rest.size());
        if (session.input.empty())
            conn.clear_deadline();
        else if (session.input.size() == bytes->size()) // it has just begun
            conn.set_deadline(10s);
        return answers.empty() || conn.write(answers) ? gatehouse::Next::park : gatehouse::Next::close;
    }

  private:
    static constexpr std::size_t header = 4;

    static std::size_t size_of(std::string_view bytes) {
        std::size_t size = 0;
        for (const char byte : bytes.substr(0, header)) size = size << 8U | static_cast<unsigned char>(byte);
        return size;
    }
    static std::string frame(const std::string& text) {
        std::string framed;
        for (int shift = 24; shift >= 0; shift -= 8) framed += static_cast<char>(text.size() >> static_cast<unsigned>(shift));
        return framed + text;
    }

    static std::string answer_to(std::string_view call) {
        const std::string_view name = call.substr(0, call.find(' '));
        std::string text(call.substr(std::min(call.size(), name.size() + 1)));
        if (name == "size") return "ok " + std::to_string(text.size());
        if (name != "upper") return "error there is no such function";
        std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        return "ok " + text;
    }

    const std::uint64_t longest_;
};
GATEHOUSE_PLUGIN(Rpc, "rpc", "1.0.0")
