// A PROXY header: the answer holds for whatever follows, and what it says lies within the header.
#include "fuzz.hpp"
#include "wire/proxy_header.hpp"

using namespace gatehouse::host;
using gatehouse::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ProxyParse::What last = ProxyParse::What::more;
    std::size_t header_size = 0;
    gatehouse::fuzz::for_each_beginning(data, size, [&](std::span<const std::byte> bytes) {
        const ProxyParse parse = parse_proxy_header(bytes);
        require(last == ProxyParse::What::more || parse.what == last);
        require(bytes.size() < max_proxy_header || parse.what != ProxyParse::What::more);
        if (parse.what == ProxyParse::What::whole) {
            const ProxyHeader& header = parse.header;
            require(header.size <= bytes.size() && header.size <= max_proxy_header);
            require(header_size == 0 || header.size == header_size);
            require(header.local == (header.source.size == 0));
            require(header.unique_id.size() <= 128 && header.authority.size() <= 255 && header.alpn.size() <= 255);
            const auto* const begin = reinterpret_cast<const char*>(bytes.data());
            for (const std::string_view text : {header.unique_id, header.authority, header.alpn})
                require(text.empty() || (text.data() >= begin && text.data() + text.size() <= begin + header.size));
            header_size = header.size;
        }
        last = parse.what;
    });
    return 0;
}
