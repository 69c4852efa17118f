#include <gatehouse/plugin.hpp>

#include <mutex>
#include <optional>
#include <string>

using namespace std::chrono_literals;

// Relays clients to a server, which it checks every two seconds; while the check fails, to a server behind a name.
class Standby {
  public:
    static constexpr bool server_first = true;

    explicit Standby(gatehouse::Init& init)
        : init_(init), server_(init.config().string("server")), name_(init.config().string("standby")) {}

    void start() {
        check_.emplace(
            init_, gatehouse::Check::Options{.address = server_, .send = "PING\r\n", .interval = 2s},
            [](std::string_view answer, bool /*at_end*/) {
                if (answer.size() < 5) return GATEHOUSE_MATCH_MORE;
                return answer.starts_with("+PONG") ? GATEHOUSE_MATCH_YES : GATEHOUSE_MATCH_NO;
            },
            [this](gatehouse::Status status, std::string_view /*why*/) {
                const std::lock_guard lock(mutex_);
                up_ = static_cast<bool>(status);
            });
        watch_.emplace(
            init_, name_,
            [this](std::span<const gatehouse::Endpoint> endpoints, gatehouse::Status status, std::string_view /*why*/) {
                if (!status) return; // the last address may still be right
                const std::lock_guard lock(mutex_);
                standby_ = endpoints.empty() ? "" : std::string(endpoints.front().address);
            });
    }

    gatehouse::Next serve(gatehouse::Connection& conn) {
        auto server = conn.connect(choose(), 5s);
        if (!server) return gatehouse::Next::no_upstream;
        return conn.relay(std::move(*server));
    }

  private:
    std::string choose() {
        const std::lock_guard lock(mutex_);
        return up_ || standby_.empty() ? server_ : standby_;
    }

    const gatehouse::Init init_; // constant after construction, as are the next two
    const std::string server_;
    const std::string name_;
    std::mutex mutex_;
    bool up_ = false;                       // guarded by mutex_
    std::string standby_;                   // guarded by mutex_
    std::optional<gatehouse::Check> check_; // last, so that they end first: their callbacks use the members above
    std::optional<gatehouse::Watch> watch_;
};
GATEHOUSE_PLUGIN(Standby, "standby", "1.0.0")
