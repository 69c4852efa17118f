// One step of a pool: its lock, and what it wakes, cuts and logs once it has released the lock.
#pragma once

#include "pool.hpp"
#include "text.hpp"

#include <mutex>
#include <utility>

namespace gateway {

class Pool::Change {
  public:
    explicit Change(Pool& pool) : pool_(pool), lock_(pool.mutex_) {}
    ~Change() {
        lock_.unlock();
        for (const auto& [level, text] : lines_) pool_.hooks_.log(level, text);
        for (const std::uint64_t connection : woken_) pool_.hooks_.wake(connection);
        for (const std::uint64_t connection : cut_) pool_.hooks_.cut(connection);
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

    void log(gatehouse_level level, std::string text) { lines_.emplace_back(level, std::move(text)); }
    void wake(const Visit& visit) { woken_.push_back(visit.connection); }
    void cut(const Visit& visit) { cut_.push_back(visit.connection); }

  private:
    Pool& pool_;
    std::unique_lock<AdaptiveMutex> lock_;
    std::vector<std::pair<gatehouse_level, std::string>> lines_;
    std::vector<std::uint64_t> woken_, cut_;
};

} // namespace gateway
