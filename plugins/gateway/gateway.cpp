// Connects every client to a server of its pool, and has the host relay the bytes both ways. README.md is its manual.
#include "address.hpp"
#include "checks.hpp"
#include "control.hpp"
#include "keys.hpp"
#include "proxy_header.hpp"
#include "settings.hpp"
#include "sites.hpp"

#include <gatehouse/plugin.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace gateway {

using gatehouse::Connection;
using gatehouse::Event;
using gatehouse::Next;
using gatehouse::Status;

namespace {

// A failed connect in words, for messages about several of them.
std::string_view text_of(Status status) {
    if (status == Status::refused) return "connection refused";
    if (status == Status::timeout) return "timed out";
    if (status == Status::unreachable) return "unreachable";
    if (status == Status::exhausted) return "this host is out of descriptors, ports or memory";
    if (status == Status::stopping) return "the client's time was over";
    if (status == Status::reset) return "connection reset";
    return "failed";
}

// The same as a value of a label.
std::string_view outcome_of(Status status) {
    if (status == Status::refused) return "refused";
    if (status == Status::timeout) return "timeout";
    if (status == Status::unreachable) return "unreachable";
    if (status == Status::exhausted) return "exhausted";
    if (status == Status::stopping) return "client_gone";
    if (status == Status::reset) return "reset";
    return "failed";
}

// Not what this host lacks, and not that the client's time was over first.
bool counts_against_server(Status status) { return status != Status::exhausted && status != Status::stopping; }

std::string hexadecimal(std::uint64_t number) {
    std::array<char, 16> digits{};
    return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr};
}

ClientTls tls_of(const Connection& conn) {
    return {.version = conn.fact(GATEHOUSE_FACT_TLS_VERSION),
            .cipher = conn.fact(GATEHOUSE_FACT_TLS_CIPHER),
            .sni = conn.fact(GATEHOUSE_FACT_TLS_SNI),
            .alpn = conn.fact(GATEHOUSE_FACT_TLS_ALPN),
            .subject = conn.fact(GATEHOUSE_FACT_TLS_CLIENT_SUBJECT),
            .alternative_names = conn.fact(GATEHOUSE_FACT_TLS_CLIENT_SANS)};
}

std::uint64_t random_number() {
    std::random_device random;
    return (std::uint64_t{random()} << 32U) | random();
}

} // namespace

class Gateway {
  public:
    // The server may speak first, so the gateway connects at once.
    static constexpr bool server_first = true;
    static constexpr const auto& commands = Control::commands;
    static constexpr const auto& keys = all_keys;

    struct Session : Visit {
        std::optional<gatehouse::Upstream> begun; // to visit.server; it is not known yet what comes of it
        Site* site = nullptr;                     // whose pool it is in; null: it has come to none
    };

    explicit Gateway(gatehouse::Init& init)
        : init_(init), settings_(read_settings(init)), boot_(hexadecimal(random_number())),
          connects_(init, "connects", "attempts to connect to a server, TLS included", {.labels = {"outcome"}}),
          connected_(connects_.with({"connected"})),
          retries_(gatehouse::Metric<gatehouse::Counter>(init, "retries", "attempts after one that had failed").with()),
          queued_(
              gatehouse::Metric<gatehouse::Histogram>(init, "queue", "how long clients have waited for a place on a server",
                                                      {.unit = "milliseconds", .bounds = {1, 10, 100, 1000, 10'000, 100'000}})
                  .with()),
          servers_(init) {}

    void start() {
        if (settings_.from == UpstreamFrom::servers)
            only_.emplace(init_, settings_, settings_.sources, servers_.rows(settings_.sources));
        else
            sites_.emplace(init_, settings_);
        control_.emplace(init_, settings_, only_ ? &*only_ : nullptr, sites_ ? &*sites_ : nullptr);
    }

    Next serve(Connection& conn, Session& visit) {
        const Event event = conn.event();
        if (event == Event::timeout || (event == Event::stopping && !visit.begun)) return Next::close; // it waits in vain
        if (visit.connection == 0) {
            std::string why;
            visit.site = only_ ? &*only_ : sites_->enter(wanted_by(conn), now(), why);
            if (visit.site == nullptr) {
                conn.set_error(why);
                return Next::no_upstream;
            }
            visit.connection = conn.id();
            if (settings_.balance == Method::source) visit.key = hash_of(host_of(conn.peer()));
            if (settings_.counts_sources) visit.site->pool.comes_from(visit, host_of(conn.peer()));
        }
        Pool& pool = visit.site->pool;
        const bool over = event == Event::timer && visit.last_wait;
        Pool::Verdict verdict = visit.begun ? Pool::Verdict{Pool::Verdict::connect}
                                : over      ? pool.give_up(visit, now())
                                            : pool.admit(visit, now());
        if (verdict.kind == Pool::Verdict::connect && !visit.begun) conn.clear_deadline(); // of the wait
        if (event != Event::open && !visit.begun && verdict.kind != Pool::Verdict::wait) note_wait(visit);
        bool failed = false;
        while (verdict.kind == Pool::Verdict::connect) {
            const Status status = connect(conn, visit);
            if (status == Status::again) return Next::wait;
            if (status) return conn.relay(std::move(*visit.begun), settings_.idle_timeout);
            failed = true;
            visit.begun.reset();
            verdict = pool.admit(visit, now());
            if (verdict.kind == Pool::Verdict::connect) retries_.add();
        }
        if (verdict.kind == Pool::Verdict::wait) return wait(conn, visit, verdict.until);
        // If only one connection has failed, the host's own text says best why.
        if (!failed || visit.refusal() != visit.attempts()) conn.set_error(visit.refusal());
        if (!visit.cause().empty()) (void)conn.set_cause(visit.cause()); // which the host knows
        return Next::no_upstream;
    }

    void closed(Session& visit, std::string_view /*reason*/) {
        if (visit.site == nullptr) return;
        visit.site->pool.leave(visit, now());
        if (sites_) sites_->leave(*visit.site, now());
    }

    void command(std::span<const std::string_view> words, gatehouse::Answer& answer) { control_->run(words, answer); }

  private:
    Clock::time_point now() const { return now_of(init_); }

    std::string_view wanted_by(const Connection& conn) const {
        return settings_.from == UpstreamFrom::route ? conn.route_value() : conn.server_name();
    }

    Next wait(Connection& conn, Visit& visit, Clock::time_point until) const {
        visit.last_wait = until == visit.give_up_at;
        conn.set_deadline(std::max(std::chrono::ceil<milliseconds>(until - now()), milliseconds(1)));
        return Next::wait;
    }

    // The visit has been in the queue, and is in it no more.
    void note_wait(const Visit& visit) const {
        const auto began = visit.give_up_at - settings_.queue.timeout;
        queued_.observe(std::chrono::duration_cast<milliseconds>(now() - began).count());
    }

    // Connects to the server that has a place for the client, or says what has come of it. The gateway has not read a byte of
    // the client's yet. So if this fails, the header and the TLS handshake included, it can try another server.
    Status connect(Connection& conn, Session& visit) {
        std::string_view why;
        Status status = visit.begun ? Status::again : begin(conn, visit);
        if (status == Status::again) status = conn.outcome(*visit.begun, why);
        if (status == Status::again) return status;
        status ? connected_.add() : connects_.with({outcome_of(status)}).add();
        if (status)
            visit.site->pool.connected(visit, now());
        else
            visit.site->pool.connect_failed(visit, why.starts_with("TLS: ") ? why : text_of(status),
                                            counts_against_server(status), now());
        return status;
    }

    Status begin(Connection& conn, Session& visit) {
        std::string header;
        if (settings_.proxy.version != 0)
            header = proxy_header(settings_.proxy, conn.peer(), conn.local(), boot_ + '-' + hexadecimal(conn.id()),
                                  settings_.proxy.says_tls() ? tls_of(conn) : ClientTls{});
        return conn.connect_now({.address = visit.server->address,
                                 .within = settings_.connect_timeout,
                                 .preface = header,
                                 .tls = settings_.tls,
                                 .server_name = visit.server->server_name},
                                visit.begun);
    }

    const gatehouse::Init init_; // constant after construction, as is the next one
    const Settings settings_;
    const std::string boot_; // a part of unique_id: tells the connections of two runs apart
    const gatehouse::Metric<gatehouse::Counter> connects_;
    const gatehouse::Counter connected_, retries_;
    const gatehouse::Histogram queued_;
    const ServerMetrics servers_; // only of those in the file: clients may bring ever new ones (upstream_from)
    // One of the two, from start() on.
    std::optional<Site> only_;
    std::optional<Sites> sites_;
    std::optional<Control> control_; // uses them
};
GATEHOUSE_PLUGIN(Gateway, "gateway", "2.0.0")

} // namespace gateway
