// The explanation of a failure that a hook is about to return, or that a call of the host has just reported. Each connection
// and each instance has one.
#pragma once

#include "base/mutex.hpp"
#include "base/thread_annotations.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace gatehouse::host {

class ErrorText {
  public:
    // Copies `text`, cut at 512 bytes; replaces what was there. Without memory for it, nothing is there. [owner]
    void set(std::string_view text) noexcept;
    void clear() noexcept { text_.reset(); }

    // Gives it back and forgets it; empty: there is none. Throws std::bad_alloc. [owner]
    std::string take();

  private:
    std::unique_ptr<std::string> text_; // null as a rule: few connections fail
};

// The same for an instance, some of whose calls may come from any thread. [any]
class SharedErrorText {
  public:
    void set(std::string_view text) noexcept {
        const MutexLock lock(mutex_);
        text_.set(text);
    }
    std::string take() {
        const MutexLock lock(mutex_);
        return text_.take();
    }

  private:
    Mutex mutex_;
    ErrorText text_ GATEHOUSE_GUARDED_BY(mutex_);
};

} // namespace gatehouse::host
