#include "base/text_file.hpp"

#include "base/descriptor.hpp"
#include "base/printable.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

// The size of the character at the start of `text`, 1 to 4 bytes (RFC 3629, section 4); 0: it is none.
std::size_t character_size(std::string_view text) noexcept {
    const auto byte = [&](std::size_t at) -> unsigned { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0; };
    const auto follows = [&](std::size_t at, unsigned least = 0x80, unsigned most = 0xbf) {
        return byte(at) >= least && byte(at) <= most;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) // neither too long a form nor a surrogate
        return follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
    if (first >= 0xf0 && first <= 0xf4)
        return follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
    return 0;
}

} // namespace

std::string read_file(const std::filesystem::path& path, const FileLimits& limits, std::string& bytes, struct stat& status) {
    const std::string expected = " (expected " + std::string(limits.expected) + ')';
    // O_NONBLOCK: without it, opening a FIFO without a writer would block for ever.
    const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!descriptor) return std::string("cannot be opened: ") + std::strerror(errno);
    if (::fstat(descriptor.get(), &status) != 0) return std::string("cannot be examined: ") + std::strerror(errno);
    if (S_ISDIR(status.st_mode)) return "is a directory" + expected;
    if (!S_ISREG(status.st_mode)) return "is not a regular file" + expected;
    bytes.clear();
    const auto too_large = [&] {
        const bool large = limits.most >= 1 << 20U;
        return "is too large (expected at most " + std::to_string(limits.most >> (large ? 20U : 10U)) +
               (large ? " MiB)" : " KiB)");
    };
    if (static_cast<std::uintmax_t>(status.st_size) > limits.most) return too_large();
    bytes.reserve(static_cast<std::size_t>(status.st_size)); // which it may have outgrown by now
    std::array<char, 65536> buffer;                          // not initialised: only ever written
    for (;;) {
        const ssize_t size = ::read(descriptor.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return std::string("cannot be read: ") + std::strerror(errno);
        if (size == 0) return "";
        bytes.append(buffer.data(), static_cast<std::size_t>(size));
        if (bytes.size() > limits.most) return too_large();
    }
}

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t size = character_size(text);
        if (size == 0) return false;
        text.remove_prefix(size);
    }
    return true;
}

std::string_view without_mark(std::string_view text) noexcept {
    constexpr std::string_view mark = "\xef\xbb\xbf";
    return text.starts_with(mark) ? text.substr(mark.size()) : text;
}

bool normalise_text(std::string& text, std::string& error) {
    std::size_t line = 1;
    std::size_t begin = text.size() - without_mark(text).size(); // of the line
    std::size_t to = 0;
    for (std::size_t at = begin; at < text.size();) {
        if (static_cast<signed char>(text[at]) > '\r') { // most of a text: ASCII that is no end of a line
            text[to++] = text[at++];
            continue;
        }
        const std::size_t size = character_size(std::string_view(text).substr(at));
        if (size == 0 || text[at] == '\0') {
            const bool wide = at < 2 && (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"));
            error = std::to_string(line) + ':' + std::to_string(at - begin + 1) + ": " +
                    (size != 0 ? "NUL byte (expected UTF-8 text)"
                     : wide    ? "UTF-16 (expected UTF-8 text)"
                               : "not UTF-8 (expected UTF-8 text)");
            return false;
        }
        if (text[at] == '\n') {
            ++line;
            begin = at + 1;
        }
        if (text.compare(at, 2, "\r\n") != 0) {
            std::memmove(text.data() + to, text.data() + at, size); // they may overlap
            to += size;
        }
        at += size;
    }
    text.resize(to);
    return true;
}

std::optional<std::string> read_text_file(const std::filesystem::path& path, const FileLimits& limits, std::string& error) {
    std::string text;
    struct stat status{};
    const std::string name = printable(path.native());
    if (const std::string problem = read_file(path, limits, text, status); !problem.empty()) {
        error = name + ": " + problem;
        return std::nullopt;
    }
    if (std::string problem; !normalise_text(text, problem)) {
        error = name + ':' + problem;
        return std::nullopt;
    }
    return text;
}

} // namespace gatehouse::host
