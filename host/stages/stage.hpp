// What may lie between accept and serve(): the stages of a listener, passed one after the other.
//
//      accepted ──▶ stage 0 ──▶ stage 1 ──▶ … ──▶ serve()
//                    │  ▲
//                    │  └─ more: rests in the epoll set, holds no thread, until bytes come or the stage's time is over
//                    └──── refuse(reason): closed
//
// A stage is constant and shared by all connections of its listener; what it keeps of one stands in the Connection. It usually
// only peeks at what has arrived, and is asked again with the same bytes and those that follow; one that consumes (a header, a
// handshake) must have read or peeked until nothing was left before it says more: only news makes it be asked again.
#pragma once

#include "base/units.hpp"
#include "connection/connection.hpp"

#include <cstddef>
#include <optional>
#include <span>

namespace gatehouse::host {

struct Verdict {
    enum class What : std::uint8_t {
        pass,   // to the next stage
        more,   // asked again when more has arrived, when nothing more will come, and when the time is over
        room,   // like more, and also when the socket can be written to again
        refuse, // the connection is closed for `reason`
    };

    What what = What::more;
    Reason reason = Reason::done;

    static Verdict pass() noexcept { return {What::pass}; }
    static Verdict more() noexcept { return {What::more}; }
    static Verdict room() noexcept { return {What::room}; }
    static Verdict refuse(Reason reason) noexcept { return {What::refuse, reason}; }
};

class Stage {
  public:
    Stage() = default;
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    virtual ~Stage() = default;

    // How long the connection may stay here, from now on: an absolute deadline that nothing that arrives moves. Nothing: the
    // stage is not for this connection. [owner]
    virtual std::optional<Milliseconds> limit(const Connection& connection) const noexcept = 0;

    // Whether it can tell something of a connection before anything has arrived. [any]
    virtual bool at_once() const noexcept { return false; }

    // Why it was asked, besides the bytes that can be peeked at.
    struct News {
        bool ended;   // the client has closed its side or has gone: what is there is all there will be
        bool expired; // the time is over
    };

    // Must not wait. If the client has ended, or the time is over and connection.stage_due has not been moved, more is not an
    // answer: the connection is then closed as peer_closed or first_byte_timeout. [owner]
    virtual Verdict look(Connection& connection, News news) const noexcept = 0;
};

// The bytes that have arrived, as many as fit into `buffer`, left where they are. Nothing: the client has reset the connection.
// Notes in the connection whether any are left unread. [owner]
std::optional<std::span<const std::byte>> peek(Connection& connection, std::span<std::byte> buffer) noexcept;

} // namespace gatehouse::host
