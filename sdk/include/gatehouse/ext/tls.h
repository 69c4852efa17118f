/*
 * gatehouse.tls/1 - TLS with a client that has begun in plain: STARTTLS, as SMTP, IMAP and XMPP have it.
 *
 *     in create():  tls->tls_server(instance, config, key, &server);
 *     in serve():   ... the client has said STARTTLS, and the plugin has read `unused` bytes more
 *                   host->write(conn, &go_ahead, 1);
 *                   if (tls->accept_tls(conn, server, unused) != GATEHOUSE_OK) return GATEHOUSE_NEXT_CLOSE;
 *
 * From then on the host reads, writes and relays plaintext, and the TLS facts of the connection are known. What the client has
 * said before is worth nothing: somebody on the way may have said it. The plugin forgets it (RFC 3207 4.2).
 */
#ifndef GATEHOUSE_EXT_TLS_H
#define GATEHOUSE_EXT_TLS_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_TLS "gatehouse.tls/1"

/* A section [tls.NAME] of the configuration, with the certificates that it has at the moment. Lives as long as the instance.
 * [any] */
typedef struct gatehouse_tls_server gatehouse_tls_server;

typedef struct gatehouse_tls_v1 {
    uint32_t size; /* bytes of this table */
    uint32_t reserved;

    /*
     * [create] Reads the key `key` of the configuration: the name of a section [tls.NAME]. If the key is absent, it returns
     * GATEHOUSE_OK and leaves *server alone. GATEHOUSE_INVALID: there is no such section; the host has recorded that, and
     * refuses the instance with file and line.
     */
    gatehouse_status (*tls_server)(gatehouse_instance* instance, const gatehouse_config* config, gatehouse_str key,
                                   const gatehouse_tls_server** server) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Shakes hands with the client, and waits for it. What the plugin has written before, send() included, goes to the
     * client first, in plain. `unused` is how many bytes the plugin has read and not used: they came behind the client's
     * STARTTLS, in plain, so somebody may have put them there (CVE-2011-0411). With more than 0 the host shakes no hands. What
     * the plugin has not read yet belongs to the handshake.
     *
     * The limits are those of a listener with this section: first_byte_timeout, and from the client's first byte on
     * handshake_timeout; max_handshakes, beyond which handshakes that wait for silent clients without a thread give way. The
     * client's idle_timeout and min_rate rest meanwhile.
     *
     * Whatever fails, but for GATEHOUSE_INVALID and _UNSUPPORTED, ends the connection: its calls are GATEHOUSE_INVALID, and
     * serve() returns CLOSE. The host has logged what happened. GATEHOUSE_FAILED: the handshake failed, or `unused` is more
     * than 0. _RESET: the client has gone, or the drain's time is over. _TIMEOUT: one of the times above, or lifetime, is over.
     * _TIMER: the plugin's deadline has passed. _EXHAUSTED: max_handshakes, or no memory. GATEHOUSE_INVALID: the client has TLS
     * already, a handshake has been begun, or the plugin has called finish() or relay_some(); nothing has happened, and the
     * host has recorded why as with set_error().
     */
    gatehouse_status (*accept_tls)(gatehouse_conn* conn, const gatehouse_tls_server* server, size_t unused) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] The same, but it does not wait. GATEHOUSE_AGAIN: it has been begun, and goes on while the connection is parked,
     * whatever is watched; when it is over, and outcome() has not told so yet, serve() is called with GATEHOUSE_EVENT_READY.
     * Other events may come before: GATEHOUSE_EVENT_SENT, if send() had output left; what wakes or stops the connection. Until
     * outcome() has told, read(), write() and the like are GATEHOUSE_INVALID. GATEHOUSE_INVALID, _EXHAUSTED: nothing has been
     * begun.
     */
    gatehouse_status (*accept_tls_now)(gatehouse_conn* conn, const gatehouse_tls_server* server,
                                       size_t unused) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] What has come of it. GATEHOUSE_AGAIN: it still goes on. GATEHOUSE_OK: the client has TLS. A failure means the same
     * as that of accept_tls(); *why says it in words, is valid until serve() returns, and is empty otherwise.
     * GATEHOUSE_INVALID: nothing has been begun, or it has been told already that it went well.
     */
    gatehouse_status (*outcome)(gatehouse_conn* conn, gatehouse_str* why) GATEHOUSE_NOEXCEPT;
} gatehouse_tls_v1;

#ifdef __cplusplus
}
#endif
#endif
