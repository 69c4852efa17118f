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

/* How an instance speaks TLS to its servers; the instance's as long as that lives, and constant. [any] */
typedef struct gatehouse_tls_client gatehouse_tls_client;

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

    /*
     * [main], during create(). Reads the key `key` of the configuration, which is `true`, `false` or a table:
     *
     *     ca = "FILE"                  PEM: whose certificates are believed; the system's authorities without it
     *     server_name = "NAME"         instead of the name that start_tls() is given
     *     verify = false               believe anybody
     *     certificate, key = "FILE"    PEM: what is shown if the server wants a certificate; the key may be in the same file
     *     alpn = ["NAME"]              protocols that are offered
     *
     * Relative file names are taken from the configuration's folder, and the files are read now. *client is left alone if the
     * key is absent or `false` (GATEHOUSE_OK). `has_names`: 0 if start_tls() will have to do without a name for some server, so
     * that server_name, or verify = false, is needed. GATEHOUSE_INVALID: the host has recorded what is wrong at its key, and
     * refuses the instance.
     */
    gatehouse_status (*tls_client)(gatehouse_instance* instance, const gatehouse_config* config, gatehouse_str key,
                                   int32_t has_names, const gatehouse_tls_client** client) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Begins TLS on a connection that connect() has made, after whatever has been written to it in plain. When this
     * returns, the server has been verified, and reading, writing and relaying are about the plaintext.
     *
     * `server_name` is the name or IP address that the certificate has to be for. A name is also asked for (SNI).
     * `milliseconds` bounds the call. On failure the host has recorded what happened, as with connect(); *why says it without
     * the server's name, such as "certificate verify failed: self-signed certificate", and is valid until close(), which is all
     * that the connection is still good for. GATEHOUSE_TIMEOUT, _RESET (the server has gone), _EXHAUSTED, _INVALID: as they
     * say. _FAILED: the two do not agree. In TLS 1.3 a server judges the client's certificate after that; the first read tells
     * then.
     */
    gatehouse_status (*start_tls)(gatehouse_conn* conn, gatehouse_conn* upstream, const gatehouse_tls_client* client,
                                  gatehouse_str server_name, uint64_t milliseconds, gatehouse_str* why) GATEHOUSE_NOEXCEPT;
} gatehouse_upstream_v1;

#ifdef __cplusplus
}
#endif
#endif
