#include <gatehouse/plugin.hpp>

#include <array>
#include <mutex>
#include <optional>
#include <set>
#include <string>

using namespace std::chrono_literals;

// Beats for all of its clients at once. One timer does for all of them, and no client holds a thread between two beats.
class Metronome {
  public:
    static constexpr bool server_first = true;
    static constexpr std::string_view try_it = "nc {host} {port}";

    explicit Metronome(gatehouse::Init& init) : init_(init), every_(init.config().duration("every", 1s)) {
        if (every_ < 1ms) init.config().reject("every", "is too short (expected at least 1ms)");
    }

    void start() {
        timer_.emplace(init_, gatehouse::Timer::Options{.every = every_}, [this] {
            const std::lock_guard lock(mutex_);
            ++beat_;
            for (const std::uint64_t client : clients_) init_.wake(client);
        });
    }

    gatehouse::Next serve(gatehouse::Connection& conn) {
        switch (conn.event()) {
        case gatehouse::Event::open: {
            const std::lock_guard lock(mutex_);
            clients_.insert(conn.id());
            return gatehouse::Next::park;
        }
        case gatehouse::Event::wake:
            return conn.write(beat()) ? gatehouse::Next::park : gatehouse::Next::close;
        case gatehouse::Event::data: { // what the client says is not for us, but that it leaves is
            std::array<std::byte, 256> buffer;
            return conn.read(buffer) ? gatehouse::Next::park : gatehouse::Next::close;
        }
        default: // the host ends this
            return gatehouse::Next::close;
        }
    }

    void closed(std::uint64_t id, std::string_view /*reason*/) {
        const std::lock_guard lock(mutex_);
        clients_.erase(id);
    }

  private:
    std::string beat() {
        const std::lock_guard lock(mutex_);
        return std::to_string(beat_) + "\n";
    }

    const gatehouse::Init init_; // constant after construction, as is the next one
    const std::chrono::milliseconds every_;
    std::mutex mutex_;
    unsigned beat_ = 0;                     // guarded by mutex_
    std::set<std::uint64_t> clients_;       // guarded by mutex_
    std::optional<gatehouse::Timer> timer_; // last, so that it ends first: its callback uses the members above
};
GATEHOUSE_PLUGIN(Metronome, "metronome", "1.0.0")
