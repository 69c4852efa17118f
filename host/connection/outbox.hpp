// Output that a plugin has handed over, and that the socket has not taken yet: bytes, and parts of files. [owner]
#pragma once

#include "base/descriptor.hpp"
#include "connection/channel.hpp"

#include <cstddef>
#include <cstdint>
#include <gatehouse/gatehouse.h>
#include <list>
#include <memory>
#include <span>

namespace gatehouse::host {

class Outbox {
  public:
    static constexpr std::size_t most_copied = 256 * 1024; // bytes that are held; files do not count

    // Both take all that they are given, or throw std::bad_alloc. `file` stays the caller's until keep_files().
    void add(std::span<const gatehouse_bytes> parts);
    void add_file(int file, std::uint64_t offset, std::uint64_t length);

    // Duplicates the descriptors of files that are still the caller's; false: none is left.
    bool keep_files() noexcept;

    enum class Flow : std::uint8_t {
        emptied,    // the kernel has all of it
        held_up,    // the socket takes no more at the moment
        more,       // it does, but this turn is over
        broken,     // see errno, as of Channel::transmit()
        short_file, // a file has ended before its part did, or cannot be read
    };
    // Sends what the socket takes, for a turn's length. The channel counts the bytes.
    Flow flush(Channel& to) noexcept;

    std::size_t copied() const noexcept { return copied_; }
    std::uint64_t left() const noexcept { return left_; } // bytes, those of files too

    bool tell = false;   // the plugin is to hear when the kernel has all of it
    bool finish = false; // and then the peer, that no more will come

  private:
    struct Piece {
        std::unique_ptr<char[]> bytes; // null: a part of a file
        int file = -1;
        Descriptor own;           // `file`, once it is not the caller's any more
        std::uint64_t offset = 0; // in the file, or in the bytes
        std::uint64_t left = 0;   // bytes
    };

    Flow send_some(Piece& piece, Channel& to, bool is_last) noexcept;
    static ssize_t send_file(Piece& piece, Channel& to, bool is_last) noexcept;

    std::list<Piece> pieces_;
    std::size_t copied_ = 0;
    std::uint64_t left_ = 0;
};

} // namespace gatehouse::host
