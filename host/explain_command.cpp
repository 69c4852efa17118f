#include "explain_command.hpp"

#include "base/printable.hpp"
#include "generation.hpp"
#include "net/network.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace gatehouse::host {
namespace {

constexpr std::size_t longest_tls_name = 255; // of a server or a protocol, in TLS

HostAnswer explain(const Service& service, const SocketAddress& from, const Asked& asked) {
    HostAnswer answer;
    answer.table.columns = {"step", "rule", {"verdict", Cell::Type::state}, "why"};
    for (const Explanation::Step& step : service.explain(from, asked).steps)
        answer.table.cells.insert(answer.table.cells.end(), {step.what, step.rule.empty() ? Cell() : Cell(step.rule),
                                                             Cell::state(std::string(to_string(step.verdict))), step.why});
    return answer;
}

HostAnswer explain(const AllGenerations& generations, const Arguments& with) {
    const auto& services = generations().front()->services();
    const std::string listener = with.text("listener");
    const auto service = std::ranges::find_if(services, [&](const auto& each) { return each->config.name == listener; });
    if (service == services.end()) return no_such("listener", listener, listener_names(generations));
    const std::string text = with.text("from");
    const bool is_v6 = text.find(':') != std::string::npos;
    std::string problem;
    const std::optional<Address> parsed =
        parse_ip_address(text) ? parse_address(is_v6 ? '[' + text + "]:0" : text + ":0", problem) : std::nullopt;
    const std::optional<SocketAddress> from = parsed ? numeric_address(*parsed) : std::nullopt;
    if (!from)
        return failure("bad_argument", in_quotes(text) + " is not an address (expected one such as 192.0.2.1 or 2001:db8::1)");
    Asked asked{with.has("sni") || with.has("alpn") || with.flag("tls"), with.text("sni"), with.text("alpn")};
    if (std::max(asked.server_name.size(), asked.protocol.size()) > longest_tls_name)
        return failure("bad_argument", "a name in TLS has 255 bytes at most");
    return explain(**service, *from, asked);
}

} // namespace

HostCommand explain_command(const AllGenerations& generations) {
    HostCommand command;
    command.name = "explain";
    command.summary = "shows what would become of a connection, step by step, and by which rule; it counts nowhere";
    command.parameters = {{"listener", Parameter::Type::text, true, "where it would arrive", false},
                          {"from", Parameter::Type::text, true, "the client's address, such as 192.0.2.1", false},
                          {"tls", Parameter::Type::flag, false, "the client speaks TLS", false},
                          {"sni", Parameter::Type::text, false, "the name that it asks for in TLS", false},
                          {"alpn", Parameter::Type::text, false, "the protocol that it offers in TLS", false}};
    command.shows = true;
    command.run = [generations](const Arguments& with, const Caller&) {
        return HostCommand::at_once(explain(generations, with));
    };
    return command;
}

} // namespace gatehouse::host
