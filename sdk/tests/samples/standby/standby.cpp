#include <gatehouse/plugin.hpp>

#include <mutex>
#include <string>

using namespace std::chrono_literals;

// Relays clients to a server, which it checks every two seconds; while the check fails, to a server behind a name.
class Standby {
  public:
    static constexpr bool server_first = true;

    explicit Standby(gatehouse::Init& init)
        : server_(init.config().string("server")),
          check_(
              init, {.address = server_, .send = "PING\r\n", .interval = 2s},
              [](std::string_view answer, bool /*at_end*/) {
                  if (answer.size() < 5) return GATEHOUSE_MATCH_MORE;
                  return answer.starts_with("+PONG") ? GATEHOUSE_MATCH_YES : GATEHOUSE_MATCH_NO;
              },
              [this](gatehouse::Status status, std::string_view /*why*/) {
                  const std::lock_guard lock(mutex_);
                  up_ = static_cast<bool>(status);
              }),
          watch_(init, init.config().string("standby"),
                 [this](std::span<const gatehouse::Endpoint> endpoints, gatehouse::Status status, std::string_view /*why*/) {
                     if (!status) return; // the last address may still be right
                     const std::lock_guard lock(mutex_);
                     standby_ = endpoints.empty() ? "" : std::string(endpoints.front().address);
                 }) {}

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

    const std::string server_;
    std::mutex mutex_;
    bool up_ = false;        // guarded by mutex_
    std::string standby_;    // guarded by mutex_
    gatehouse::Check check_; // last, so that they end first: their callbacks use the members above
    gatehouse::Watch watch_;
};
GATEHOUSE_PLUGIN(Standby, "standby", "1.0.0")
