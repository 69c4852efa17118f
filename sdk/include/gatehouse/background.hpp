// What the host does without a connection: gatehouse.check/1, discovery/1, timer/1 and poll/1 for C++.
//
// The callbacks run on threads of the host: one at a time for each object, and for all timers and polls of an instance. They
// must not block, and what they share with serve() needs a lock. The wrapper logs an exception that leaves a callback. An
// object ends when it is destroyed. Its destructor waits for a callback that runs on another thread: do not hold a lock
// meanwhile that the callback takes. A callback may destroy other objects, but not its own, whose function it still runs in.
#ifndef GATEHOUSE_BACKGROUND_HPP
#define GATEHOUSE_BACKGROUND_HPP

#include "init.hpp"
#include "status.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse {

namespace detail {

// Runs a callback of the plugin, and keeps its exceptions from the host.
void guarded(const Init& init, std::string_view what, auto&& call) noexcept {
    try {
        call();
        return;
    } catch (const std::exception& error) {
        try {
            return init.log(GATEHOUSE_LEVEL_ERROR, std::string(what) + " threw: " + error.what());
        } catch (...) { // no memory for the text: the short form follows
        }
    } catch (...) { // not a std::exception: there is no text to add
    }
    init.log(GATEHOUSE_LEVEL_ERROR, what);
}

} // namespace detail

// Asks a server at regular times whether it works; see ext/check.h. [any]
class Check {
  public:
    struct Options {
        std::string address; // numeric, or "unix:/path"
        std::string send;    // may be empty
        std::chrono::milliseconds first{0};
        std::chrono::milliseconds interval{2000};
        std::chrono::milliseconds jitter{0};
        std::chrono::milliseconds timeout{2000};
        // NOLINTBEGIN(readability-redundant-member-init): without {}, g++ warns of callers that leave it out
        std::string preface{};                     // in plain before TLS and before `send`
        const gatehouse_tls_client* tls = nullptr; // null: plain
        std::string server_name{};                 // with TLS
        // NOLINTEND(readability-redundant-member-init)
        bool orderly = false; // ends the connection in order, and not with a reset
    };
    using More = std::function<std::optional<std::string>()>; // what to send for the next answer; nothing: the server is good
    using Judge = std::function<gatehouse_match(std::string_view answer, bool at_end)>; // empty: connecting is enough
    using Result = std::function<void(Status status, std::string_view why)>;

    // Throws std::runtime_error if the host does not have gatehouse.check/1 or refuses this check.
    Check(const Init& init, const Options& options, Judge judge, Result result, More more = {})
        : calls_(std::make_unique<Calls>(Calls{init, std::move(judge), std::move(result), std::move(more), {}})) {
        const gatehouse_check_v1* table = init.host().check;
        if (table == nullptr) throw std::runtime_error("this host has no health checks (gatehouse.check/1)");
        gatehouse_check_request request{};
        request.size = sizeof request;
        request.address = detail::str(options.address);
        request.send = detail::str(options.send);
        request.first_milliseconds = detail::milliseconds(options.first);
        request.interval_milliseconds = detail::milliseconds(options.interval);
        request.jitter_milliseconds = detail::milliseconds(options.jitter);
        request.timeout_milliseconds = detail::milliseconds(options.timeout);
        request.data = calls_.get();
        request.judge = calls_->judge ? judge_it : nullptr;
        request.result = pass_result;
        request.next = calls_->more ? pass_next : nullptr;
        request.preface = detail::str(options.preface);
        request.tls = options.tls;
        request.server_name = detail::str(options.server_name);
        request.flags = options.orderly ? GATEHOUSE_CHECK_FIN : 0;
        const gatehouse_status status = table->start(init.host().instance, &request, &check_);
        if (status != GATEHOUSE_OK)
            throw std::runtime_error("cannot check " + options.address + " (status " + std::to_string(status) + ")");
    }
    ~Check() { calls_->init.host().check->stop(check_); }
    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;

  private:
    struct Calls {
        Init init;
        Judge judge;
        Result result;
        More more;
        std::string said; // what more() returned last
    };

    static gatehouse_match judge_it(void* data, const void* bytes, std::size_t size, std::int32_t at_end) noexcept {
        const auto& calls = *static_cast<Calls*>(data);
        gatehouse_match match = GATEHOUSE_MATCH_NO;
        detail::guarded(calls.init, "the judge of a check",
                        [&] { match = calls.judge({static_cast<const char*>(bytes), size}, at_end != 0); });
        return match;
    }
    static void pass_result(void* data, gatehouse_status status, gatehouse_str why) noexcept {
        const auto& calls = *static_cast<Calls*>(data);
        detail::guarded(calls.init, "the result of a check", [&] { calls.result(status, detail::view(why)); });
    }

    static std::int32_t pass_next(void* data, gatehouse_str* send) noexcept {
        auto& calls = *static_cast<Calls*>(data);
        std::int32_t more = 0;
        detail::guarded(calls.init, "the next step of a check", [&] {
            if (auto text = calls.more()) {
                calls.said = std::move(*text);
                *send = detail::str(calls.said);
                more = 1;
            }
        });
        return more;
    }

    std::unique_ptr<Calls> calls_;
    gatehouse_check* check_ = nullptr;
};

// One of the servers behind a name.
struct Endpoint {
    std::string_view address;   // "192.0.2.1:80"
    std::uint16_t priority = 0; // of an SRV record: lower ones come first
    std::uint16_t weight = 0;   // of an SRV record
};

// Follows a name, "host:port" or "srv:_service._tcp.domain"; see ext/discovery.h. [any]
class Watch {
  public:
    // All endpoints; or none, with a status and `why` in words.
    using Found = std::function<void(std::span<const Endpoint> endpoints, Status status, std::string_view why)>;

    // Throws std::runtime_error if the host does not have gatehouse.discovery/1 or refuses the name.
    Watch(const Init& init, std::string_view name, Found found)
        : calls_(std::make_unique<Calls>(Calls{init, std::move(found)})) {
        const gatehouse_discovery_v1* table = init.host().discovery;
        if (table == nullptr) throw std::runtime_error("this host has no discovery (gatehouse.discovery/1)");
        const gatehouse_status status =
            table->watch(init.host().instance, detail::str(name), pass_found, calls_.get(), &watch_);
        if (status != GATEHOUSE_OK)
            throw std::runtime_error("cannot watch " + std::string(name) + " (status " + std::to_string(status) + ")");
    }
    ~Watch() { calls_->init.host().discovery->unwatch(watch_); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

  private:
    struct Calls {
        Init init;
        Found found;
    };

    static void pass_found(void* data, const gatehouse_endpoint* endpoints, std::size_t count, std::size_t stride,
                           gatehouse_status status, gatehouse_str why) noexcept {
        const auto& calls = *static_cast<Calls*>(data);
        detail::guarded(calls.init, "the callback of a watch", [&] {
            std::vector<Endpoint> list;
            for (std::size_t i = 0; i < count; ++i) {
                const gatehouse_endpoint& endpoint = detail::item(endpoints, i, stride);
                list.push_back({detail::view(endpoint.address), endpoint.priority, endpoint.weight});
            }
            calls.found(list, status, detail::view(why));
        });
    }

    std::unique_ptr<Calls> calls_;
    gatehouse_watch* watch_ = nullptr;
};

// Calls a function after a time, or at regular times; see ext/timer.h. [any]
class Timer {
  public:
    struct Options {
        std::optional<std::chrono::milliseconds> first{}; // NOLINT(readability-redundant-member-init): as above. Until the
                                                          // first call; by default as `every`, and without that never
        std::chrono::milliseconds every{0};               // 0: once
    };
    using Expired = std::function<void()>;

    // Throws std::runtime_error if the host does not have gatehouse.timer/1 or refuses this timer. The function may be called
    // before the constructor has returned; with {}, it waits for set().
    Timer(const Init& init, const Options& options, Expired expired)
        : calls_(std::make_unique<Calls>(Calls{init, std::move(expired)})) {
        const gatehouse_timer_v1* table = init.host().timer;
        if (table == nullptr) throw std::runtime_error("this host has no timers (gatehouse.timer/1)");
        gatehouse_timer_request request{};
        request.size = sizeof request;
        request.first_milliseconds = first(options);
        request.interval_milliseconds = detail::milliseconds(options.every);
        request.data = calls_.get();
        request.expired = pass_expired;
        const gatehouse_status status = table->start(init.host().instance, &request, &timer_);
        if (status != GATEHOUSE_OK) throw std::runtime_error("cannot start a timer (status " + std::to_string(status) + ")");
    }
    ~Timer() { calls_->init.host().timer->stop(timer_); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    // Sets it anew, whether it runs or has expired; {} lets it rest.
    Status set(const Options& options) noexcept {
        return calls_->init.host().timer->set(timer_, first(options), detail::milliseconds(options.every));
    }

  private:
    struct Calls {
        Init init;
        Expired expired;
    };

    static std::uint64_t first(const Options& options) noexcept {
        if (!options.first && options.every == std::chrono::milliseconds(0)) return GATEHOUSE_TIMER_NEVER;
        return detail::milliseconds(options.first.value_or(options.every));
    }
    static void pass_expired(void* data) noexcept {
        const auto& calls = *static_cast<Calls*>(data);
        detail::guarded(calls.init, "the callback of a timer", calls.expired);
    }

    std::unique_ptr<Calls> calls_;
    gatehouse_timer* timer_ = nullptr;
};

// Watches a descriptor of the plugin's own, which it must close after this; see ext/poll.h. [any]
class Poll {
  public:
    using Found = std::function<void(Ready found)>;

    // Throws std::runtime_error if the host does not have gatehouse.poll/1 or refuses this descriptor. The function may be
    // called before the constructor has returned; with Ready::nothing, it waits for change().
    Poll(const Init& init, int fd, Ready wanted, Found found) : calls_(std::make_unique<Calls>(Calls{init, std::move(found)})) {
        const gatehouse_poll_v1* table = init.host().poll;
        if (table == nullptr) throw std::runtime_error("this host watches no descriptors (gatehouse.poll/1)");
        gatehouse_poll_request request{};
        request.size = sizeof request;
        request.fd = fd;
        request.events = static_cast<std::uint32_t>(wanted);
        request.data = calls_.get();
        request.ready = pass_ready;
        const gatehouse_status status = table->watch(init.host().instance, &request, &poll_);
        if (status != GATEHOUSE_OK)
            throw std::runtime_error("cannot watch descriptor " + std::to_string(fd) + " (status " + std::to_string(status) +
                                     ")");
    }
    ~Poll() { calls_->init.host().poll->stop(poll_); }
    Poll(const Poll&) = delete;
    Poll& operator=(const Poll&) = delete;

    Status change(Ready wanted) noexcept { return calls_->init.host().poll->change(poll_, static_cast<std::uint32_t>(wanted)); }

  private:
    struct Calls {
        Init init;
        Found found;
    };

    static void pass_ready(void* data, std::uint32_t events) noexcept {
        const auto& calls = *static_cast<Calls*>(data);
        detail::guarded(calls.init, "the callback of a descriptor", [&] { calls.found(static_cast<Ready>(events)); });
    }

    std::unique_ptr<Calls> calls_;
    gatehouse_poll* poll_ = nullptr;
};

} // namespace gatehouse

#endif
