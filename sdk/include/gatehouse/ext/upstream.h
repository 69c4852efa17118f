/*
 * gatehouse.upstream/1 - outbound connections, and relaying a client to one.
 *
 * A plugin that has decided where a connection goes connects there, says what it has to say first, and hands both ends to the
 * host's relay engine, which carries the bytes without holding a thread:
 *
 *     gatehouse_conn *server = NULL;
 *     if (upstream->connect(conn, address, 5000, &server) != GATEHOUSE_OK) return GATEHOUSE_NEXT_ERROR;
 *     upstream->relay(conn, server, 300000);
 *     return GATEHOUSE_RELAY;
 */
#ifndef GATEHOUSE_EXT_UPSTREAM_H
#define GATEHOUSE_EXT_UPSTREAM_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_UPSTREAM "gatehouse.upstream/1"

typedef struct gatehouse_upstream_v1 {
    /*
     * [conn] Connects to "host:port", "[v6]:port" or "unix:/path" and stores the new connection in *upstream. A name with
     * several addresses is tried address by address. `milliseconds` bounds the whole call, resolving included.
     * GATEHOUSE_INVALID: not an address. _NOT_FOUND: the name does not resolve. _REFUSED, _TIMEOUT, _EXHAUSTED, _FAILED: as
     * they say. On failure the host has recorded what happened: it stands in the log if serve() then returns
     * GATEHOUSE_NEXT_ERROR, the connection's reason is upstream_failed, and set_error() need not be called.
     *
     * The result takes read(), write(), finish() and set_deadline() of gatehouse_host. The plugin owns it until close() or
     * relay(), also across parks.
     */
    gatehouse_status (*connect)(gatehouse_conn* conn, gatehouse_str address, uint64_t milliseconds,
                                gatehouse_conn** upstream) GATEHOUSE_NOEXCEPT;

    /* [conn], or in closed(): closes an upstream connection and frees it. */
    void (*close)(gatehouse_conn* upstream) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Makes the host relay between `conn` and `upstream` once serve() returns GATEHOUSE_RELAY; the host owns `upstream`
     * from this call on. Bytes flow both ways and half-closes are passed on, until both directions have ended, either side
     * resets, or nothing has moved for `idle_milliseconds` (0: the listener's idle_timeout). serve() is not called again;
     * closed() is, when the relay has ended.
     */
    gatehouse_status (*relay)(gatehouse_conn* conn, gatehouse_conn* upstream, uint64_t idle_milliseconds) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Finds the addresses of "host:port", in the order in which connect() would try them, and calls found() with each as
     * "192.0.2.1:80" or "[2001:db8::1]:80" before it returns: for a plugin that has to judge them before it connects to one.
     * Bounded and failing like connect(); what the host has recorded is there for GATEHOUSE_NEXT_UPSTREAM too.
     */
    gatehouse_status (*resolve)(gatehouse_conn* conn, gatehouse_str address, uint64_t milliseconds,
                                void (*found)(void* data, gatehouse_str address) GATEHOUSE_NOEXCEPT,
                                void* data) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Ends the relay of the client's connection with this id, on both sides and with a reset, so that what was cut does
     * not look whole; its reason is "drained". GATEHOUSE_NOT_FOUND: it has ended, or is none of this instance's. A connection
     * that is not relayed yet is cut when it starts to be.
     */
    gatehouse_status (*cut)(gatehouse_instance* instance, uint64_t id) GATEHOUSE_NOEXCEPT;
} gatehouse_upstream_v1;

#ifdef __cplusplus
}
#endif
#endif
