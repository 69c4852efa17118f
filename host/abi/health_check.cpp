#include "abi/health_check.hpp"

#include "abi/handles.hpp"
#include "base/printable.hpp"
#include "base/shortages.hpp"
#include "base/socket.hpp"
#include "connection/connect_failure.hpp"
#include "net/address.hpp"
#include "threads/background.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <random>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>

using namespace gatehouse::host;

// One health check:
//
//   rests ─ due ─▶ connecting ─▶ connected: sends, reads, asks the judge ─▶ result ─▶ rests
//     ▲                │                          │                            │
//     └────────────────┴──── the timeout, an error, the end of the answer ─────┘
//
// It runs on the background thread alone. A callback may stop the check; the check then lives until the callback has returned,
// and Background::at() answers false.
struct gatehouse_check final : Activity {
    gatehouse_check(const Facilities& facilities, const gatehouse_check_request& request, const SocketAddress& address);

    Background& background() const noexcept { return background_; }

  private:
    void due() noexcept override;
    void ready(int fd, std::uint32_t events) noexcept override;

    void connect();
    void connected();
    void receive();
    void send_rest();
    void judge(bool at_end);
    void time_out();
    void fail(int error) noexcept;
    void finish(gatehouse_status status, std::string_view why) noexcept;
    Nanoseconds rest() noexcept;

    Background& background_; // constant after construction, as are the next five
    Shortages& shortages_;
    const gatehouse_check_request request_; // do not use its texts: they were the caller's
    const SocketAddress address_;
    const std::string text_; // address_ in words
    const std::string question_;

    std::minstd_rand random_;
    Descriptor socket_; // while it does not rest
    bool connected_ = false;
    std::size_t sent_ = 0; // bytes of question_
    std::string answer_;
};

namespace {

constexpr std::size_t most_bytes = 64 * 1024; // of a question, and of an answer
constexpr std::uint64_t shortest_interval = 10;
constexpr std::uint64_t longest = 86'400'000; // milliseconds, of any of its times

Nanoseconds nanoseconds(std::uint64_t milliseconds) noexcept { return static_cast<Nanoseconds>(milliseconds) * 1'000'000; }

} // namespace

gatehouse_check::gatehouse_check(const Facilities& facilities, const gatehouse_check_request& request,
                                 const SocketAddress& address)
    : background_(facilities.background), shortages_(facilities.shortages), request_(request), address_(address),
      text_(to_string(address)), question_(request.judge != nullptr ? std::string(request.send.data, request.send.size) : ""),
      random_(static_cast<std::uint32_t>(monotonic_now())) {}

void gatehouse_check::due() noexcept {
    try {
        socket_ ? time_out() : connect();
    } catch (const std::bad_alloc&) {
        fail(ENOMEM);
    }
}

void gatehouse_check::ready(int /*fd*/, std::uint32_t events) noexcept {
    try {
        if (!connected_) return connected();
        // A server may answer before it refuses the rest of the question. That answer counts.
        if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive();
        if (socket_ && (events & EPOLLOUT) != 0) send_rest();
    } catch (const std::bad_alloc&) {
        fail(ENOMEM);
    }
}

void gatehouse_check::connect() {
    background_.at(*this, monotonic_now() + nanoseconds(request_.timeout_milliseconds));
    socket_ = Descriptor(::socket(address_.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return fail(errno);
    if (::connect(socket_.get(), address_.get(), address_.size) != 0 && errno != EINPROGRESS) return fail(errno);
    if (const int error = background_.watch(*this, socket_.get(), EPOLLOUT | EPOLLRDHUP); error != 0) return fail(error);
}

void gatehouse_check::connected() {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error == 0 && is_connected_to_itself(socket_.get(), address_)) error = ECONNREFUSED;
    if (error != 0) return fail(error);
    if (request_.judge == nullptr) return finish(GATEHOUSE_OK, "");
    connected_ = true;
    send_rest();
}

void gatehouse_check::send_rest() {
    const std::size_t left = question_.size() - sent_;
    const ssize_t size = ::send(socket_.get(), question_.data() + sent_, left, MSG_NOSIGNAL);
    if (size > 0) sent_ += static_cast<std::size_t>(size);
    // A server that refuses to read may have answered all the same: recv() tells.
    const bool failed = size < 0 && errno != EAGAIN && errno != EINTR;
    const std::uint32_t events = sent_ == question_.size() || failed ? EPOLLIN : EPOLLIN | EPOLLOUT;
    if (const int error = background_.watch(*this, socket_.get(), events); error != 0) return fail(error);
}

void gatehouse_check::receive() {
    std::array<char, 16384> buffer; // not initialised: filled by recv
    const ssize_t size = ::recv(socket_.get(), buffer.data(), std::min(buffer.size(), most_bytes - answer_.size()), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size < 0) return fail(errno);
    answer_.append(buffer.data(), static_cast<std::size_t>(size));
    if (answer_.empty()) return finish(GATEHOUSE_END, "closed without an answer");
    judge(size == 0);
}

void gatehouse_check::judge(bool at_end) {
    const gatehouse_match match = request_.judge(request_.data, answer_.data(), answer_.size(), at_end ? 1 : 0);
    if (match == GATEHOUSE_MATCH_YES) return finish(GATEHOUSE_OK, "");
    if (match != GATEHOUSE_MATCH_MORE) return finish(GATEHOUSE_INVALID, "the answer is wrong: " + in_quotes(answer_));
    if (at_end) return finish(GATEHOUSE_END, "closed in the middle of the answer: " + in_quotes(answer_));
    if (answer_.size() == most_bytes) finish(GATEHOUSE_INVALID, "the answer is longer than 64 KiB: " + in_quotes(answer_));
}

void gatehouse_check::time_out() {
    const char* what = !connected_ ? "no connection" : answer_.empty() ? "no answer" : "no complete answer";
    finish(GATEHOUSE_TIMEOUT, std::string(what) + " within " + std::to_string(request_.timeout_milliseconds) + " ms");
}

void gatehouse_check::fail(int error) noexcept {
    const ConnectFailure failure = connect_failure(error, address_);
    if (failure.lacking) shortages_.say(*failure.lacking, text_, failure.why);
    finish(failure.status, failure.why);
}

// Back to rest. The connection ends with a reset, so that neither side keeps it in TIME_WAIT.
void gatehouse_check::finish(gatehouse_status status, std::string_view why) noexcept {
    if (socket_) {
        background_.unwatch(socket_.get());
        reset_on_close(socket_.get());
        socket_.reset();
    }
    connected_ = false;
    sent_ = 0;
    std::string().swap(answer_);
    if (!background_.at(*this, monotonic_now() + rest())) return; // the judge has stopped it
    request_.result(request_.data, status, {why.data(), why.size()});
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
    if (request.send.size > most_bytes) return "more than 64 KiB to send";
    if (request.interval_milliseconds < shortest_interval) return "the interval is shorter than 10 ms";
    if (request.timeout_milliseconds < 1) return "the timeout is 0";
    if (request.jitter_milliseconds > request.interval_milliseconds) return "the jitter is longer than the interval";
    if (*std::max_element(times.begin(), times.end()) > longest) return "a time of more than a day";
    return "";
}

gatehouse_status start(gatehouse_instance* instance, const gatehouse_check_request* given, gatehouse_check** check) noexcept {
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
        auto made = std::make_shared<gatehouse_check>(instance->facilities, request, *address);
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

const gatehouse_check_v1 health_check_table{start, stop};

} // namespace gatehouse::host
