// How often each command was asked, and what came of it. [any]
#pragma once

#include "base/mutex.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace gatehouse::host {

class CommandCounts {
  public:
    using ByName = std::map<std::pair<std::string, std::string>, std::uint64_t>; // by command and result

    // Both are words of the host's, so there are not many. Throws std::bad_alloc.
    void count(const std::string& command, const std::string& result) {
        const MutexLock lock(mutex_);
        ++counts_[{command, result}];
    }

    ByName counts() const {
        const MutexLock lock(mutex_);
        return counts_;
    }

  private:
    mutable Mutex mutex_;
    ByName counts_ GATEHOUSE_GUARDED_BY(mutex_);
};

} // namespace gatehouse::host
