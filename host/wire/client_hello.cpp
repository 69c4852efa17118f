#include "wire/client_hello.hpp"

#include <algorithm>
#include <string>

namespace gatehouse::host {
namespace {

constexpr unsigned handshake_record = 22;
constexpr unsigned client_hello_message = 1;
constexpr std::size_t longest_record = 1U << 14U;
constexpr std::size_t shortest_message = 2 + 32 + 1 + 4 + 2; // version, random, no session, a cipher suite, a compression
constexpr unsigned server_name_extension = 0;
constexpr unsigned alpn_extension = 16;
constexpr unsigned host_name = 0;

// Reads the handshake's bytes, stepping over the headers of the records that they are spread over. After the first thing that
// is missing or wrong, everything reads as 0 and `state` says which it was.
class Reader {
  public:
    explicit Reader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

    HelloParse state() const noexcept { return state_; }
    std::size_t taken() const noexcept { return taken_; } // of the handshake's bytes
    bool good() const noexcept { return state_ == HelloParse::whole; }
    void fail() noexcept { stop(HelloParse::none); }

    unsigned byte() noexcept {
        if (left_ == 0) next_record();
        if (!good()) return 0;
        --left_;
        ++taken_;
        return raw();
    }
    unsigned two() noexcept {
        const unsigned high = byte();
        return high << 8U | byte();
    }
    void skip(std::size_t count) noexcept {
        while (count > 0) {
            if (left_ == 0) next_record();
            if (!good()) return;
            const std::size_t some = std::min(count, left_);
            if (some > bytes_.size()) return stop(HelloParse::more);
            bytes_ = bytes_.subspan(some);
            left_ -= some;
            taken_ += some;
            count -= some;
        }
    }

  private:
    void stop(HelloParse state) noexcept {
        if (good()) state_ = state;
    }

    unsigned raw() noexcept {
        if (!good()) return 0;
        if (bytes_.empty()) {
            stop(HelloParse::more);
            return 0;
        }
        const auto value = std::to_integer<unsigned>(bytes_.front());
        bytes_ = bytes_.subspan(1);
        return value;
    }

    // An empty handshake record is not allowed (RFC 8446, section 5.1).
    void next_record() noexcept {
        if (raw() != handshake_record || (good() && raw() != 3) || (good() && raw() > 4)) fail();
        const unsigned high = raw();
        if (high > longest_record >> 8U) fail();
        left_ = high << 8U | raw();
        if (left_ == 0 || left_ > longest_record) fail();
        if (!good()) left_ = 0;
    }

    std::span<const std::byte> bytes_;
    std::size_t left_ = 0; // of the record
    std::size_t taken_ = 0;
    HelloParse state_ = HelloParse::whole;
};

// What is left of a list whose bytes have been counted: everything within it is checked against this before it is read.
class Extent {
  public:
    Extent(Reader& reader, std::size_t size) noexcept : reader_(reader), end_(reader.taken() + size) {}

    // Whether `size` more bytes are within; reads on as wrong otherwise.
    bool has(std::size_t size) noexcept {
        if (reader_.good() && end_ - reader_.taken() < size) reader_.fail();
        return reader_.good();
    }
    bool empty() const noexcept { return !reader_.good() || reader_.taken() >= end_; }

    // The size that stands in front of a part of this, in one byte or two; the part is within, and no smaller than `least`.
    std::size_t size_of_part(int bytes, std::size_t least) noexcept {
        if (!has(static_cast<std::size_t>(bytes))) return 0;
        const std::size_t size = bytes == 1 ? reader_.byte() : reader_.two();
        if (reader_.good() && size < least) reader_.fail();
        return has(size) ? size : 0;
    }

  private:
    Reader& reader_;
    const std::size_t end_;
};

// The type of the message, its size and its version. The size is 0 if they are not there.
std::size_t read_start(Reader& reader) noexcept {
    if (reader.byte() != client_hello_message) reader.fail();
    static_assert(max_client_hello <= 0xffff);
    if (reader.byte() != 0) reader.fail(); // of the three bytes of the size
    const std::size_t size = reader.two();
    if (size < shortest_message || size > max_client_hello) reader.fail();
    if (reader.byte() != 3) reader.fail();
    reader.byte();
    return reader.good() ? size : 0;
}

void read_server_names(Reader& reader, Extent& extension, ClientHello& hello) noexcept {
    Extent list(reader, extension.size_of_part(2, 1));
    while (!list.empty()) {
        if (!list.has(1)) return;
        const unsigned type = reader.byte();
        const std::size_t size = list.size_of_part(2, 1);
        if (type != host_name || hello.name_size != 0) {
            reader.skip(size);
            continue;
        }
        if (size > hello.name.size()) return reader.fail();
        for (std::size_t i = 0; i < size; ++i) hello.name[i] = static_cast<char>(reader.byte());
        if (reader.good()) hello.name_size = size;
    }
}

void read_protocols(Reader& reader, Extent& extension, ClientHello& hello) noexcept {
    if (hello.protocols_size != 0) return; // a second extension of the kind is wrong
    Extent list(reader, extension.size_of_part(2, 2));
    std::size_t used = 0;
    while (!list.empty()) {
        const std::size_t size = list.size_of_part(1, 1);
        if (hello.protocols.size() - used < size + 1) {
            reader.skip(size);
            continue;
        }
        char* const entry = hello.protocols.data() + used;
        entry[0] = static_cast<char>(size);
        for (std::size_t i = 0; i < size; ++i) entry[1 + i] = static_cast<char>(reader.byte());
        used += size + 1;
    }
    if (reader.good()) hello.protocols_size = used;
}

void read_extensions(Reader& reader, Extent& message, ClientHello& hello) noexcept {
    Extent extensions(reader, message.size_of_part(2, 0));
    while (!extensions.empty()) {
        if (!extensions.has(2)) return;
        const unsigned type = reader.two();
        const std::size_t size = extensions.size_of_part(2, 0);
        const std::size_t end = reader.taken() + size;
        Extent extension(reader, size);
        if (type == server_name_extension) read_server_names(reader, extension, hello);
        if (type == alpn_extension) read_protocols(reader, extension, hello);
        if (!reader.good()) return;
        reader.skip(end - reader.taken());
    }
}

} // namespace

bool ClientHello::offers(std::string_view protocol) const noexcept {
    for (std::size_t at = 0; at < protocols_size;) {
        const std::size_t size = static_cast<unsigned char>(protocols[at]);
        if (protocol == std::string_view(protocols.data() + at + 1, size)) return true;
        at += size + 1;
    }
    return false;
}

// RFC 8446, section 4.1.2; what TLS 1.3 has made obsolete is still there, and of the same form.
HelloParse parse_client_hello(std::span<const std::byte> bytes, ClientHello& hello) noexcept {
    hello.name_size = hello.protocols_size = 0;
    Reader reader(bytes);
    const std::size_t size = read_start(reader);
    if (size == 0) return reader.state();
    Extent message(reader, size - 2);     // what follows the version
    if (message.has(32)) reader.skip(32); // random
    const std::size_t session = message.size_of_part(1, 0);
    if (session > 32) reader.fail();
    reader.skip(session);
    const std::size_t suites = message.size_of_part(2, 2);
    if (suites % 2 != 0) reader.fail();
    reader.skip(suites);
    reader.skip(message.size_of_part(1, 1)); // compression methods
    if (!message.empty()) read_extensions(reader, message, hello);
    if (!message.empty()) reader.fail(); // bytes after the extensions
    return reader.state();
}

Match begins_client_hello(std::span<const std::byte> bytes) noexcept {
    Reader reader(bytes);
    read_start(reader);
    return reader.good() ? Match::yes : reader.state() == HelloParse::more ? Match::more : Match::no;
}

namespace {

// The bytes of a message: numbers, and lengths before what they are of.
using Text = std::string;

Text in_bytes(std::size_t number, unsigned width) {
    Text text;
    while (width-- > 0) text += static_cast<char>(number >> (8 * width) & 0xffU);
    return text;
}
Text with_length(unsigned width, const Text& text) { return in_bytes(text.size(), width) + text; }
Text extension(unsigned type, const Text& text) { return in_bytes(type, 2) + with_length(2, text); }

} // namespace

std::vector<std::byte> make_client_hello(std::string_view server_name, std::string_view protocol) {
    constexpr std::size_t longest_name = 255;
    constexpr unsigned supported_versions = 43;
    const Text name(server_name.substr(0, longest_name));
    const Text offered(protocol.substr(0, longest_name));
    Text extensions = extension(supported_versions, with_length(1, "\x03\x04"));
    if (!name.empty())
        extensions += extension(server_name_extension, with_length(2, in_bytes(host_name, 1) + with_length(2, name)));
    if (!offered.empty()) extensions += extension(alpn_extension, with_length(2, with_length(1, offered)));
    const Text body = "\x03\x03" + Text(32, 'r') + with_length(1, "") + with_length(2, "\x13\x01") +
                      with_length(1, in_bytes(0, 1)) + with_length(2, extensions);
    const Text message = in_bytes(client_hello_message, 1) + with_length(3, body);
    const Text record = in_bytes(handshake_record, 1) + "\x03\x01" + with_length(2, message);
    const auto bytes = std::as_bytes(std::span(record));
    return {bytes.begin(), bytes.end()};
}

} // namespace gatehouse::host
