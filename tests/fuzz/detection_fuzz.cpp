// Patterns and routes: what they have chosen holds for whatever follows.
#include "fuzz.hpp"
#include "stages/route.hpp"
#include "wire/protocol_pattern.hpp"

#include <optional>
#include <utility>

using namespace gatehouse::host;
using gatehouse::fuzz::require;

namespace {

std::vector<Route> make_routes() {
    std::vector<Route> routes(2);
    routes[0].sni = {"a.example", "*.example.org"};
    routes[1].alpn = {"h2"};
    routes.emplace_back().match = {{{{0, "ab"}, {4, "c"}}}, {{{2, "\xff"}}}};
    for (const ProtocolPattern& pattern : protocol_patterns()) routes.emplace_back().probe = probe_of(pattern);
    return routes;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Routes routes(make_routes());
    std::vector<Match> last(protocol_patterns().size(), Match::more);
    std::optional<Choice> chosen;
    gatehouse::fuzz::for_each_beginning(data, size, [&](std::span<const std::byte> bytes) {
        for (std::size_t i = 0; i < last.size(); ++i) {
            const Match now = protocol_patterns()[i].probe(bytes);
            require(last[i] == Match::more || now == last[i]);
            last[i] = now;
        }
        Arrived arrived;
        arrived.bytes = bytes;
        Choice choice = routes.choose(arrived);
        if (chosen) require(choice.what == chosen->what && choice.route == chosen->route);
        if (choice.what != Choice::What::more) chosen = std::move(choice);
        arrived.all = true;
        require(routes.choose(arrived).what != Choice::What::more);
    });
    return 0;
}
