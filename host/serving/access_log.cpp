#include "serving/access_log.hpp"

#include "base/if_memory_allows.hpp"
#include "connection/id_text.hpp"

#include <optional>
#include <string>

namespace gatehouse::host {

void log_closed(Log& log, const Closed& closed) noexcept {
    const AddressText peer(closed.peer);
    std::optional<IdText> id;
    std::optional<AddressText> transport;
    std::optional<AddressText> upstream;
    if (closed.id != 0) id.emplace(id_text(closed.listener, closed.id));
    if (closed.proxied != nullptr) transport.emplace(closed.proxied->transport);
    if (closed.upstream != nullptr) upstream.emplace(*closed.upstream);
    const std::string_view unique_id = closed.proxied != nullptr ? std::string_view(closed.proxied->unique_id) : "";
    std::string rule;
    std::string network;
    const std::uint64_t* limit = nullptr;
    if (closed.rule != nullptr) {
        limit = std::get_if<std::uint64_t>(&closed.rule->value);
        if_memory_allows([&] {
            rule = where_text(*closed.rule);
            if (limit == nullptr) network = value_text(*closed.rule);
        });
    }
    const std::string_view value_key = limit != nullptr || !network.empty() ? "value" : "";
    const Nanoseconds microseconds = closed.duration / 1000; // the record has no more digits
    // Fields without a key are left out.
    log.info("closed", {{id ? "id" : "", id ? id->view() : ""},
                        {"listener", closed.listener},
                        {closed.plugin.empty() ? "" : "plugin", closed.plugin},
                        {"peer", peer},
                        {transport ? "transport_peer" : "", transport ? std::string_view(*transport) : ""},
                        {unique_id.empty() ? "" : "unique_id", unique_id},
                        {closed.map_line.empty() ? "" : "map_line", closed.map_line},
                        {closed.user.empty() ? "" : "user", closed.user},
                        {upstream ? "upstream" : "", upstream ? std::string_view(*upstream) : ""},
                        {closed.tls.empty() ? "" : "tls", closed.tls},
                        {closed.tls_truncated ? "tls_truncated" : "", "true"},
                        {"in", closed.in},
                        {"out", closed.out},
                        {"ms", static_cast<double>(microseconds) / 1000.0},
                        {"reason", to_string(closed.reason)},
                        {closed.cause == Cause::none ? "" : "cause", to_string(closed.cause)},
                        {rule.empty() ? "" : "rule", rule},
                        {rule.empty() ? "" : "limit", rule.empty() ? "" : closed.rule->limit},
                        limit != nullptr ? Field(value_key, *limit) : Field(value_key, network)});
}

} // namespace gatehouse::host
