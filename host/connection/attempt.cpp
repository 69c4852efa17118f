#include "connection/attempt.hpp"

#include "base/printable.hpp"
#include "base/socket.hpp"
#include "connection/connect.hpp"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <new>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

void drop(Channel& to) noexcept {
    to.tls.reset();
    if (const int fd = std::exchange(to.fd, -1); fd >= 0) ::close(fd);
}

gatehouse_status status_of(Handshake handshake) noexcept {
    switch (handshake) {
    case Handshake::done:
        return GATEHOUSE_OK;
    case Handshake::reset:
        return GATEHOUSE_RESET;
    case Handshake::timeout:
        return GATEHOUSE_TIMEOUT;
    case Handshake::no_memory:
        return GATEHOUSE_EXHAUSTED;
    case Handshake::failed:
        break;
    }
    return GATEHOUSE_FAILED;
}

} // namespace

// Each of the phases goes on to the next, or is over, and returns true; or it waits.
bool Attempt::step(Channel& to, Nanoseconds now) noexcept {
    try {
        for (bool goes_on = true; goes_on;) {
            switch (phase_) {
            case Phase::looking_up:
                goes_on = look_up(now);
                break;
            case Phase::choosing:
                goes_on = choose(to);
                break;
            case Phase::connecting:
                goes_on = connected(to, now);
                break;
            case Phase::opening:
                goes_on = send_preface(to, now);
                break;
            case Phase::shaking_hands:
                goes_on = shake_hands(to, now);
                break;
            case Phase::over:
                return true;
            }
        }
        return false;
    } catch (const std::bad_alloc&) {
        phase_ = Phase::over;
        status_ = GATEHOUSE_EXHAUSTED;
        lacking_ = Reason::host_out_of_memory;
        return true;
    }
}

void Attempt::give_up(Channel& to) noexcept {
    plan_.deadline = 0;
    step(to, monotonic_now());
}

short Attempt::waits_for(const Channel& to) const noexcept {
    switch (phase_) {
    case Phase::connecting:
    case Phase::opening:
        return POLLOUT;
    case Phase::shaking_hands:
        return to.wants_write() ? POLLOUT : POLLIN;
    case Phase::looking_up:
    case Phase::choosing:
    case Phase::over:
        break;
    }
    return 0;
}

bool Attempt::end(gatehouse_status status, std::string why, std::optional<Reason> lacking) {
    phase_ = Phase::over;
    status_ = status;
    lacking_ = lacking;
    why_ = std::move(why);
    return true;
}

bool Attempt::look_up(Nanoseconds now) {
    if (plan_.lookup) {
        cause_ = Cause::dns; // unless it is found
        if (!plan_.lookup->known.load(std::memory_order_acquire)) {
            if (!is_late(now)) return false;
            text_ = "upstream " + plan_.name + ": no answer in time";
            return end(GATEHOUSE_TIMEOUT, "no answer in time");
        }
        if (plan_.lookup->status != GATEHOUSE_OK) {
            text_ = "upstream " + plan_.name + ": " + plan_.lookup->why;
            return end(plan_.lookup->status, plan_.lookup->why);
        }
        plan_.addresses = plan_.lookup->addresses;
        plan_.lookup.reset();
    }
    if (!plan_.connects) return end(GATEHOUSE_OK, "");
    phase_ = Phase::choosing;
    return true;
}

// Notes why an address could not be reached; the last one is told. What this host lacks is, whatever the other addresses say.
void Attempt::note(int error) {
    if (lacking_) return;
    const ConnectFailure failure = connect_failure(error, address_);
    const std::string server = to_string(address_);
    why_ = failure.why;
    status_ = failure.status;
    cause_ = failure.cause;
    lacking_ = failure.lacking;
    text_ = "upstream " + (server.starts_with(plan_.name) ? server : plan_.name + " (" + server) + ": " + failure.why +
            (server.starts_with(plan_.name) ? "" : ")");
}

bool Attempt::choose(Channel& to) {
    while (next_ < plan_.addresses.size()) {
        address_ = plan_.addresses[next_++];
        const int error = open(to);
        if (error == 0) {
            phase_ = Phase::connecting;
            return true;
        }
        note(error);
        drop(to);
    }
    phase_ = Phase::over;
    return true;
}

// 0: it is on its way, or stands already; or an errno.
int Attempt::open(Channel& to) const noexcept {
    to.fd = ::socket(address_.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (to.fd < 0) return errno;
    if (address_.storage.ss_family != AF_UNIX) {
        const int on = 1;
        ::setsockopt(to.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(to.fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on); // urgent data is data like all other
        set_keepalive(to.fd, plan_.keepalive);
        if (plan_.source) {
            ::setsockopt(to.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on); // as many ports as servers
            if (::bind(to.fd, plan_.source->get(), plan_.source->size) != 0) return errno;
        }
    }
    return ::connect(to.fd, address_.get(), address_.size) == 0 || errno == EINPROGRESS ? 0 : errno;
}

bool Attempt::connected(Channel& to, Nanoseconds now) {
    pollfd item{to.fd, POLLOUT, 0};
    int error = 0;
    if (::poll(&item, 1, 0) <= 0) { // on loopback the connection usually stands already
        if (!is_late(now)) return false;
        error = ETIMEDOUT;
    } else if ((item.revents & (POLLERR | POLLHUP)) != 0) {
        error = connect_outcome(to.fd);
    }
    if (error == 0 && is_connected_to_itself(to.fd, address_)) {
        reset_on_close(to.fd); // the server may want to come back on this port
        error = ECONNREFUSED;
    }
    if (error == 0) {
        phase_ = Phase::opening;
        return true;
    }
    note(error);
    drop(to);
    phase_ = Phase::choosing;
    return true;
}

bool Attempt::send_preface(Channel& to, Nanoseconds now) {
    const auto fails = [&](int error) {
        lacking_.reset();
        note(error);
        return end(status_, why_, lacking_);
    };
    while (sent_ < plan_.preface.size()) {
        const ssize_t count = to.transmit(plan_.preface.data() + sent_, plan_.preface.size() - sent_, plan_.tls ? MSG_MORE : 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return is_late(now) ? fails(ETIMEDOUT) : false;
        if (count <= 0) return fails(count < 0 ? errno : EPIPE);
        sent_ += static_cast<std::size_t>(count);
        to.count_out(static_cast<std::uint64_t>(count));
    }
    if (!plan_.tls) return end(GATEHOUSE_OK, "");
    to.tls = TlsSession::client(plan_.tls, to.fd, plan_.server_name);
    if (!to.tls) throw std::bad_alloc();
    phase_ = Phase::shaking_hands;
    return true;
}

bool Attempt::shake_hands(Channel& to, Nanoseconds now) {
    std::string_view problem;
    std::optional<Handshake> outcome = try_handshake(*to.tls, problem);
    if (!outcome && !is_late(now)) return false;
    if (!outcome) {
        outcome = Handshake::timeout;
        problem = "the handshake took too long";
    }
    if (*outcome == Handshake::done) return end(GATEHOUSE_OK, "");
    cause_ = Cause::tls;
    std::string why = "TLS: " + printable(problem);
    text_ = "upstream " + to_string(address_) + ": " + why;
    const bool no_memory = *outcome == Handshake::no_memory;
    return end(status_of(*outcome), std::move(why), no_memory ? std::optional(Reason::host_out_of_memory) : std::nullopt);
}

} // namespace gatehouse::host
