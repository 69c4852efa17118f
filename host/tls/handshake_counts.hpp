// How the handshakes of a [tls.NAME] section have ended, and how long the good ones took. Outlives the section's generations.
// [any]
#pragma once

#include "base/reason.hpp"
#include "base/time_histogram.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gatehouse::host {

class HandshakeCounts {
  public:
    enum class Failure : std::uint8_t {
        not_tls,         // the client speaks something else
        no_shared,       // client and section have no version, cipher or group in common
        no_certificate,  // the client has shown none, and has to
        bad_certificate, // one side does not accept the certificate of the other
        timeout,         // handshake_timeout
        gone,            // the client has left
        other,
    };
    static constexpr std::array<std::string_view, 7> failure_names{"not_tls", "no_shared", "no_certificate", "bad_certificate",
                                                                   "timeout", "gone",      "other"};
    static constexpr std::array<std::string_view, 2> versions{"TLSv1.2", "TLSv1.3"};

    void done(std::string_view version, bool resumed, Nanoseconds took) noexcept {
        done_[version == versions[0] ? 0 : 1][resumed ? 1 : 0].fetch_add(1, std::memory_order_relaxed);
        times_.count(took);
    }
    void failed(Failure why) noexcept { failed_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed); }
    // It went on, and its connection has ended for this reason.
    void cut(Reason why) noexcept {
        const bool left = why == Reason::peer_closed || why == Reason::peer_reset;
        left ? failed(Failure::gone) : cut_.count(why);
    }

    std::uint64_t done(std::size_t version, bool resumed) const noexcept {
        return done_[version][resumed ? 1 : 0].load(std::memory_order_relaxed);
    }
    std::uint64_t failed(std::size_t why) const noexcept { return failed_[why].load(std::memory_order_relaxed); }
    std::uint64_t cut_for(Reason why) const noexcept { return cut_[why]; }
    TimeHistogram::Counts times() const noexcept { return times_.counts(); }

    // What OpenSSL's reason for a failure means (TlsSession::words()).
    static Failure failure_of(std::string_view words) noexcept;

  private:
    std::array<std::array<std::atomic<std::uint64_t>, 2>, versions.size()> done_{};
    std::array<std::atomic<std::uint64_t>, failure_names.size()> failed_{};
    Ledger cut_;
    TimeHistogram times_;
};

} // namespace gatehouse::host
