/*
 * gatehouse.upstream/1 - outbound connections, and relaying a client to one.
 *
 * A plugin decides where a connection goes, connects there, writes what it has to write first, and hands both ends to the
 * host's relay engine, which carries the bytes without holding a thread:
 *
 *     gatehouse_connect_request request = {sizeof request, 0, address, 5000};
 *     gatehouse_conn *server = NULL;
 *     if (upstream->connect(conn, &request, &server) != GATEHOUSE_OK) return GATEHOUSE_NEXT_ERROR;
 *     upstream->relay(conn, server, 300000);
 *     return GATEHOUSE_NEXT_RELAY;
 */
#ifndef GATEHOUSE_EXT_UPSTREAM_H
#define GATEHOUSE_EXT_UPSTREAM_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_UPSTREAM "gatehouse.upstream/1"

/* How an instance speaks TLS to its servers. Constant; lives as long as the instance. [any] */
typedef struct gatehouse_tls_client gatehouse_tls_client;

/* Idle connections to servers; see ext/pool.h. Lives as long as the instance. [any] */
typedef struct gatehouse_pool gatehouse_pool;

/* What connect() and connect_now() are to do. The host copies what it needs. */
typedef struct gatehouse_connect_request {
    uint32_t size;                   /* sizeof(gatehouse_connect_request) */
    uint32_t reserved;               /* 0 */
    gatehouse_str address;           /* "host:port", "[v6]:port" or "unix:/path" */
    uint64_t milliseconds;           /* for all of it: resolving, connecting, `preface` and TLS */
    gatehouse_str source;            /* the address of this host to connect from, "192.0.2.9" or "2001:db8::9"; may be empty */
    gatehouse_str preface;           /* sent as soon as it is connected, in plain, such as a PROXY header; at most 64 KiB */
    const gatehouse_tls_client* tls; /* TLS, begun behind the preface; NULL: none */
    gatehouse_str server_name;       /* with TLS: as in start_tls() */
    gatehouse_pool* pool;            /* where it may be kept for another client; then there is no preface. NULL: nowhere */
    gatehouse_str key;               /* with a pool: further words for whom it may be taken, such as a user's name */
} gatehouse_connect_request;

typedef struct gatehouse_upstream_v1 {
    uint32_t size; /* bytes of this table */
    uint32_t reserved;

    /*
     * [conn] Connects to a server and stores the new connection in *upstream. If a name has several addresses, the host tries
     * one after the other. GATEHOUSE_INVALID: the request is wrong. _NOT_FOUND: the name does not resolve. _REFUSED, _TIMEOUT,
     * _UNREACHABLE, _RESET, _FAILED: the server's fault, or that of the path to it; with TLS as in start_tls(). Two failures
     * say nothing about the server: _EXHAUSTED: this host has no descriptor, memory or local port left for it, which the host
     * logs. _STOPPING: the client's lifetime or the drain has ended the attempt before its time. _TIMER: the client's
     * set_deadline() has.
     *
     * On failure the host records what happened. If serve() then returns GATEHOUSE_NEXT_ERROR or _UPSTREAM, the host logs that,
     * and the connection's reason is upstream_failed, or host_out_of_fds and the like; the plugin need not call set_error().
     *
     * The new connection takes read(), write() and what else of gatehouse_host is said to. The plugin owns it until close() or
     * relay(), also across parks. It is of this client: no other one's serve() may use it.
     */
    gatehouse_status (*connect)(gatehouse_conn* conn, const gatehouse_connect_request* request,
                                gatehouse_conn** upstream) GATEHOUSE_NOEXCEPT;

    /* [conn], or in closed(): closes an upstream connection and frees it. */
    void (*close)(gatehouse_conn* upstream) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Makes the host relay between `conn` and `upstream` once serve() returns GATEHOUSE_NEXT_RELAY; the host owns
     * `upstream` from this call on. The host carries bytes both ways and passes half-closes on, until both directions have
     * ended, either side resets, or nothing has moved for `idle_milliseconds` (0: the listener's idle_timeout). It does not
     * call serve() again; it calls closed() when the relay has ended.
     */
    gatehouse_status (*relay)(gatehouse_conn* conn, gatehouse_conn* upstream, uint64_t idle_milliseconds) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Finds the addresses of "host:port", in the order in which connect() would try them, and calls found() with each as
     * "192.0.2.1:80" or "[2001:db8::1]:80" before it returns: for a plugin that has to judge them before it connects to one.
     * `milliseconds` bounds the call, and it fails like connect(). The host logs what it has recorded if serve() returns
     * GATEHOUSE_NEXT_UPSTREAM, too.
     */
    gatehouse_status (*resolve)(gatehouse_conn* conn, gatehouse_str address, uint64_t milliseconds,
                                void (*found)(void* data, gatehouse_str address) GATEHOUSE_NOEXCEPT,
                                void* data) GATEHOUSE_NOEXCEPT;

    /*
     * [create] Reads the key `key` of the configuration, which is `true`, `false` or a table:
     *
     *     ca = "FILE"                  PEM: the authorities that the host trusts; without it, the system's
     *     server_name = "NAME"         replaces the name that start_tls() gets
     *     verify = false               trust every server
     *     certificate, key = "FILE"    PEM: for servers that ask for a certificate; the key may be in the same file
     *     alpn = ["NAME"]              the protocols that the host offers
     *
     * The host takes relative file names from the configuration's folder, and reads the files now. If the key is absent or
     * `false`, it returns GATEHOUSE_OK and leaves *client alone. `has_names`: 0 if start_tls() will get no name for some
     * server, so that the table needs server_name or verify = false. GATEHOUSE_INVALID: the host has recorded what is wrong at
     * its key, and refuses the instance.
     */
    gatehouse_status (*tls_client)(gatehouse_instance* instance, const gatehouse_config* config, gatehouse_str key,
                                   int32_t has_names, const gatehouse_tls_client** client) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Begins TLS on a connection that connect() has made. The plugin may have written to it in plain before. When this
     * returns GATEHOUSE_OK, the host has verified the server, and reads, writes and relays plaintext.
     *
     * `server_name` is the name or IP address that the certificate has to be for. The host also sends a name to the server
     * (SNI). `milliseconds` bounds the call. On failure the host records what happened, as with connect(). *why says it without
     * the server's name, such as "TLS: certificate verify failed: self-signed certificate", and is valid until close(), the
     * only call that the connection still takes. GATEHOUSE_TIMEOUT, _RESET (the server has gone), _INVALID: as they say.
     * _EXHAUSTED, _STOPPING: as with connect(). _FAILED: the handshake failed. In TLS 1.3 a server judges the client's
     * certificate after the handshake; the first read then fails.
     */
    gatehouse_status (*start_tls)(gatehouse_conn* conn, gatehouse_conn* upstream, const gatehouse_tls_client* client,
                                  gatehouse_str server_name, uint64_t milliseconds, gatehouse_str* why) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] As connect() and start_tls(), but they do not wait. GATEHOUSE_AGAIN: it has been begun (and *upstream is stored),
     * and goes on while the client's connection is parked; outcome() tells what has come of it. When it is over, and outcome()
     * has not told so yet, serve() is called with GATEHOUSE_EVENT_READY. Until then the upstream takes close() alone, which
     * gives it up. GATEHOUSE_OK: the connection stands already. GATEHOUSE_INVALID, _EXHAUSTED: nothing has been begun.
     *
     * While something goes on that was begun, the client owes the host nothing: its idle_timeout and min_rate rest.
     */
    gatehouse_status (*connect_now)(gatehouse_conn* conn, const gatehouse_connect_request* request,
                                    gatehouse_conn** upstream) GATEHOUSE_NOEXCEPT;
    gatehouse_status (*start_tls_now)(gatehouse_conn* conn, gatehouse_conn* upstream, const gatehouse_tls_client* client,
                                      gatehouse_str server_name, uint64_t milliseconds) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] What has come of connect_now(), start_tls_now() or resolve_now() for this upstream of the client `conn`:
     * GATEHOUSE_AGAIN: it still goes on. GATEHOUSE_OK: the connection stands. A failure is recorded and means the same as that
     * of connect() or start_tls(); the upstream then takes close() alone. *why says it in words, without the server's name,
     * such as "TLS: certificate verify failed: self-signed certificate"; it is valid until close(), and empty unless there is a
     * failure.
     */
    gatehouse_status (*outcome)(gatehouse_conn* conn, gatehouse_conn* upstream, gatehouse_str* why) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] As resolve(), but it does not wait: begins to look the name up, which returns GATEHOUSE_AGAIN, and stores in
     * *lookup what outcome() takes. Once that is GATEHOUSE_OK, addresses() calls found() with each of them before it returns.
     * The plugin ends the lookup with close(), before or after that.
     */
    gatehouse_status (*resolve_now)(gatehouse_conn* conn, gatehouse_str address, uint64_t milliseconds,
                                    gatehouse_conn** lookup) GATEHOUSE_NOEXCEPT;
    gatehouse_status (*addresses)(gatehouse_conn* conn, gatehouse_conn* lookup,
                                  void (*found)(void* data, gatehouse_str address) GATEHOUSE_NOEXCEPT,
                                  void* data) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Makes the host carry `bytes` bytes from one stream of the client `conn` to another, once serve() has returned PARK
     * or WAIT: the client itself, or upstreams that were made for it. It reads not one byte more, and holds no thread; output
     * that `to` has left goes first. The plugin is not called until that is over, and then with GATEHOUSE_EVENT_RELAYED, or
     * with _TIMEOUT if a deadline of the configuration has ended it; relayed() tells what has come of it. Wake-ups, the
     * plugin's own deadline and the drain are told after it. The drain's deadline and end() cut it, with a reset for both
     * sides; so does a client that is gone.
     *
     * `flags`: with GATEHOUSE_RELAY_UNTIL_NEWS bytes, the end or a reset of `to` end it too: a server may answer before it has
     * the whole request. One at a time for a client: another call replaces it. GATEHOUSE_INVALID: a stream is not of this
     * client, both are the same, or a flag is unknown.
     */
    gatehouse_status (*relay_some)(gatehouse_conn* conn, gatehouse_conn* from, gatehouse_conn* to, uint64_t bytes,
                                   uint32_t flags) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] What has come of relay_some(). *moved: bytes that were read from `from`. GATEHOUSE_OK: all of them; to's kernel
     * has them, as with the next two. _END: `from` has ended before. _AGAIN: `to` has news; the rest may be asked for once
     * more. _RESET, _EXHAUSTED: one side is broken, which *failed names. _TIMEOUT: nothing has moved for too long.
     * GATEHOUSE_INVALID: nothing was asked for.
     */
    gatehouse_status (*relayed)(gatehouse_conn* conn, uint64_t* moved, gatehouse_conn** failed) GATEHOUSE_NOEXCEPT;
} gatehouse_upstream_v1;

enum { GATEHOUSE_RELAY_UNTIL_NEWS = 1 };

#ifdef __cplusplus
}
#endif
#endif
