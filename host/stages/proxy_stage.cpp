#include "stages/proxy_stage.hpp"

#include "connection/id_text.hpp"

#include "base/socket.hpp"
#include "wire/proxy_header.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace gatehouse::host {
namespace {

// The header is there: it was peeked at. Should recv() deny it, then there is urgent data, whether an event has told or not.
bool consume(const Channel& channel, std::span<std::byte> header) noexcept {
    for (;;) {
        const ssize_t size = receive_now(channel.fd, header.data(), header.size(), 0, true);
        if (size == static_cast<ssize_t>(header.size())) return true;
        if (size >= 0 || errno != EINTR) return false;
    }
}

std::unique_ptr<const Proxied> proxied_by(const SocketAddress& proxy, const ProxyHeader& header) {
    return std::make_unique<const Proxied>(Proxied{proxy, header.source, header.destination, std::string(header.unique_id),
                                                   std::string(header.authority), std::string(header.alpn)});
}

} // namespace

ProxyStage::ProxyStage(const ProxyProtocolConfig& config, std::string listener, Log& log)
    : from_unix_(config.from_unix), timeout_(config.timeout), where_(config.where), listener_(std::move(listener)), log_(log) {
    std::vector<NetworkTable::Entry> entries;
    entries.reserve(config.from.size());
    for (const Network& network : config.from) entries.push_back({network});
    from_ = NetworkTable(std::move(entries));
}

bool ProxyStage::lists(const SocketAddress& address) const noexcept {
    const std::optional<IpAddress> source = ip_address(address);
    return source ? from_.find(*source).has_value() : from_unix_;
}

std::optional<Milliseconds> ProxyStage::limit(const Visitor& visitor) const noexcept {
    return lists(visitor.peer) ? std::optional(timeout_) : std::nullopt;
}

Verdict ProxyStage::look(const Visitor& visitor) const noexcept {
    std::array<std::byte, max_proxy_header> buffer; // not initialised: only what was read counts
    const auto bytes = visitor.channel.peek(buffer);
    if (!bytes) return Verdict::refuse(Reason::peer_reset);
    // Health checks connect and close again.
    if (bytes->empty() && visitor.channel.hangup) return Verdict::refuse(Reason::peer_closed);
    if (bytes->empty() && visitor.expired) return Verdict::refuse(Reason::first_byte_timeout);
    const ProxyParse parse = parse_proxy_header(*bytes);
    if (parse.what == ProxyParse::What::bad) return refuse(visitor, parse.problem);
    if (parse.what == ProxyParse::What::more) {
        if (visitor.channel.hangup) return refuse(visitor, "it ends within the header");
        if (visitor.expired) return refuse(visitor, "it was not complete in time");
        return Verdict::more();
    }
    Verdict verdict = Verdict::pass();
    try {
        if (!parse.header.local) verdict.proxied = proxied_by(visitor.peer, parse.header);
    } catch (const std::bad_alloc&) {
        return Verdict::refuse(Reason::host_out_of_memory);
    }
    const std::size_t size = parse.header.size;
    visitor.channel.emptied = size == bytes->size() && size < buffer.size();
    if (!consume(visitor.channel, std::span(buffer).first(size))) return Verdict::refuse(Reason::peer_reset);
    return verdict;
}

Verdict ProxyStage::explain(const Visitor& /*visitor*/, const Asked& /*asked*/, Explanation& explanation) const {
    explanation.add("proxy", where_text(Rule(where_, "proxy_protocol")), Explanation::Verdict::unknown,
                    "it is a proxy's: the PROXY header names the client, who is asked about in its place");
    return Verdict::more();
}

// It comes from a network that the configuration lists as a proxy's, so it is worth a line.
Verdict ProxyStage::refuse(const Visitor& visitor, const char* problem) const noexcept {
    log_.warning("bad PROXY header", {{"id", id_text(listener_, visitor.id).view()},
                                      {"listener", listener_},
                                      {"peer", AddressText(visitor.peer)},
                                      {"error", problem}});
    return Verdict::refuse(Reason::bad_proxy_header, {where_, "proxy_protocol"});
}

} // namespace gatehouse::host
