// Everything of `socks5` that reads a client's bytes.
//
// The first byte says whether there are users and where to cut the rest; the result must not depend on the cuts.
#include "dialogue.hpp"
#include "rules.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace socks5;

void require(bool holds) {
    if (!holds) std::abort();
}

// The answers, and the request or the refusal.
std::string negotiate(std::string_view bytes, std::size_t piece, const Users& users) {
    static const Rules rules;
    Dialogue dialogue;
    std::string answer;
    while (!bytes.empty()) {
        const std::string copy(bytes.substr(0, piece)); // on the heap, so that the sanitizer sees a read beyond its end
        bytes.remove_prefix(copy.size());
        const Dialogue::State state = dialogue.feed(copy, users, true, answer);
        require(answer.size() <= 2 + 2 + 10);
        if (state == Dialogue::State::refused) return answer + std::string(dialogue.why());
        if (state == Dialogue::State::incomplete) {
            require(dialogue.rest().size() <= 512);
            continue;
        }
        const Request& request = dialogue.request();
        require(request.command == Command::connect);
        require(dialogue.rest().size() <= copy.size());
        const std::string text = to_string(request);
        if (request.name.empty()) {
            require(parse_endpoint(text) == request.endpoint);
            static_cast<void>(rules.allow(request.endpoint));
        } else {
            require(request.name.find_first_of(":/[]%* ") == std::string::npos);
        }
        require(dialogue.user().empty() == users.empty());
        return answer + text + std::string(dialogue.rest()) + std::string(bytes);
    }
    return answer;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    Users users;
    if (data[0] >= 128) require(users.add_password("ann", "secret").empty());
    require(negotiate(bytes, std::string_view::npos, users) == negotiate(bytes, 1u + data[0] % 64u, users));
    return 0;
}
