#include "abi/carry.hpp"

#include "abi/handles.hpp"
#include "connection/carry.hpp"

#include <memory>
#include <new>

namespace gatehouse::host {

gatehouse_status relay_some(gatehouse_conn* conn, gatehouse_conn* from, gatehouse_conn* to, std::uint64_t bytes,
                            std::uint32_t flags) noexcept {
    Connection* const client = client_of(conn);
    if (client == nullptr || from == nullptr || to == nullptr || from == to) return GATEHOUSE_INVALID;
    Stream& source = stream_of(from);
    Stream& target = stream_of(to);
    const bool may = client->has(&source) && client->has(&target) && !source.pending && !target.pending;
    if (!may || (flags & ~std::uint32_t{GATEHOUSE_RELAY_UNTIL_NEWS}) != 0) return GATEHOUSE_INVALID;
    client->life.serving.carry.reset(new (std::nothrow)
                                         Carry(source, target, bytes, (flags & GATEHOUSE_RELAY_UNTIL_NEWS) != 0));
    return client->life.serving.carry ? GATEHOUSE_OK : GATEHOUSE_EXHAUSTED;
}

gatehouse_status relayed(gatehouse_conn* conn, std::uint64_t* moved, gatehouse_conn** failed) noexcept {
    const Connection* const client = client_of(conn);
    if (client == nullptr || !client->life.serving.carry || !client->life.serving.carry->over()) return GATEHOUSE_INVALID;
    const Carry& carry = *client->life.serving.carry;
    *moved = carry.moved();
    *failed = carry.failed();
    return carry.status();
}

} // namespace gatehouse::host
