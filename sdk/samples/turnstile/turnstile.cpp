#include <gatehouse/plugin.hpp>

#include <algorithm>
#include <charconv>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

// Lets a few clients at a time through to a server. The others wait in line; the bytes that they send wait in the kernel.
class Turnstile {
  public:
    static constexpr bool server_first = true;
    static constexpr gatehouse::Command commands[] = {
        {"state", "", "shows how many are inside and in line", gatehouse::Role::show}, {"cut", "CONNECTION", "ends a relay"}};
    struct Session {
        std::uint64_t id = 0;
        bool inside = false;
    };

    explicit Turnstile(gatehouse::Init& init) : host_(init), server_(init.config().string("server")) {
        if (const auto line = init.config().table("line")) {
            most_ = line->integer("inside", most_, 1);
            patience_ = line->duration("patience", patience_);
        }
    }

    gatehouse::Next serve(gatehouse::Connection& conn, Session& session) {
        if (conn.event() == gatehouse::Event::open) {
            session.id = conn.id();
            conn.set_deadline(patience_);
        }
        if (conn.event() == gatehouse::Event::timer) {
            conn.set_error("it waited in line for too long");
            return gatehouse::Next::no_upstream;
        }
        if (conn.event() == gatehouse::Event::stopping || conn.event() == gatehouse::Event::timeout)
            return gatehouse::Next::close;
        if (!enter(session)) return gatehouse::Next::wait; // until closed() wakes it, or a deadline does
        conn.clear_deadline();
        auto server = conn.connect(server_, 5s);
        if (!server) return gatehouse::Next::no_upstream; // the host has recorded why
        host_.log(GATEHOUSE_LEVEL_DEBUG, std::string(conn.peer()) + " reaches " + std::string(server->peer()));
        return conn.relay(std::move(*server));
    }

    void closed(Session& session, std::string_view /*reason*/) {
        const std::lock_guard lock(mutex_);
        std::erase(line_, session.id);
        if (session.inside) --inside_;
        if (!line_.empty()) host_.wake(line_.front());
    }

    void command(std::span<const std::string_view> words, gatehouse::Answer& answer) {
        if (words[0] == "cut") {
            std::uint64_t id = 0;
            if (words.size() == 2) std::from_chars(words[1].data(), words[1].data() + words[1].size(), id);
            if (!host_.end(id, gatehouse::How::reset)) throw std::runtime_error("there is no such connection");
            return;
        }
        const std::lock_guard lock(mutex_);
        answer.columns({{"inside", GATEHOUSE_TYPE_NUMBER}, {"in line", GATEHOUSE_TYPE_NUMBER}});
        answer.row({inside_, line_.size()});
    }

  private:
    bool enter(Session& session) {
        const std::lock_guard lock(mutex_);
        const bool first = line_.empty() || line_.front() == session.id;
        session.inside = inside_ < most_ && first;
        if (session.inside) {
            ++inside_;
            std::erase(line_, session.id);
            if (!line_.empty()) host_.wake(line_.front()); // there may be room for more than one
        } else if (std::ranges::find(line_, session.id) == line_.end()) {
            line_.push_back(session.id);
        }
        return session.inside;
    }

    const gatehouse::Init host_; // constant after construction, as are the next three
    const std::string server_;
    std::int64_t most_ = 2;
    std::chrono::milliseconds patience_ = 10s;
    std::mutex mutex_;
    std::deque<std::uint64_t> line_; // guarded by mutex_
    std::int64_t inside_ = 0;        // guarded by mutex_
};
GATEHOUSE_PLUGIN(Turnstile, "turnstile", "1.0.0")
