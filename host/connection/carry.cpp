#include "connection/carry.hpp"

#include "base/socket.hpp"

#include <algorithm>
#include <memory>
#include <new>

namespace gatehouse::host {
namespace {

constexpr int reads_at_once = 16; // then other connections have their turn
constexpr std::size_t copied_at_once = 64 * 1024;

} // namespace

Carry::Flow Carry::step() noexcept {
    // Neither on the stack, since a plugin that waits may have used much of it, nor a thread_local, which takes its room from
    // there.
    std::unique_ptr<char[]> buffer;
    if (over_) return Flow::over;
    for (int i = 0; i < reads_at_once; ++i) {
        if (to_->broken) return end(GATEHOUSE_RESET, to_);
        if (to_->holds_output()) return Flow::waits;
        if (left_ == 0) return end(GATEHOUSE_OK, nullptr);
        if (listens_to(*to_) && (to_->found & GATEHOUSE_READABLE) != 0) return end(GATEHOUSE_AGAIN, nullptr);
        if (!buffer) buffer.reset(new (std::nothrow) char[copied_at_once]);
        if (!buffer) return end(GATEHOUSE_EXHAUSTED, nullptr);
        std::size_t size = 0;
        const gatehouse_status status =
            from_->read_there(buffer.get(), static_cast<std::size_t>(std::min<std::uint64_t>(left_, copied_at_once)), size);
        if (status == GATEHOUSE_AGAIN) return Flow::waits;
        if (status != GATEHOUSE_OK) return end(status, status == GATEHOUSE_END ? nullptr : from_);
        moved_ += size;
        left_ -= size;
        if (const gatehouse_status passed = to_->pass_on({buffer.get(), size}); passed != GATEHOUSE_OK) return end(passed, to_);
    }
    return Flow::more;
}

Carry::Flow Carry::end(gatehouse_status status, Stream* failed) noexcept {
    over_ = true;
    status_ = status;
    failed_ = failed;
    return Flow::over;
}

void Carry::cut() noexcept {
    if (over_) return;
    reset_on_close(from_->fd);
    reset_on_close(to_->fd);
    from_->broken = to_->broken = true;
    end(GATEHOUSE_RESET, nullptr);
}

} // namespace gatehouse::host
