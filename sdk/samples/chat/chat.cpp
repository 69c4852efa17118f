#include <gatehouse/plugin.hpp>

#include <array>
#include <map>
#include <mutex>
#include <string>

// Every client receives what the others send.
class Chat {
  public:
    explicit Chat(gatehouse::Init& init) : host_(init) {}

    struct Session {
        std::uint64_t id = 0; // 0: not in the room yet
    };

    gatehouse::Next serve(gatehouse::Connection& conn, Session& session) {
        if (session.id == 0) {
            session.id = conn.id();
            const std::lock_guard lock(mutex_);
            unheard_[session.id];
        }
        if (conn.event() == gatehouse::Event::wake) {
            std::string text;
            {
                const std::lock_guard lock(mutex_);
                text = std::exchange(unheard_[session.id], "");
            }
            return conn.write(text) ? gatehouse::Next::park : gatehouse::Next::close;
        }
        std::array<char, 1024> buffer;
        auto text = conn.read(buffer);
        if (!text) return gatehouse::Next::close;
        const std::lock_guard lock(mutex_);
        for (auto& [id, unheard] : unheard_) {
            if (id == session.id || unheard.size() + text->size() > most_unheard) continue;
            unheard += *text;
            host_.wake(id);
        }
        return gatehouse::Next::park;
    }

    void closed(Session& session, std::string_view) {
        const std::lock_guard lock(mutex_);
        unheard_.erase(session.id);
    }

  private:
    static constexpr std::size_t most_unheard = 65536; // for each client; one that reads too slowly misses the rest

    gatehouse::Init host_; // a copy, to wake connections
    std::mutex mutex_;
    std::map<std::uint64_t, std::string> unheard_; // by connection id; guarded by mutex_
};
GATEHOUSE_PLUGIN(Chat, "chat", "1.0.0")
