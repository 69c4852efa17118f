// Lines that wait to be written, oldest first: a ring of batches whose memory is allocated once. When it is full, the oldest
// batch makes way: the newest lines are the ones worth having. [caller: one thread at a time]
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace gatehouse::host {

class LineRing {
  public:
    static constexpr std::size_t batch_size = std::size_t{64} * 1024; // bytes, and of a line at most
    static constexpr std::size_t most_batches = 16;

    struct Batch {
        std::unique_ptr<char[]> text = std::make_unique_for_overwrite<char[]>(batch_size); // NOLINT(modernize-avoid-c-arrays)
        std::size_t size = 0;
        std::uint32_t lines = 0;

        void clear() noexcept { size = lines = 0; }
        std::string_view view() const noexcept { return {text.get(), size}; }
    };

    bool empty() const noexcept { return used_ == 1 && ring_[first_].size == 0; }
    bool is_half_full() const noexcept { return used_ > most_batches / 2; }

    // Makes room for a line of this size with its end. Returns how many lines that has cost.
    std::uint32_t make_room(std::size_t size) noexcept {
        if (last().size + size <= batch_size) return 0;
        std::uint32_t lost = 0;
        if (used_ == most_batches) {
            lost = ring_[first_].lines;
            drop_first();
        }
        ++used_;
        last().clear();
        return lost;
    }
    // A part of the line that room was made for.
    void append(std::string_view text) noexcept {
        std::memcpy(last().text.get() + last().size, text.data(), text.size());
        last().size += text.size();
    }
    void end_line() noexcept {
        append("\n");
        ++last().lines;
    }

    // Puts the oldest batch in the place of `taken`, whose memory the ring uses again.
    void take(Batch& taken) noexcept {
        std::swap(taken, ring_[first_]);
        ring_[first_].clear();
        if (used_ > 1) drop_first();
    }

  private:
    Batch& last() noexcept { return ring_[(first_ + used_ - 1) % most_batches]; }
    void drop_first() noexcept {
        first_ = (first_ + 1) % most_batches;
        --used_;
    }

    std::array<Batch, most_batches> ring_;
    std::size_t first_ = 0;
    std::size_t used_ = 1;
};

} // namespace gatehouse::host
