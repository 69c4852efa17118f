// What a service says of itself.
#include "serving/service.hpp"

#include <cstring>

namespace gatehouse::host {
namespace {

void append_count(std::string& text, std::string_view name, std::uint64_t count) {
    if (count == 0) return;
    text += (text.empty() ? "" : " ") + std::string(name) + ":" + std::to_string(count);
}

} // namespace

void Service::report() noexcept {
    try {
        // Read before the reasons, since a connection's reason is counted before it is no longer open: none is in neither.
        const std::uint32_t now_open = open();
        std::string reasons;
        for (std::size_t i = 0; i < reason_names.size(); ++i)
            append_count(reasons, reason_names[i], ledger_[static_cast<Reason>(i)]);
        std::string errors;
        for (std::size_t i = 0; i < accept_errors_.size(); ++i) {
            const char* name = ::strerrorname_np(static_cast<int>(i));
            if (name != nullptr) append_count(errors, name, accept_errors_[i].load(std::memory_order_relaxed));
        }
        std::uint32_t parked = 0;
        connections_.for_each([&](const Connection& connection) {
            if ((connection.word.load(std::memory_order_relaxed) & Connection::parked) != 0) ++parked;
        });
        const Pool::Counts pool = pool_.counts();
        const AcceptQueue queue = listener_.queue().value_or(AcceptQueue{0, static_cast<unsigned>(config_.backlog), 0});
        const Histogram::Counts waits = waits_.counts();
        std::string wait_buckets;
        for (std::size_t i = 0; i < waits.size(); ++i) append_count(wait_buckets, std::to_string(histogram_limit(i)), waits[i]);
        std::uint32_t handshakes = 0; // other listeners' with the same section are among them
        for (const TlsServer* server : tls_servers_) handshakes += server->handshakes();
        const SourceTable::Counts sources = access_.counts(monotonic_now()).value_or(SourceTable::Counts());
        commons_.log.info("status", {{"listener", config_.name},
                                     {"open", now_open},
                                     {"parked", parked},
                                     {"handshakes", handshakes},
                                     {"accepted", accepted_.load()},
                                     {"queue_depth", queue.depth},
                                     {"queue_limit", queue.limit},
                                     {"queue_drops", queue.drops},
                                     {"wait_p50_us", histogram_percentile(waits, 50)},
                                     {"wait_p99_us", histogram_percentile(waits, 99)},
                                     {"wait_us", wait_buckets.empty() ? "none" : wait_buckets},
                                     {"sources", sources.remembered},
                                     {"sources_uncounted", sources.uncounted},
                                     {"threads", pool.threads},
                                     {"threads_blocked", pool.blocked},
                                     {"threads_most", pool.most},
                                     {"thread_failures", pool.failures},
                                     {"reasons", reasons.empty() ? "none" : reasons},
                                     {"accept_errors", errors.empty() ? "none" : errors}});
    } catch (const std::bad_alloc&) { // a status that cannot be told now can be asked for again
    }
}

} // namespace gatehouse::host
