// What may lie between accept and serve(): the stages of a listener, passed one after the other.
//
//      accepted ──▶ stage 0 ──▶ stage 1 ──▶ … ──▶ serve()
//                    │  ▲
//                    │  └─ more: rests in the epoll set, holds no thread, until bytes come or the stage's time is over
//                    └──── refuse(reason): closed
//
// A stage is constant and shared by all connections of its listener. It looks at a Visitor and answers with a Verdict: the
// listener alone changes the connection. It usually only peeks at the bytes, and is asked again with the same bytes and
// those that follow. One that consumes (a header, a handshake) must have read or peeked until nothing was left before it says
// more: only news makes it be asked again.
#pragma once

#include "access/access.hpp"
#include "base/reason.hpp"
#include "base/units.hpp"
#include "config/refusal.hpp"
#include "connection/channel.hpp"
#include "connection/peer.hpp"
#include "connection/routed.hpp"
#include "stages/explanation.hpp"

#include <memory>
#include <optional>

namespace gatehouse::host {

class PluginInstance;
class TlsServer;

// What a stage may know of a connection. It may take bytes off the channel and put a TLS session on it.
struct Visitor {
    Channel& channel;
    std::uint64_t id = 0;                   // the connection's
    SocketAddress peer;                     // as the PROXY header says it if there was one
    Behalf behalf = Behalf::client;         // whose connection it is
    const Proxied* proxied = nullptr;       // null: no PROXY header has been taken
    TlsServer* tls = nullptr;               // that the route it has taken names; null: none
    const PluginInstance* plugin = nullptr; // that a route has found; null: none has yet
    bool has_begun = false;                 // this stage has set a deadline of its own
    bool expired = false;                   // the time of the stage is over
};

struct Verdict {
    enum class What : std::uint8_t {
        pass,   // to the next stage
        more,   // asked again when more has arrived, when nothing more will come, when TLS can write on, and when the time is
                // over
        refuse, // the connection is closed for `reason`
        full,   // the same, unless another one gives way: then it is asked again
    };

    What what = What::more;
    Reason reason = Reason::done;
    Rule rule{};                                      // with refuse: that says so, if there is one
    std::optional<Milliseconds> limit = std::nullopt; // with pass and more: of the stage, from now on; 0: no limit
    PluginInstance* plugin = nullptr;                 // with pass: the plugin that it is for; null: the stage does not say
    TlsServer* tls = nullptr;                         // with pass: ends TLS in a later stage
    std::unique_ptr<const Proxied> proxied = nullptr; // with pass: the client that a proxy has named
    std::unique_ptr<const Routed> routed = nullptr;   // with pass: what a route has found out; null: nothing new

    static Verdict pass() noexcept { return {What::pass}; }
    static Verdict more() noexcept { return {What::more}; }
    static Verdict full(Reason reason) noexcept { return {What::full, reason}; }
    static Verdict refuse(Reason reason, const Rule& rule = {}) noexcept { return {What::refuse, reason, rule}; }
};

class Stage {
  public:
    Stage() = default;
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    virtual ~Stage() = default;

    // How long the connection may stay here, from now on: an absolute deadline that nothing that arrives moves. Nothing: the
    // stage is not for this connection. [owner]
    virtual std::optional<Milliseconds> limit(const Visitor& visitor) const noexcept = 0;

    // Whether it can decide on some connections before any byte has arrived. [any]
    virtual bool at_once() const noexcept { return false; }

    // Must not wait. With channel.hangup no more bytes will come. If the verdict is `more` even so, the host closes the
    // connection as peer_closed; if it is `more` without a new limit once the time is over, as first_byte_timeout. [owner]
    virtual Verdict look(const Visitor& visitor) const noexcept = 0;

    // The same of a connection that nobody has made, whose channel has no socket: adds its steps. `more`: that depends on what
    // the client says. May throw std::bad_alloc. [main]
    virtual Verdict explain(const Visitor& visitor, const Asked& asked, Explanation& explanation) const = 0;
};

} // namespace gatehouse::host
