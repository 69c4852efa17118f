#include "abi/health_check.hpp"

#include "abi/callback.hpp"
#include "abi/handles.hpp"
#include "abi/upstream_tls.hpp"
#include "base/printable.hpp"
#include "base/shortages.hpp"
#include "base/socket.hpp"
#include "connection/channel.hpp"
#include "connection/connect.hpp"
#include "connection/connect_failure.hpp"
#include "net/address.hpp"
#include "threads/background.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>

using namespace gatehouse::host;

// One health check:
//
//   resting ─ due ─▶ connecting ─▶ opening: preface, TLS ─▶ talking: sends, reads, asks the judge ─▶ result
//     ▲                  │                  │                          │                               │
//     │                  └──────────────────┴── an error, the timeout ─┴──────▶ result                 │
//     │                                                                           │       with FIN     ▼
//     └───────────────────────────────────────────────────────────────────────────┴──────────────── ending
//
// It runs on the background thread alone. A callback may stop the check; the check then lives until the callback has returned,
// and may call no other: see is_stopped().
struct gatehouse_check final : Activity {
    gatehouse_check(const gatehouse_instance& instance, const gatehouse_check_request& request, const SocketAddress& address);

    Background& background() const noexcept { return background_; }

  private:
    enum class State : std::uint8_t { resting, connecting, opening, talking, ending };

    void due() noexcept override;
    void ready(int fd, std::uint32_t events) noexcept override;

    void connect();
    void connected();
    void open();
    void talk();
    bool receive();
    bool judge(bool at_end);
    bool go_on();
    void discard();
    void watch(std::uint32_t events);
    int send_rest() noexcept;
    void time_out();
    void fail(int error) noexcept;
    void fail_tls(Handshake outcome, std::string_view why);
    void finish(gatehouse_status status, std::string_view why) noexcept;
    void drop() noexcept;
    bool is_stopped() noexcept { return !background_.at(*this, until_); }
    Nanoseconds rest() noexcept;
    template <class Call>
    void call(Call callback) noexcept {
        call_back(log_, plugin_, GATEHOUSE_EXT_CHECK, callback);
    }

    Log& log_; // constant after construction, as are the next eight
    const std::string plugin_;
    Background& background_;
    Shortages& shortages_;
    const gatehouse_check_request request_; // do not use its texts: they were the caller's
    const SocketAddress address_;
    const std::string text_; // address_ in words
    const std::string preface_, question_, server_name_;

    std::minstd_rand random_;

    // Of the present attempt.
    State state_ = State::resting;
    Nanoseconds until_ = 0; // when its time is over
    Descriptor socket_;     // unless it rests
    Channel channel_;       // on socket_
    std::string outbox_;    // of which so many bytes have been sent:
    std::size_t sent_ = 0;
    std::string answer_;
    std::size_t turns_ = 0;     // of the dialogue
    std::size_t discarded_ = 0; // bytes, while it is ending
};

namespace {

constexpr std::size_t most_bytes = 64 * 1024; // to send, and of an answer
constexpr std::size_t most_turns = 64;
constexpr std::uint64_t shortest_interval = 10;
constexpr std::uint64_t longest = 86'400'000; // milliseconds, of any of its times

Nanoseconds nanoseconds(std::uint64_t milliseconds) noexcept { return static_cast<Nanoseconds>(milliseconds) * 1'000'000; }

std::string text(gatehouse_str text) { return {text.data, text.size}; }

} // namespace

gatehouse_check::gatehouse_check(const gatehouse_instance& instance, const gatehouse_check_request& request,
                                 const SocketAddress& address)
    : log_(instance.facilities.log), plugin_(instance.name), background_(instance.facilities.background),
      shortages_(instance.facilities.shortages), request_(request), address_(address), text_(to_string(address)),
      preface_(text(request.preface)), question_(text(request.send)),
      server_name_(request.tls != nullptr ? request.tls->name_for({request.server_name.data, request.server_name.size}) : ""),
      random_(static_cast<std::uint32_t>(monotonic_now())) {}

void gatehouse_check::due() noexcept {
    try {
        if (state_ == State::resting) return connect();
        if (state_ != State::ending) return time_out();
        reset_on_close(socket_.get()); // the server has not ended in time
        drop();
    } catch (const std::bad_alloc&) {
        fail(ENOMEM);
    }
}

void gatehouse_check::ready(int /*fd*/, std::uint32_t /*events*/) noexcept {
    try {
        switch (state_) {
        case State::resting: // cannot be: it watches nothing then
            return;
        case State::connecting:
            return connected();
        case State::opening:
            return open();
        case State::talking:
            return talk();
        case State::ending:
            return discard();
        }
    } catch (const std::bad_alloc&) {
        fail(ENOMEM);
    }
}

void gatehouse_check::connect() {
    state_ = State::connecting;
    until_ = monotonic_now() + nanoseconds(request_.timeout_milliseconds);
    background_.at(*this, until_);
    socket_ = Descriptor(::socket(address_.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return fail(errno);
    channel_.fd = socket_.get();
    if (::connect(socket_.get(), address_.get(), address_.size) != 0 && errno != EINPROGRESS) return fail(errno);
    watch(EPOLLOUT | EPOLLRDHUP);
}

void gatehouse_check::connected() {
    int error = connect_outcome(socket_.get());
    if (error == 0 && is_connected_to_itself(socket_.get(), address_)) error = ECONNREFUSED;
    if (error != 0) return fail(error);
    const bool tls = request_.tls != nullptr;
    if (!tls && request_.judge == nullptr) return finish(GATEHOUSE_OK, "");
    state_ = tls ? State::opening : State::talking;
    outbox_ = tls ? preface_ : preface_ + question_;
    tls ? open() : talk();
}

// The preface, and then the handshake.
void gatehouse_check::open() {
    if (!channel_.tls) {
        if (const int error = send_rest(); error != 0) return error == EAGAIN ? watch(EPOLLOUT) : fail(error);
        channel_.tls = TlsSession::client(request_.tls->context, socket_.get(), server_name_);
        if (!channel_.tls) return fail(ENOMEM);
    }
    std::string_view why;
    const std::optional<Handshake> outcome = try_handshake(*channel_.tls, why);
    if (!outcome) return watch(channel_.wants_write() ? EPOLLOUT : EPOLLIN);
    if (*outcome != Handshake::done) return fail_tls(*outcome, why);
    if (request_.judge == nullptr) return finish(GATEHOUSE_OK, "");
    state_ = State::talking;
    outbox_ = question_;
    sent_ = 0;
    talk(); // the answer may have come with the end of the handshake
}

// A server may answer before it refuses the rest of the question. That answer counts, so the check reads first.
void gatehouse_check::talk() {
    if (!receive()) return;
    bool writes = channel_.wants_write();                                         // TLS, to read on
    if (send_rest() == EAGAIN) writes |= !channel_.tls || channel_.wants_write(); // another error shows with the next read
    watch(writes ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

// 0: all of it has been sent; or an errno.
int gatehouse_check::send_rest() noexcept {
    while (sent_ < outbox_.size()) {
        const ssize_t size = channel_.transmit(outbox_.data() + sent_, outbox_.size() - sent_, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno;
        sent_ += static_cast<std::size_t>(size);
    }
    return 0;
}

// All that has come, since a TLS session shows no event for the bytes that it holds. False: the attempt is over.
bool gatehouse_check::receive() {
    std::array<char, 16384> buffer; // not initialised: filled by receive()
    for (;;) {
        ssize_t size = channel_.receive(buffer.data(), std::min(buffer.size(), most_bytes - answer_.size()));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) return true;
        if (size < 0 && errno == Channel::tls_error) return fail_tls(Handshake::failed, channel_.tls->words()), false;
        if (size < 0 && errno == Channel::cut_short) size = 0; // what has come is judged all the same
        if (size < 0) return fail(errno), false;
        answer_.append(buffer.data(), static_cast<std::size_t>(size));
        if (answer_.empty()) return finish(GATEHOUSE_END, "closed without an answer"), false;
        if (!judge(size == 0)) return false;
    }
}

// False: the attempt is over.
bool gatehouse_check::judge(bool at_end) {
    for (;;) {
        gatehouse_match match = GATEHOUSE_MATCH_NO;
        call([&] { match = request_.judge(request_.data, answer_.data(), answer_.size(), at_end ? 1 : 0); });
        if (is_stopped()) return false;
        if (match == GATEHOUSE_MATCH_YES) {
            if (!go_on()) return false;
            continue;
        }
        if (match != GATEHOUSE_MATCH_MORE)
            return finish(GATEHOUSE_INVALID, "the answer is wrong: " + in_quotes(answer_)), false;
        if (at_end) return finish(GATEHOUSE_END, "closed in the middle of the answer: " + in_quotes(answer_)), false;
        if (answer_.size() < most_bytes) return true;
        return finish(GATEHOUSE_INVALID, "the answer is longer than 64 KiB: " + in_quotes(answer_)), false;
    }
}

// The next turn of the dialogue. False: the attempt is over.
bool gatehouse_check::go_on() {
    gatehouse_str more{"", 0};
    std::int32_t goes_on = 0;
    if (request_.next != nullptr) call([&] { goes_on = request_.next(request_.data, &more); });
    if (goes_on == 0) return finish(GATEHOUSE_OK, ""), false;
    if (is_stopped()) return false;
    if (++turns_ > most_turns || more.size > most_bytes - std::min(outbox_.size(), most_bytes))
        return finish(GATEHOUSE_INVALID, "the dialogue has more than 64 turns, or more than 64 KiB to send"), false;
    outbox_.append(more.data, more.size);
    return true;
}

void gatehouse_check::watch(std::uint32_t events) {
    if (const int error = background_.watch(*this, socket_.get(), events); error != 0) fail(error);
}

void gatehouse_check::time_out() {
    const char* what = state_ == State::connecting ? "no connection"
                       : state_ == State::opening  ? "no TLS handshake"
                       : answer_.empty()           ? "no answer"
                                                   : "no complete answer";
    finish(GATEHOUSE_TIMEOUT, std::string(what) + " within " + std::to_string(request_.timeout_milliseconds) + " ms");
}

void gatehouse_check::fail(int error) noexcept {
    const ConnectFailure failure = connect_failure(error, address_);
    if (failure.lacking) shortages_.say(*failure.lacking, text_, failure.why);
    finish(failure.status, failure.why);
}

void gatehouse_check::fail_tls(Handshake outcome, std::string_view why) {
    if (outcome == Handshake::no_memory) return fail(ENOMEM);
    const std::string text = "TLS: " + printable(why);
    finish(outcome == Handshake::reset ? GATEHOUSE_RESET : GATEHOUSE_FAILED, text);
}

// The attempt is over. Its connection ends with a reset, so that neither side keeps it in TIME_WAIT, or in order if the plugin
// wants that and the server still takes part.
void gatehouse_check::finish(gatehouse_status status, std::string_view why) noexcept {
    const bool heard = status == GATEHOUSE_OK || status == GATEHOUSE_INVALID || status == GATEHOUSE_END;
    if (heard && (request_.flags & GATEHOUSE_CHECK_FIN) != 0 && channel_.finish() == 0 &&
        background_.watch(*this, socket_.get(), EPOLLIN) == 0) {
        state_ = State::ending;
    } else {
        if (socket_) reset_on_close(socket_.get());
        drop();
    }
    if (!is_stopped()) call([&] { request_.result(request_.data, status, {why.data(), why.size()}); });
}

// Waits for the server's end, in vain if it has more than a bounded amount to say.
void gatehouse_check::discard() {
    std::array<char, 16384> buffer; // not initialised: only ever written
    const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size > 0) {
        discarded_ += static_cast<std::size_t>(size);
        if (discarded_ <= most_bytes) return;
        reset_on_close(socket_.get());
    }
    drop();
}

// Back to rest.
void gatehouse_check::drop() noexcept {
    if (socket_) background_.unwatch(socket_.get());
    channel_ = {};
    socket_.reset();
    state_ = State::resting;
    std::string().swap(outbox_);
    std::string().swap(answer_);
    sent_ = turns_ = discarded_ = 0;
    until_ = monotonic_now() + rest();
    background_.at(*this, until_);
}

Nanoseconds gatehouse_check::rest() noexcept {
    const Nanoseconds jitter = nanoseconds(request_.jitter_milliseconds);
    const Nanoseconds off = std::uniform_int_distribution<Nanoseconds>(-jitter, jitter)(random_);
    return std::max(nanoseconds(request_.interval_milliseconds) + off, nanoseconds(shortest_interval));
}

// --- the table -----------------------------------------------------------------------------------------------------------

namespace gatehouse::host {
namespace {

// What is wrong with a request, or "".
std::string problem(const gatehouse_check_request& request, std::optional<SocketAddress>& address) {
    std::string error;
    const std::string text(request.address.data, request.address.size);
    const std::optional<Address> parsed = parse_address(text, error);
    if (!parsed) return error;
    const bool somewhere =
        parsed->kind == Address::Kind::unix_socket ||
        (parsed->kind == Address::Kind::tcp && !parsed->host.empty() && parsed->host != "*" && parsed->port != 0);
    if (somewhere) address = numeric_address(*parsed);
    if (!address)
        return in_quotes(text) + R"( is nowhere to connect to (expected "192.0.2.1:80", "[IPv6]:80" or "unix:/path"))";
    const auto times = {request.first_milliseconds, request.interval_milliseconds, request.timeout_milliseconds};
    if (request.result == nullptr) return "there is no result()";
    if (request.send.size > most_bytes || request.preface.size > most_bytes) return "more than 64 KiB to send";
    if ((request.flags & ~GATEHOUSE_CHECK_FIN) != 0) return "a flag that this host does not know";
    if (request.tls != nullptr && request.tls->verify &&
        request.tls->name_for({request.server_name.data, request.server_name.size}).empty())
        return "no name to check the server's certificate against (expected server_name, or verify = false)";
    if (request.interval_milliseconds < shortest_interval) return "the interval is shorter than 10 ms";
    if (request.timeout_milliseconds < 1) return "the timeout is 0";
    if (request.jitter_milliseconds > request.interval_milliseconds) return "the jitter is longer than the interval";
    if (*std::max_element(times.begin(), times.end()) > longest) return "a time of more than a day";
    return "";
}

gatehouse_status start(gatehouse_instance* instance, const gatehouse_check_request* given, gatehouse_check** check) noexcept {
    if (too_early(*instance, "a check's start()")) return GATEHOUSE_INVALID;
    try {
        gatehouse_check_request request{};
        std::memcpy(&request, given, std::min<std::size_t>(given->size, sizeof request));
        const std::string name = "health check of " + printable({request.address.data, request.address.size});
        std::optional<SocketAddress> address;
        if (const std::string why = problem(request, address); !why.empty()) {
            refuse(*instance, name + ": " + why);
            return GATEHOUSE_INVALID;
        }
        Background& background = instance->facilities.background;
        auto made = std::make_shared<gatehouse_check>(*instance, request, *address);
        gatehouse_check* handle = made.get();
        if (!background.add(std::move(made), monotonic_now() + nanoseconds(request.first_milliseconds))) {
            refuse(*instance, name + ": no memory or thread for it, or too many of them");
            return GATEHOUSE_EXHAUSTED;
        }
        *check = handle;
        return GATEHOUSE_OK;
    } catch (const std::bad_alloc&) {
        return GATEHOUSE_EXHAUSTED;
    }
}

void stop(gatehouse_check* check) noexcept { check->background().remove(*check); }

} // namespace

const gatehouse_check_v1 health_check_table{sizeof(gatehouse_check_v1), 0, start, stop};

} // namespace gatehouse::host
