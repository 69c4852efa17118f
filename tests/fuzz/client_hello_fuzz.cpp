// A ClientHello: the answer holds for whatever follows, and does not depend on how the message is cut into records.
#include "fuzz.hpp"
#include "wire/client_hello.hpp"

#include <string>

using namespace gatehouse::host;
using gatehouse::fuzz::require;

namespace {

// The input as one message in records of this size.
std::vector<std::uint8_t> in_records(const std::uint8_t* data, std::size_t size, std::size_t record) {
    std::vector<std::uint8_t> result;
    while (size > 0) {
        const std::size_t some = std::min(size, record);
        result.insert(result.end(), {22, 3, 1, static_cast<std::uint8_t>(some >> 8U), static_cast<std::uint8_t>(some & 0xffU)});
        result.insert(result.end(), data, data + some);
        data += some;
        size -= some;
    }
    return result;
}

HelloParse parse(const std::vector<std::uint8_t>& bytes, ClientHello& hello) {
    return parse_client_hello(std::as_bytes(std::span(bytes)), hello);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    HelloParse last = HelloParse::more;
    std::string name;
    gatehouse::fuzz::for_each_beginning(data, size, [&](std::span<const std::byte> bytes) {
        ClientHello hello;
        const HelloParse now = parse_client_hello(bytes, hello);
        require(last == HelloParse::more || now == last);
        require(hello.name_size <= hello.name.size() && hello.protocols_size <= hello.protocols.size());
        static_cast<void>(hello.offers("h2"));
        if (!name.empty()) require(hello.server_name() == name);
        name = hello.server_name();
        last = now;
    });

    if (size < 6) return 0;
    ClientHello one;
    ClientHello other;
    const HelloParse whole = parse(in_records(data + 1, size - 1, 16384), one);
    require(parse(in_records(data + 1, size - 1, std::size_t{1} + data[0]), other) == whole);
    if (whole == HelloParse::whole) require(one.server_name() == other.server_name() && one.protocols == other.protocols);
    return 0;
}
