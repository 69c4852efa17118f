/*
 * gatehouse.pool/1 - connections to servers that outlive the client that they were made for, and serve the next one.
 *
 *     gatehouse_connect_request request = {sizeof request, 0, address, 5000};
 *     request.pool = self->pool;
 *     if (pools->take(conn, &request, &server) != GATEHOUSE_OK) status = upstream->connect(conn, &request, &server);
 *     ...
 *     pools->keep(conn, server);
 *
 * A server may close a connection in the moment in which it is taken: what is sent over it then fails before an answer has
 * begun. A plugin that may send its request twice sends it once more, over a new connection.
 */
#ifndef GATEHOUSE_EXT_POOL_H
#define GATEHOUSE_EXT_POOL_H

#include "../gatehouse.h"
#include "upstream.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_POOL "gatehouse.pool/1"

typedef struct gatehouse_pool_limits {
    uint32_t size;                  /* sizeof(gatehouse_pool_limits) */
    uint32_t reserved;              /* 0 */
    uint32_t most;                  /* idle connections; 1..4096, 0: 256 */
    uint32_t most_per_server;       /* of them, to one server; 0: as many as `most` */
    uint64_t idle_milliseconds;     /* how long one waits for its next client; 0: 60,000 */
    uint64_t lifetime_milliseconds; /* counted from its connect() on; 0: no limit */
} gatehouse_pool_limits;

typedef struct gatehouse_pool_v1 {
    uint32_t size; /* bytes of this table */
    uint32_t reserved;

    /*
     * [create] Makes a pool, which lives as long as the instance. GATEHOUSE_INVALID: a limit is out of range.
     */
    gatehouse_status (*make)(gatehouse_instance* instance, const gatehouse_pool_limits* limits,
                             gatehouse_pool** pool) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Stores in *upstream an idle connection of the pool request->pool, as if connect() had just made it for this
     * client. It was made by a request with the same address, source, tls, server_name and key, and kept last. Does not wait.
     * GATEHOUSE_NOT_FOUND: there is none. _INVALID: the pool is not this instance's.
     */
    gatehouse_status (*take)(gatehouse_conn* conn, const gatehouse_connect_request* request,
                             gatehouse_conn** upstream) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Puts a connection into the pool that its request has named; the host owns it from this call on, whatever the
     * result. If the pool is full the host closes another one: the oldest of the same server, or the one whose time is over
     * first. The host watches idle connections, and closes one whose server sends a byte or closes.
     *
     * GATEHOUSE_INVALID: the host has closed it, since it was not made for a pool, there was something left to be read or to
     * be sent, or one side has finished. _STOPPING: the same, since the host drains. _EXHAUSTED: the same, for want of memory.
     */
    gatehouse_status (*keep)(gatehouse_conn* conn, gatehouse_conn* upstream) GATEHOUSE_NOEXCEPT;
} gatehouse_pool_v1;

#ifdef __cplusplus
}
#endif
#endif
