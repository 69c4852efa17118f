// The host before this one, which has had it started (see keeper.hpp) and hands its sockets over:
//
//       the host before                          this one
//       "sockets", "control", "ticket_keys",
//       "orders", "complete"                  ─▶ reads its configuration, takes the sockets, starts everything
//                                             ◀─ "ready"; or "failed", with the reason
//       stops accepting;               "go"   ─▶ accepts
//                                             ◀─ "accepting"
//       is sure of it;               "yours"  ─▶ the sockets are its own
//                                             ◀─ "settled": it need not be guarded any more; "drain": both are to end
//
// Exactly one of them accepts, whichever dies when: this one accepts after "go", or when the other has gone without "cancel".
// The one before accepts until it has said "go", and again if this one goes before "yours".
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "handover/message.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::host {

class Predecessor {
  public:
    // Sockets by what socket_key() says of their listener, in order.
    using Sockets = std::map<std::string, std::vector<Descriptor>>;
    enum class Word { go, cancel, yours };

    // The environment variable that says that standard input is the channel: "NAME=value".
    static std::string environment();

    // Nothing: nobody has had this process started so. Waits for the sockets; if the host before has gone meanwhile, those that
    // have come are all there are. Takes the variable out of the environment, and the channel from standard input. Throws
    // std::runtime_error if it has changed its mind, or says nothing for a long time. Before any thread is started. [main]
    static std::optional<Predecessor> of_environment();

    Sockets take_sockets() noexcept { return std::exchange(sockets_, {}); }
    // The socket of the file `path`, if the host before had its control socket there.
    Descriptor take_control(const std::filesystem::path& path);

    // The keys of session tickets, by the names of TLS sections, as TicketKeyRing saves them.
    const HandoverMessage::Fields& ticket_keys() const noexcept { return ticket_keys_; }
    // What its messages "orders" have, one after the other: see take_orders().
    const HandoverMessage::Fields& orders() const noexcept { return orders_; }

    // Readable when there is something to hear(); -1: it has gone.
    int descriptor() const noexcept { return channel_.get(); }
    // What it has said, if it has said anything. That it has gone means the same as "go", and then "yours". [main]
    std::optional<Word> hear() noexcept;

    // These do nothing if it has gone. [main]
    void tell_ready(std::string_view version) noexcept;
    void tell_accepting() noexcept { tell("accepting"); }
    void tell_failed(const std::string& why) noexcept;
    // It is not wanted back: this one is about to be replaced itself.
    void tell_settled() noexcept { tell("settled"); }
    // It is to drain as well: whoever ends this process means the service.
    void tell_drain() noexcept { tell("drain"); }

  private:
    explicit Predecessor(Descriptor channel) noexcept : channel_(std::move(channel)) {}
    void receive_sockets();
    void tell(std::string_view what, const HandoverMessage::Fields& fields = {}) noexcept;

    Descriptor channel_; // none: it has gone
    Sockets sockets_;
    std::string control_path_;
    Descriptor control_;
    HandoverMessage::Fields ticket_keys_;
    HandoverMessage::Fields orders_;
    bool went_ = false; // it has said "go", or has gone
    bool yours_ = false;
};

} // namespace gatehouse::host
