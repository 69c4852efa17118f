#include "relay/engine.hpp"

#include "relay/thread.hpp"

#include <algorithm>
#include <utility>

namespace gatehouse::host {

RelayEngine::RelayEngine(unsigned threads, Scheduling scheduling, Ended ended) : ended_(std::move(ended)) {
    for (unsigned i = 0; i < threads; ++i) threads_.push_back(std::make_unique<RelayThread>(scheduling, ended_));
}

RelayEngine::~RelayEngine() { stop(never); }

bool RelayEngine::start(Connection& client) noexcept {
    const auto least = std::min_element(threads_.begin(), threads_.end(),
                                        [](const auto& a, const auto& b) { return a->active() < b->active(); });
    return (*least)->start(client);
}

void RelayEngine::look_at_orders() noexcept {
    for (const auto& thread : threads_) thread->sweep_by(0);
}

void RelayEngine::begin_drain(Nanoseconds deadline) noexcept {
    for (const auto& thread : threads_) thread->sweep_by(deadline);
}

bool RelayEngine::stop(Nanoseconds deadline) noexcept {
    for (const auto& thread : threads_) thread->stop();
    bool all = true;
    for (const auto& thread : threads_) all = thread->join(deadline) && all;
    return all;
}

std::uint32_t RelayEngine::active() const noexcept {
    std::uint32_t sum = 0;
    for (const auto& thread : threads_) sum += thread->active();
    return sum;
}

RelayEngine::Moved RelayEngine::moved() const noexcept {
    Moved moved;
    for (const auto& thread : threads_) {
        moved.copied += thread->copied();
        moved.spliced += thread->spliced();
    }
    return moved;
}

Nanoseconds RelayEngine::cpu_time() const noexcept {
    Nanoseconds sum = 0;
    for (const auto& thread : threads_) sum += thread->cpu_time();
    return sum;
}

} // namespace gatehouse::host
