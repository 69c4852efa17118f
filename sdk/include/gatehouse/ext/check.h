/*
 * gatehouse.check/1 - asks a server at regular times whether it works, without holding a thread.
 *
 * A check connects to a server, sends a text if it has one, and judges the answer; then it rests and does so again. It may go
 * on with further texts and answers, and speak TLS. One thread runs all checks of a host, so the callbacks must not block.
 */
#ifndef GATEHOUSE_EXT_CHECK_H
#define GATEHOUSE_EXT_CHECK_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_CHECK "gatehouse.check/1"

typedef struct gatehouse_check gatehouse_check; /* a check that has been started */

/* The host ends an attempt's connection in order and waits for the server to do the same, instead of with a reset. */
#define GATEHOUSE_CHECK_FIN 1u

typedef struct gatehouse_check_request {
    uint32_t size;                  /* sizeof(gatehouse_check_request) */
    uint32_t flags;                 /* GATEHOUSE_CHECK_FIN, or 0 */
    gatehouse_str address;          /* "192.0.2.1:80", "[2001:db8::1]:80" or "unix:/path"; a name is GATEHOUSE_INVALID */
    gatehouse_str send;             /* the host sends it once it has connected; may be empty. At most 64 KiB. */
    uint64_t first_milliseconds;    /* until the first attempt */
    uint64_t interval_milliseconds; /* from the end of one attempt to the next; at least 10 */
    uint64_t jitter_milliseconds;   /* at most the interval: each wait is longer or shorter by a random part of this */
    uint64_t timeout_milliseconds;  /* for one attempt, from connecting to the verdict; at least 1 */
    void* data;                     /* the host passes it to the callbacks */

    /*
     * [any] Judges the first `size` bytes of the answer, at most 64 KiB. If it returns GATEHOUSE_MATCH_MORE, the host calls it
     * again when more bytes have come. `at_end`: no more will come. The host does not call it for an answer without a byte.
     * NULL: a connection alone is good enough, with TLS its handshake, and the host sends nothing else.
     */
    gatehouse_match (*judge)(void* data, const void* bytes, size_t size, int32_t at_end) GATEHOUSE_NOEXCEPT;

    /*
     * [any] One attempt is over. GATEHOUSE_OK: the server is connected, and its answer is good. GATEHOUSE_REFUSED, _TIMEOUT,
     * _UNREACHABLE, _RESET, _FAILED: as they say. GATEHOUSE_INVALID: the answer is wrong. GATEHOUSE_END: the answer ended
     * before judge() could decide. GATEHOUSE_EXHAUSTED: this host had no descriptor, port or memory for the attempt, which says
     * nothing about the server, and which the host logs. `why` says it in words, without the address, and is empty with
     * GATEHOUSE_OK.
     */
    void (*result)(void* data, gatehouse_status status, gatehouse_str why) GATEHOUSE_NOEXCEPT;

    /* --- a request that is shorter ends here ------------------------------------------------------------------------- */

    /*
     * [any] judge() has returned GATEHOUSE_MATCH_YES. Returns 1 if the dialogue goes on: the host sends *send, which may be
     * empty and stays valid until the next callback, and then has judge() judge the same answer and what comes after it.
     * Returns 0 if the server is good. At most 64 times and 64 KiB in an attempt. NULL: as if it returned 0.
     */
    int32_t (*next)(void* data, gatehouse_str* send) GATEHOUSE_NOEXCEPT;

    /*
     * How the host speaks TLS to the server; see tls_client() and start_tls() in ext/upstream.h. NULL: it does not. A failed
     * handshake is GATEHOUSE_RESET or _FAILED.
     */
    const struct gatehouse_tls_client* tls;
    gatehouse_str server_name; /* with TLS: that the certificate has to be for */
    gatehouse_str preface;     /* sent before TLS and before `send`, in plain, such as a PROXY header; at most 64 KiB */
} gatehouse_check_request;

typedef struct gatehouse_check_v1 {
    uint32_t size; /* bytes of this table */
    uint32_t reserved;

    /*
     * [any] Starts a check; the host copies everything in `request`. It may call the callbacks before this returns. It ends
     * each connection with a reset, so that none stays in TIME_WAIT. Once the host drains, it checks no more.
     * GATEHOUSE_INVALID: the request is wrong, and the host has recorded why. GATEHOUSE_EXHAUSTED: the host has no memory or
     * thread for the check, or too many of them (8192 in a host, watches included).
     */
    gatehouse_status (*start)(gatehouse_instance* instance, const gatehouse_check_request* request,
                              gatehouse_check** check) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Ends a check and frees it; when this returns, none of its callbacks runs or will run. A callback may call it, of
     * the same check too. The caller must hold no lock that a callback takes. The plugin stops each of its checks before
     * destroy() returns.
     */
    void (*stop)(gatehouse_check* check) GATEHOUSE_NOEXCEPT;
} gatehouse_check_v1;

#ifdef __cplusplus
}
#endif
#endif
