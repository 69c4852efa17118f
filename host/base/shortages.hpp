// What this host lacks when it is to reach a server: said in the log as the host's own shortage, for each kind of it once a
// second at most.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/reason.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace gatehouse::host {

class Shortages {
  public:
    explicit Shortages(Log& log) noexcept : log_(log) {}

    // `server`: that could not be reached for want of it. `lacking`: host_out_of_fds, _memory or _ports. [any]
    void say(Reason lacking, std::string_view server, std::string_view error) noexcept;

  private:
    struct Said {
        std::atomic<Nanoseconds> next{0};       // when the next line may be written
        std::atomic<std::uint64_t> left_out{0}; // lines since the last one
    };

    Log& log_; // constant after construction
    std::array<Said, reason_names.size()> said_{};
};

} // namespace gatehouse::host
