#include <gatehouse/plugin.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using gatehouse::Ready;
using gatehouse::Status;

// A proxy that rewrites both directions: what the client says reaches the server in capitals, what the server says reaches the
// client in small letters. Whichever side speaks, a thread comes, carries what is there and goes: idle connections hold none. A
// side that does not take what it is sent is waited for, and meanwhile the other one is not read.
class Rewriter {
  public:
    static constexpr bool server_first = true; // the server behind it may speak first

    struct Session {
        struct Way {
            std::string left; // what has been read, and has not been taken
            bool ended = false;
        };
        std::optional<gatehouse::Upstream> server;
        bool connected = false;
        bool stopping = false;
        Way up, down;
    };

    explicit Rewriter(gatehouse::Init& init) : server_(init.config().string("server")) {}

    gatehouse::Next serve(gatehouse::Connection& client, Session& session) {
        if (client.event() == gatehouse::Event::stopping) session.stopping = true;
        if (!session.connected) {
            const Status status = connect(client, session);
            if (status == Status::again) return gatehouse::Next::wait; // until Event::ready
            if (!status) return gatehouse::Next::error;                // the host has recorded why
            session.connected = true;
        }
        gatehouse::Upstream& server = *session.server;
        auto& up = session.up;
        auto& down = session.down;
        std::array<gatehouse_news, 2> room;
        for (const gatehouse_news& news : client.news(room)) {
            const bool of_client = news.stream == client.handle();
            // What it has goes on; and if it has room, what the other one has said.
            if ((of_client || !up.left.empty()) && !carry(client, server, up, std::toupper)) return gatehouse::Next::close;
            if ((!of_client || !down.left.empty()) && !carry(server, client, down, std::tolower)) return gatehouse::Next::close;
        }
        // The host stops: the client is heard no more, and what the server still has to say goes out.
        if (session.stopping && up.left.empty() && !std::exchange(up.ended, true) && !server.finish())
            return gatehouse::Next::close;
        const bool over = up.ended && down.ended && up.left.empty() && down.left.empty();
        if (over || !client.watch(client, wanted(up, down)) || !client.watch(server, wanted(down, up)))
            return gatehouse::Next::close;
        return gatehouse::Next::park;
    }

  private:
    Status connect(gatehouse::Connection& client, Session& session) const {
        if (!session.server) {
            const Status status = client.connect_now({.address = server_, .within = 5s}, session.server);
            if (status != Status::again) return status;
        }
        std::string_view why;
        return client.outcome(*session.server, why);
    }

    using Case = int (*)(int);

    // Carries what is there, or as much of it as `to` takes. False: one of them is gone.
    static bool carry(gatehouse::ByteStream& from, gatehouse::ByteStream& to, Session::Way& way, Case to_case) {
        if (!way.left.empty()) {
            const auto written = to.write_now(way.left);
            if (!written) return written.status() == Status::again;
            way.left.erase(0, *written);
        }
        if (way.ended || !way.left.empty()) return true;
        std::array<char, 16384> buffer;
        const auto text = from.read_now(buffer);
        if (!text) {
            if (text.status() != Status::end) return text.status() == Status::again || text.status() == Status::stopping;
            way.ended = true;
            return bool(to.finish());
        }
        std::transform(text->begin(), text->end(), buffer.begin(),
                       [to_case](unsigned char c) { return static_cast<char>(to_case(c)); });
        const auto written = to.write_now(*text);
        if (!written && written.status() != Status::again) return false;
        way.left = text->substr(written ? *written : 0);
        return true;
    }

    // A side is read only while the other one takes what it says.
    static Ready wanted(const Session::Way& from_it, const Session::Way& to_it) {
        const bool read = from_it.left.empty() && !from_it.ended;
        if (to_it.left.empty()) return read ? Ready::readable : Ready::nothing;
        return read ? Ready::both : Ready::writable;
    }

    const std::string server_;
};
GATEHOUSE_PLUGIN(Rewriter, "rewriter", "1.0.0")
