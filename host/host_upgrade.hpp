// An upgrade, as the host that is replaced sees it. The keeper starts the program that is on disk by now; it gets the sockets
// and says when it is ready; then this one accepts no more, and serves its connections to the end. See handover/predecessor.hpp
// for what the two say to each other.
//
//                begin()           all sent            "ready"             "accepting"            guard is over
//      (idle) ──────────▶ sending ─────────▶ starting ─────────▶ switching ───────────▶ guarding ──────────────▶ over
//         ▲                  │                   │                   │                      │
//         ├───── it fails, or takes too long ────┘                   └────── it dies ───────┘
//         │                                                                  ▼
//         └──────────────── this host accepts again ────────────────── taking back
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/log.hpp"
#include "control/command.hpp"
#include "control/server.hpp"
#include "drain_command.hpp"
#include "endpoints.hpp"
#include "generations.hpp"
#include "handover/keeper.hpp"
#include "handover/predecessor.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <poll.h>
#include <string>
#include <utility>
#include <vector>

namespace gatehouse::host {

class HostUpgrade {
  public:
    // What has become of it.
    struct Outcome {
        bool accepts = false; // the other process
        std::string why;      // it does not; also empty if memory ran out
        std::int64_t pid = 0;
        std::string version;
        std::size_t sockets = 0;
        std::uint32_t connections = 0; // that stay with this process
        Nanoseconds took = 0;          // until the other process accepted
    };

    // `keeper`, `control`: empty if there is none. `predecessor`: of this host, or null. All outlive this.
    HostUpgrade(const std::optional<Keeper>& keeper, Predecessor* predecessor, const DrainPlan& drain, Endpoints& endpoints,
                Generations& generations, std::optional<Control>& control, Log& log) noexcept
        : keeper_(keeper), predecessor_(predecessor), drain_(drain), endpoints_(endpoints), generations_(generations),
          control_(control), log_(log) {}

    // `guard`: how long this host stays ready to accept again. Returns why not; empty: it has begun. [main]
    std::string begin(const std::string& by, Milliseconds guard);
    // Of the one that was begun; nothing: it is not known yet. [main]
    const std::optional<Outcome>& outcome() const noexcept { return outcome_; }

    // For poll(); -1: nothing to wait for.
    int descriptor() const noexcept { return channel_.get(); }
    short events() const noexcept { return static_cast<short>(outbox_.empty() ? POLLIN : POLLIN | POLLOUT); }

    // Goes on with it. Returns when it wants to be asked again. [main]
    Nanoseconds serve(Nanoseconds now) noexcept;

    // Whether another process accepts instead of this one; and for good. [main]
    bool has_handed_over() const noexcept { return state_ == State::switching || state_ == State::guarding || is_over(); }
    bool is_over() const noexcept { return state_ == State::over; }
    bool wants_drain() const noexcept { return wants_drain_; } // whoever ends the other process means this one as well

    // The host drains: the other process is given up, or everything is its own from here on. [main]
    void conclude() noexcept;

  private:
    enum class State { idle, sending, starting, switching, guarding, taking_back, over };

    void prepare();
    void flush() noexcept;
    void hear(Nanoseconds now) noexcept;
    void hand_over(const HandoverMessage& ready, Nanoseconds now) noexcept;
    void accepted(Nanoseconds now) noexcept;
    void give_up(std::string_view why) noexcept;
    void take_back() noexcept;
    Nanoseconds accept_again(Nanoseconds now) noexcept;
    void let_go() noexcept;
    void fail(std::string_view why) noexcept;
    bool say(std::string_view what) noexcept;

    const std::optional<Keeper>& keeper_; // constant after construction, as are the next six
    Predecessor* const predecessor_;
    const DrainPlan& drain_;
    Endpoints& endpoints_;
    Generations& generations_;
    std::optional<Control>& control_;
    Log& log_;

    State state_ = State::idle; // [main], as are all below
    Descriptor channel_;
    struct Letter {
        std::string bytes;
        std::vector<int> descriptors;
    };
    std::deque<Letter> outbox_;
    std::uint64_t orders_changed_ = 0; // Denials::changes() when the orders were told
    Nanoseconds begun_ = 0;
    Nanoseconds deadline_ = never; // of the state
    Nanoseconds guard_ = 0;
    std::string by_;
    Outcome now_; // as far as it is known
    std::optional<Outcome> outcome_;
    std::uint64_t order_ = 0; // to accept again; 0: it could not be given
    bool wants_drain_ = false;
};

// `upgrade`.
HostCommand upgrade_command(HostUpgrade& upgrade);

} // namespace gatehouse::host
