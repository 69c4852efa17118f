// Connections to servers that wait for their next client: what stands behind the extension gatehouse.pool/1.
#pragma once

#include "connection/connection.hpp"

#include <gatehouse/ext/pool.h>
#include <memory>

namespace gatehouse::host {

extern const gatehouse_pool_v1 pool_table;

// Whether the client's instance has made this pool.
bool is_of(const gatehouse_pool& pool, const Connection& client) noexcept;

// What a connection that this request asks for may be kept with. Throws std::bad_alloc.
std::unique_ptr<const Origin> origin_of(const gatehouse_connect_request& request);

} // namespace gatehouse::host
