// A drain of this listener alone, as long as an operator's order holds: newcomers are not taken, and the connections that there
// are, of whichever generation, are told as in a drain of the host.
#include "base/if_memory_allows.hpp"
#include "serving/service.hpp"

#include <exception>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds doors_pause = 1'000'000'000; // after they could not be opened

} // namespace

// Returns when it wants to be asked again. A generation that does not accept yet, or any more, has its connections told alone.
Nanoseconds Service::follow_orders(Nanoseconds now) noexcept {
    const Nanoseconds ordered = endpoint_.limits.drained_by.load();
    if (ordered != never && is_current_ && doors_ != Doors::closed) close_doors();
    if (ordered != drained_by_) {
        drained_by_ = ordered;
        open_again_ = 0;
        drain_.start(ordered); // those that a thread lets in just now see that by themselves
        if (ordered != never) {
            begin_drain();
            shared_.relays.begin_drain(ordered);
        }
    }
    if (ordered != never || !is_current_ || doors_ == Doors::open) return never;
    if (now >= open_again_ && !open_doors()) open_again_ = now + doors_pause;
    return doors_ == Doors::open ? never : open_again_;
}

// Who waits in the accept queue is served, and told: the kernel has completed the handshake.
void Service::close_doors() noexcept {
    doors_ = Doors::closed;
    for (Acceptor& acceptor : acceptors_) {
        acceptor.stop();
        acceptor.take_waiting(config.backlog);
    }
    for (Listener& socket : *sockets_) socket.pause();
    if_memory_allows(
        [&] { shared_.log.info("listener drains", {{"listener", config.name}, {"address", addresses()}, {"open", open()}}); });
}

bool Service::open_doors() noexcept {
    try {
        for (Listener& socket : *sockets_)
            if (!socket.listens()) socket.listen();
        for (Acceptor& acceptor : acceptors_) acceptor.reopen();
    } catch (const std::exception& error) {
        if_memory_allows([&] {
            shared_.log.error("a listener does not accept again; trying in a second",
                              {{"listener", config.name}, {"problem", error.what()}});
        });
        return false;
    }
    for (Acceptor& acceptor : acceptors_) acceptor.start();
    doors_ = Doors::open;
    return true;
}

} // namespace gatehouse::host
