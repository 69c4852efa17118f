// How the sessions went, by families. Filled by many threads.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>

namespace gatehouse::chaos {

class Tally {
  public:
    enum class Outcome { whole, cut, failed };

    void add(const std::string& name, Outcome outcome, const std::string& why = "");

    std::size_t sessions() const;
    std::string failures() const; // a line each, the first ones; "" if there are none
    std::string table() const;

  private:
    struct Row {
        std::size_t whole = 0, cut = 0, failed = 0;
    };
    mutable std::mutex mutex_;
    std::map<std::string, Row> rows_;             // guarded by mutex_
    std::map<std::string, std::size_t> failures_; // guarded by mutex_: how often
};

} // namespace gatehouse::chaos
