#include <gatehouse/plugin.hpp>

#include <algorithm>
#include <array>
#include <string>

using namespace std::chrono_literals;

// Answers each frame of a client with a frame: four bytes, most significant first, say how many bytes follow. A client that has
// sent a part of a frame holds no thread.
class Frames {
  public:
    static constexpr std::string_view try_it = R"(printf '\0\0\0\5hello' | nc -q 1 {host} {port} | od -c)";

    struct Session {
        std::string input; // the beginning of a frame
    };

    explicit Frames(gatehouse::Init& init) : longest_(init.config().size("longest", 64 * 1024)) {}

    gatehouse::Next serve(gatehouse::Connection& conn, Session& session) {
        std::array<char, 4096> buffer;
        const auto bytes = conn.read(buffer);
        if (!bytes) return gatehouse::Next::close;
        session.input += *bytes;
        std::string answers;
        std::string_view rest = session.input;
        while (rest.size() >= header) {
            const std::size_t size = size_of(rest);
            if (size > longest_) { // clients are hostile: what grows has a limit
                conn.set_error("a frame is longer than " + std::to_string(longest_) + " bytes");
                return gatehouse::Next::error;
            }
            if (rest.size() < header + size) break;
            answers += framed(answer_to(rest.substr(header, size)));
            rest.remove_prefix(header + size);
        }
        session.input.erase(0, session.input.size() - rest.size());
        // Whoever begins a frame has ten seconds to end it.
        if (session.input.empty())
            conn.clear_deadline();
        else if (session.input.size() <= bytes->size())
            conn.set_deadline(10s);
        return answers.empty() || conn.write(answers) ? gatehouse::Next::park : gatehouse::Next::close;
    }

  private:
    static constexpr std::size_t header = 4;

    // Your protocol begins here.
    static std::string answer_to(std::string_view frame) { return {frame.rbegin(), frame.rend()}; }

    static std::size_t size_of(std::string_view bytes) {
        std::size_t size = 0;
        for (const char byte : bytes.substr(0, header)) size = size << 8U | static_cast<unsigned char>(byte);
        return size;
    }
    static std::string framed(const std::string& text) {
        std::string frame;
        for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(text.size() >> static_cast<unsigned>(shift));
        return frame + text;
    }

    const std::uint64_t longest_;
};
GATEHOUSE_PLUGIN(Frames, "@NAME@", "0.1.0")
