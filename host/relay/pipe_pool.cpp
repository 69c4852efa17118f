#include "relay/pipe_pool.hpp"

#include <array>
#include <fcntl.h>
#include <new>
#include <unistd.h>

namespace gatehouse::host {
namespace {

// A pipe has a slot for each 4 KiB of its size, and a slot takes one fragment of a received segment: up to 32 KiB on loopback,
// but a packet's 1.4 KiB from a network. So this is far more than is ever in the pipe at once on the one, and little on the
// other.
constexpr int pipe_size = 256 * 1024;
constexpr Nanoseconds pause_without_pipes = 1'000'000'000;

} // namespace

PipePool::PipePool() { spare_.reserve(most_spare); }

std::unique_ptr<Pipe> PipePool::take() noexcept {
    if (lent_ >= most_lent) return nullptr;
    std::unique_ptr<Pipe> pipe;
    if (spare_.empty()) {
        pipe = make();
    } else {
        pipe = std::move(spare_.back());
        spare_.pop_back();
    }
    if (pipe) ++lent_;
    return pipe;
}

void PipePool::give_back(std::unique_ptr<Pipe> pipe) noexcept {
    --lent_;
    if (pipe->held == 0 && spare_.size() < most_spare) spare_.push_back(std::move(pipe));
}

std::unique_ptr<Pipe> PipePool::make() noexcept {
    const Nanoseconds now = coarse_now();
    if (now < not_before_) return nullptr;
    std::unique_ptr<Pipe> pipe(new (std::nothrow) Pipe);
    std::array<int, 2> ends{};
    if (!pipe || ::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        not_before_ = now + pause_without_pipes;
        return nullptr;
    }
    pipe->out = Descriptor(ends[0]);
    pipe->in = Descriptor(ends[1]);
    ::fcntl(ends[1], F_SETPIPE_SZ, pipe_size); // a user who has many large pipes already is refused: then it stays smaller
    return pipe;
}

} // namespace gatehouse::host
