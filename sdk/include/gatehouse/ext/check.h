/*
 * gatehouse.check/1 - asks a server at regular times whether it works, without holding a thread.
 *
 * A check connects to a server, sends something if it has something to send, and looks at the answer; then it rests and does it
 * again. All checks of a host are carried by one thread, so the callbacks must not block.
 */
#ifndef GATEHOUSE_EXT_CHECK_H
#define GATEHOUSE_EXT_CHECK_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_CHECK "gatehouse.check/1"

typedef struct gatehouse_check gatehouse_check; /* a check that goes on */

typedef struct gatehouse_check_request {
    uint32_t size;                  /* sizeof(gatehouse_check_request) */
    uint32_t reserved;              /* 0 */
    gatehouse_str address;          /* "192.0.2.1:80", "[2001:db8::1]:80" or "unix:/path"; a name is GATEHOUSE_INVALID */
    gatehouse_str send;             /* sent once connected; may be empty. At most 64 KiB. */
    uint64_t first_milliseconds;    /* until the first time */
    uint64_t interval_milliseconds; /* from the end of one time to the next; at least 10 */
    uint64_t jitter_milliseconds;   /* at most the interval: each wait is longer or shorter by a random part of this */
    uint64_t timeout_milliseconds;  /* for one time, from connecting to the verdict; at least 1 */
    void* data;                     /* passed to the callbacks */

    /*
     * [any] Judges the first `size` bytes of the answer, of which there are at most 64 KiB; asked again whenever more have come
     * and it says GATEHOUSE_MATCH_MORE. `at_end`: no more will come. Not asked of an answer without a byte. NULL: the
     * connection alone is good enough, and nothing is sent.
     */
    gatehouse_match (*judge)(void* data, const void* bytes, size_t size, int32_t at_end) GATEHOUSE_NOEXCEPT;

    /*
     * [any] One time is over. GATEHOUSE_OK: connected, and the answer is good. GATEHOUSE_REFUSED, _TIMEOUT, _UNREACHABLE,
     * _RESET, _FAILED: as they say. GATEHOUSE_INVALID: the answer is wrong. GATEHOUSE_END: it ended before it could be judged.
     * GATEHOUSE_EXHAUSTED: this host had no descriptor, port or memory for it, which says nothing about the server, neither
     * good nor bad. `why` says it in words, without the address, and is empty with GATEHOUSE_OK.
     */
    void (*result)(void* data, gatehouse_status status, gatehouse_str why) GATEHOUSE_NOEXCEPT;
} gatehouse_check_request;

typedef struct gatehouse_check_v1 {
    /*
     * [any] Starts a check; everything in `request` is copied. Its callbacks may come before this returns. The connection is
     * ended with a reset, so that none stays in TIME_WAIT. Once the host drains, checks rest. GATEHOUSE_INVALID: the request is
     * not acceptable, and the host has recorded why. GATEHOUSE_EXHAUSTED: no memory or thread for it, or too many (8192 in a
     * host, watches included).
     */
    gatehouse_status (*start)(gatehouse_instance* instance, const gatehouse_check_request* request,
                              gatehouse_check** check) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Ends a check and frees it; when this returns, none of its callbacks runs or will. May be called from a callback, of
     * the same check too. The caller holds no lock that a callback takes. To be done before destroy() returns.
     */
    void (*stop)(gatehouse_check* check) GATEHOUSE_NOEXCEPT;
} gatehouse_check_v1;

#ifdef __cplusplus
}
#endif
#endif
