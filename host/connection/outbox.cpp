#include "connection/outbox.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

constexpr std::uint64_t most_at_once = 4 * 1024 * 1024; // then the other connections have their turn
constexpr std::size_t most_of_file = 1024 * 1024;

} // namespace

void Outbox::add(std::span<const gatehouse_bytes> parts) {
    std::size_t size = 0;
    for (const gatehouse_bytes& part : parts) size += part.size;
    if (size == 0) return;
    Piece piece;
    piece.bytes.reset(new char[size]);
    std::size_t at = 0;
    for (const gatehouse_bytes& part : parts) {
        if (part.size > 0) std::memcpy(piece.bytes.get() + at, part.data, part.size);
        at += part.size;
    }
    piece.left = size;
    pieces_.push_back(std::move(piece));
    copied_ += size;
    left_ += size;
}

void Outbox::add_file(int file, std::uint64_t offset, std::uint64_t length) {
    if (length == 0) return;
    Piece piece;
    piece.file = file;
    piece.offset = offset;
    piece.left = length;
    pieces_.push_back(std::move(piece));
    left_ += length;
}

bool Outbox::keep_files() noexcept {
    return std::all_of(pieces_.begin(), pieces_.end(), [](Piece& piece) {
        if (piece.file < 0 || piece.own) return true;
        piece.own = Descriptor(::fcntl(piece.file, F_DUPFD_CLOEXEC, 0));
        piece.file = piece.own.get();
        return bool(piece.own);
    });
}

// As send(): the bytes that were sent; 0: the file has ended. A record of TLS that could not be sent whole is offered again
// with the next call, so it is read again.
ssize_t Outbox::send_file(Piece& piece, Channel& to, bool is_last) noexcept {
    auto position = static_cast<off_t>(piece.offset);
    if (!to.tls) return ::sendfile(to.fd, piece.file, &position, std::min<std::uint64_t>(piece.left, most_of_file));
    std::array<char, tls_record_size> record; // not initialised: filled as far as it is looked at
    const ssize_t size = ::pread(piece.file, record.data(), std::min<std::uint64_t>(piece.left, record.size()), position);
    if (size <= 0) {
        if (size < 0 && errno != EINTR) errno = EIO;
        return size;
    }
    const bool more = !is_last || static_cast<std::uint64_t>(size) < piece.left;
    return to.transmit(record.data(), static_cast<std::size_t>(size), more ? MSG_MORE : 0);
}

// `emptied`: of this piece.
Outbox::Flow Outbox::send_some(Piece& piece, Channel& to, bool is_last) noexcept {
    for (std::uint64_t sent = 0; piece.left > 0;) {
        if (sent >= most_at_once) return Flow::more;
        const ssize_t count = piece.bytes ? to.transmit(piece.bytes.get() + piece.offset, piece.left, is_last ? 0 : MSG_MORE)
                                          : send_file(piece, to, is_last);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return Flow::held_up;
        if (count < 0) return !piece.bytes && errno == EIO ? Flow::short_file : Flow::broken;
        if (count == 0 && !piece.bytes) return Flow::short_file;
        if (count == 0) return errno = EPIPE, Flow::broken; // no progress: to try it again would be to try it for ever
        const auto size = static_cast<std::uint64_t>(count);
        to.count_out(size);
        piece.offset += size;
        piece.left -= size;
        left_ -= size;
        sent += size;
    }
    return Flow::emptied;
}

Outbox::Flow Outbox::flush(Channel& to) noexcept {
    while (!pieces_.empty()) {
        Piece& piece = pieces_.front();
        const Flow flow = send_some(piece, to, pieces_.size() == 1);
        if (flow != Flow::emptied) return flow;
        if (piece.bytes) copied_ -= piece.offset;
        pieces_.pop_front();
    }
    return Flow::emptied;
}

} // namespace gatehouse::host
