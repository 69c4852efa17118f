#include <gatehouse/plugin.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

// Publish and subscribe, in lines:
//
//     sub TOPIC        from now on this client hears what is published there
//     pub TOPIC TEXT   each subscriber hears "TOPIC TEXT"
//
// A client that only listens holds no thread. One that does not take what it hears misses the rest.
class Topics {
  public:
    static constexpr std::string_view try_it = "nc {host} {port}   (sub news, pub news hello)";

    struct Session {
        std::uint64_t id = 0; // 0: not among the clients yet
        std::string line;     // the part that has arrived so far
    };

    explicit Topics(gatehouse::Init& init) : host_(init) {}

    gatehouse::Next serve(gatehouse::Connection& conn, Session& session) {
        if (session.id == 0) {
            const std::lock_guard lock(mutex_);
            session.id = conn.id();
            clients_[session.id];
        }
        if (conn.event() == gatehouse::Event::wake) {
            std::string text;
            {
                const std::lock_guard lock(mutex_);
                text = std::exchange(clients_[session.id].unheard, "");
            } // a client that is slow to take it must not stop the others
            return conn.write(text) ? gatehouse::Next::park : gatehouse::Next::close;
        }
        std::array<char, 4096> buffer;
        const auto text = conn.read(buffer);
        if (!text) return gatehouse::Next::close;
        for (const char c : *text) {
            if (c == '\n') {
                if (!obey(session.id, session.line)) {
                    conn.set_error("expected: sub TOPIC or pub TOPIC TEXT");
                    return gatehouse::Next::error;
                }
                session.line.clear();
            } else if (session.line.size() == longest) {
                conn.set_error("a line is longer than 1024 bytes");
                return gatehouse::Next::error;
            } else if (c != '\r') {
                session.line += c;
            }
        }
        return gatehouse::Next::park;
    }

    void closed(Session& session, std::string_view /*reason*/) {
        const std::lock_guard lock(mutex_);
        clients_.erase(session.id);
    }

  private:
    // Clients are hostile: what grows has a limit.
    static constexpr std::size_t longest = 1024, most_topics = 100, most_unheard = 65536;

    struct Listener {
        std::set<std::string, std::less<>> topics;
        std::string unheard; // until the host has woken its connection
    };

    bool obey(std::uint64_t id, std::string_view line) {
        const std::string_view command = line.substr(0, line.find(' '));
        line.remove_prefix(std::min(line.size(), command.size() + 1));
        const std::string_view topic = line.substr(0, line.find(' '));
        if (topic.empty()) return false;
        const std::lock_guard lock(mutex_);
        if (command == "sub") {
            auto& topics = clients_[id].topics;
            if (topics.size() < most_topics) topics.emplace(topic);
            return true;
        }
        if (command != "pub") return false;
        for (auto& [listener, state] : clients_) {
            if (!state.topics.contains(topic) || state.unheard.size() + line.size() >= most_unheard) continue;
            state.unheard.append(line) += '\n';
            host_.wake(listener); // the host calls serve() for that connection, in another thread
        }
        return true;
    }

    gatehouse::Init host_; // a copy, to wake connections
    std::mutex mutex_;
    std::map<std::uint64_t, Listener> clients_; // by connection id; guarded by mutex_
};
GATEHOUSE_PLUGIN(Topics, "@NAME@", "0.1.0")
