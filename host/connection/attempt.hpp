// A connection to a server that is being made: a name is looked up, its addresses are tried one after the other, what comes
// first is sent, and TLS is begun. It never waits. Who has to wait for it asks what for; a parked connection is brought back.
#pragma once

#include "base/clock.hpp"
#include "base/keepalive.hpp"
#include "base/reason.hpp"
#include "connection/channel.hpp"
#include "connection/connect_failure.hpp"
#include "net/address.hpp"
#include "tls/context.hpp"

#include <atomic>
#include <cstdint>
#include <gatehouse/gatehouse.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// The addresses of a name, which another thread finds out. That thread writes them before it sets `known`.
struct FoundAddresses {
    std::atomic<bool> known{false};
    gatehouse_status status = GATEHOUSE_OK;
    std::string why;
    std::vector<SocketAddress> addresses;
};

struct AttemptPlan {
    std::string name;                             // what it is for, in words
    std::vector<SocketAddress> addresses;         // to be tried in this order
    std::shared_ptr<const FoundAddresses> lookup; // null: they are known
    std::optional<SocketAddress> source;          // to connect from; nothing: the kernel chooses
    Keepalive keepalive;
    std::string preface;                   // sent before TLS
    std::shared_ptr<const TlsContext> tls; // null: plain
    std::string server_name;               // that the certificate has to be for
    bool connects = true;                  // false: the addresses are all that is asked for
    Nanoseconds deadline = never;
};

class Attempt {
  public:
    // Of a new connection; or, with a channel that stands, of TLS on it.
    explicit Attempt(AttemptPlan plan) noexcept : plan_(std::move(plan)) {}
    Attempt(AttemptPlan plan, const SocketAddress& address) noexcept
        : plan_(std::move(plan)), phase_(Phase::opening), address_(address) {}

    // Goes on as far as is possible, with a socket of its own that becomes the channel's. True: it is over. [owner]
    bool step(Channel& to, Nanoseconds now) noexcept;
    // Its time is over before its deadline.
    void give_up(Channel& to) noexcept;

    // What step() waits for, as poll() has it: POLLIN, POLLOUT, or 0 if for nothing of its socket.
    short waits_for(const Channel& to) const noexcept;
    // How many addresses it has tried: each with a socket of its own.
    std::size_t tried() const noexcept { return next_; }
    Nanoseconds deadline() const noexcept { return plan_.deadline; }

    bool over() const noexcept { return phase_ == Phase::over; }
    // Once it is over: what has come of it.
    gatehouse_status status() const noexcept { return status_; }
    std::optional<Reason> lacking() const noexcept { return lacking_; } // with GATEHOUSE_EXHAUSTED: what this host lacks
    Cause cause() const noexcept { return cause_; }                     // of a failure
    const std::string& text() const noexcept { return text_; }          // in words, with the server's name
    const std::string& why() const noexcept { return why_; }            // the same without
    const SocketAddress& address() const noexcept { return address_; }  // that was reached, or tried last
    bool connects() const noexcept { return plan_.connects; }
    const std::vector<SocketAddress>& addresses() const noexcept { return plan_.addresses; }

    bool told = false; // the plugin has been called for it

  private:
    enum class Phase : std::uint8_t { looking_up, choosing, connecting, opening, shaking_hands, over };

    bool look_up(Nanoseconds now);
    bool choose(Channel& to);
    int open(Channel& to) const noexcept;
    bool connected(Channel& to, Nanoseconds now);
    bool send_preface(Channel& to, Nanoseconds now);
    bool shake_hands(Channel& to, Nanoseconds now);
    bool is_late(Nanoseconds now) const noexcept { return now >= plan_.deadline; }
    void note(int error);
    bool end(gatehouse_status status, std::string why, std::optional<Reason> lacking = std::nullopt);

    AttemptPlan plan_;
    Phase phase_ = Phase::looking_up;
    std::size_t next_ = 0;  // of the addresses
    std::size_t sent_ = 0;  // of the preface
    SocketAddress address_; // that is tried
    gatehouse_status status_ = GATEHOUSE_FAILED;
    Cause cause_ = Cause::none;
    std::optional<Reason> lacking_;
    std::string text_;
    std::string why_;
};

} // namespace gatehouse::host
