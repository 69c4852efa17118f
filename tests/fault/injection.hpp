// System calls of a running host that fail on purpose, by way of strace.
#pragma once

#include "gatehouse.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

#include <string>

namespace gatehouse::support {

// Attached with the object, detached with it. `what` is strace's: "accept4:error=EMFILE:when=1+3"; calls are counted in each
// thread by itself.
class Injection {
  public:
    Injection(const Gatehouse& host, const std::string& what);
    ~Injection() { detach(); }
    Injection(const Injection&) = delete;
    Injection& operator=(const Injection&) = delete;

    void detach();
    std::size_t count() const; // of calls that failed on purpose; after detach()

    // Empty, or why it cannot be done on this machine.
    static std::string impossible();

  private:
    TempDir folder_;
    Process strace_;
};

// After the n-th call of a kind, which one is to fail next: the next if GATEHOUSE_FAULTS is "all" in the environment, as under
// scripts/faults; otherwise n doubles.
int next_fault(int n);

} // namespace gatehouse::support
