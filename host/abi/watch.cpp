#include "abi/watch.hpp"

#include "abi/handles.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace gatehouse::host {
namespace {

std::size_t count_watched(const Upstream* list) noexcept {
    std::size_t count = 0;
    for (; list != nullptr; list = list->next())
        if (list->wanted != 0) ++count;
    return count;
}

} // namespace

gatehouse_status watch(gatehouse_conn* conn, gatehouse_conn* stream, std::uint32_t wanted) noexcept {
    Connection* const client = client_of(conn);
    if (client == nullptr || stream == nullptr || (wanted & ~std::uint32_t{GATEHOUSE_READABLE | GATEHOUSE_WRITABLE}) != 0)
        return GATEHOUSE_INVALID;
    if (stream == conn) {
        client->wanted = wanted & 3U;
        return GATEHOUSE_OK;
    }
    Upstream* const server = upstream_of(stream);
    const Upstream* const all = client->life.serving.upstreams;
    if (server == nullptr || !client->has(server)) return GATEHOUSE_INVALID;
    if (wanted != 0 && server->wanted == 0 && count_watched(all) >= most_watched) return GATEHOUSE_EXHAUSTED;
    server->wanted = wanted & 3U;
    if (wanted == 0) server->watch.remove(server->fd);
    return GATEHOUSE_OK;
}

gatehouse_status wait(gatehouse_conn* conn, std::uint64_t milliseconds) noexcept {
    Connection* const client = client_of(conn);
    if (client == nullptr) return GATEHOUSE_INVALID;
    const Nanoseconds now = monotonic_now();
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    const auto span = std::chrono::milliseconds(std::min(milliseconds, most));
    const Nanoseconds until = milliseconds == 0 ? now : after(now, span);
    return facilities_of(*client).wait(*client, until);
}

std::size_t news(gatehouse_conn* conn, gatehouse_news* items, std::size_t capacity, std::size_t stride) noexcept {
    Connection* const client = client_of(conn);
    if (client == nullptr || stride < sizeof(gatehouse_news)) return 0;
    std::size_t count = 0;
    const auto add = [&](Stream& stream) {
        const auto ready = static_cast<std::uint32_t>(stream.found & stream.wanted);
        if (ready == 0) return;
        const gatehouse_news item{&stream, ready, 0};
        if (count < capacity) std::memcpy(reinterpret_cast<char*>(items) + count * stride, &item, sizeof item);
        ++count;
    };
    add(*client);
    for (Upstream* server = client->life.serving.upstreams; server != nullptr; server = server->next()) add(*server);
    return count;
}

} // namespace gatehouse::host
