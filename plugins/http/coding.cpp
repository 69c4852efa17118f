#include "coding.hpp"

#include <algorithm>
#include <bit>
#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

namespace http {

namespace {

// Each returns the size in `to`, or 0.

std::size_t compress_gzip(std::string_view content, int level, std::string& to) noexcept {
    constexpr int with_gzip_header = 15 + 16, memory = 8;
    z_stream stream{};
    if (deflateInit2(&stream, level, Z_DEFLATED, with_gzip_header, memory, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data())); // zlib only reads it
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = reinterpret_cast<Bytef*>(to.data());
    stream.avail_out = static_cast<uInt>(to.size());
    const bool complete = ::deflate(&stream, Z_FINISH) == Z_STREAM_END;
    const std::size_t size = stream.total_out;
    ::deflateEnd(&stream);
    return complete ? size : 0;
}

std::size_t compress_brotli(std::string_view content, int level, std::string& to) noexcept {
    // The window is as large as the content, so that a small one costs little memory.
    const int window =
        std::clamp(static_cast<int>(std::bit_width(content.size())), BROTLI_MIN_WINDOW_BITS, BROTLI_DEFAULT_WINDOW);
    std::size_t size = to.size();
    const BROTLI_BOOL complete = ::BrotliEncoderCompress(level, window, BROTLI_MODE_TEXT, content.size(),
                                                         reinterpret_cast<const std::uint8_t*>(content.data()), &size,
                                                         reinterpret_cast<std::uint8_t*>(to.data()));
    return complete == BROTLI_TRUE ? size : 0;
}

std::size_t compress_zstd(std::string_view content, int level, std::string& to) noexcept {
    const std::size_t size = ::ZSTD_compress(to.data(), to.size(), content.data(), content.size(), level);
    return ZSTD_isError(size) != 0 ? 0 : size;
}

} // namespace

std::string_view name_of(Coding coding) noexcept {
    switch (coding) {
    case Coding::brotli:
        return "br";
    case Coding::zstd:
        return "zstd";
    case Coding::gzip:
        return "gzip";
    case Coding::plain:
        break;
    }
    return "";
}

std::string_view suffix_of(Coding coding) noexcept {
    switch (coding) {
    case Coding::brotli:
        return ".br";
    case Coding::zstd:
        return ".zst";
    case Coding::gzip:
        return ".gz";
    case Coding::plain:
        break;
    }
    return "";
}

std::string compress(Coding coding, std::string_view content, int level) {
    std::string to(content.size(), '\0'); // what does not fit in there is not smaller
    std::size_t size = 0;
    if (coding == Coding::gzip) size = compress_gzip(content, level, to);
    if (coding == Coding::brotli) size = compress_brotli(content, level, to);
    if (coding == Coding::zstd) size = compress_zstd(content, level, to);
    if (size >= content.size()) size = 0;
    to.resize(size);
    to.shrink_to_fit();
    return to;
}

} // namespace http
