/*
 * gatehouse.timer/1 - calls a function of the plugin after a time, or at regular times, without a connection.
 *
 * The callbacks of an instance's timers and of its descriptors (ext/poll.h) run on one thread of the instance's own, which the
 * host starts with the first of them: no two of them ever run at the same time. A callback must not block: the others of the
 * instance wait for it, and the host names one that takes over 100 ms in its log. It may call what is [any], such as wake(),
 * and what it shares with serve() needs a lock.
 *
 * Timers go on while the host drains, since connections that finish may need them. The host has ended the thread when it calls
 * destroy().
 */
#ifndef GATEHOUSE_EXT_TIMER_H
#define GATEHOUSE_EXT_TIMER_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_TIMER "gatehouse.timer/1"

typedef struct gatehouse_timer gatehouse_timer; /* a timer that has been started */

/* Instead of the milliseconds until the next call: there is none until set() says when. */
#define GATEHOUSE_TIMER_NEVER UINT64_MAX

typedef struct gatehouse_timer_request {
    uint32_t size;  /* sizeof(gatehouse_timer_request) */
    uint32_t flags; /* 0 */

    /* As in set(). */
    uint64_t first_milliseconds;
    uint64_t interval_milliseconds;

    void* data; /* the host passes it to the callback */

    /* [any] The time has come. */
    void (*expired)(void* data) GATEHOUSE_NOEXCEPT;
} gatehouse_timer_request;

typedef struct gatehouse_timer_v1 {
    uint32_t size; /* bytes of this table */
    uint32_t reserved;

    /*
     * [any] Starts a timer; the host copies everything in `request`. The callback may run before this returns.
     * GATEHOUSE_INVALID: the request is wrong, or start() has not been called yet; the host has recorded why.
     * GATEHOUSE_EXHAUSTED: the host has no memory or thread for it, or the instance has 8192 timers and descriptors already.
     */
    gatehouse_status (*start)(gatehouse_instance* instance, const gatehouse_timer_request* request,
                              gatehouse_timer** timer) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Sets a timer anew, whether it runs or has expired: the callback runs after `first` milliseconds, or not, with
     * GATEHOUSE_TIMER_NEVER; and then every `interval` milliseconds, or once, with 0. The intervals are counted from when a
     * call was due, so that they do not drift; calls that a slow callback has missed are left out. A callback may set its own
     * timer. A call that has begun meanwhile goes on. GATEHOUSE_INVALID: a time of more than 365 days.
     */
    gatehouse_status (*set)(gatehouse_timer* timer, uint64_t first_milliseconds,
                            uint64_t interval_milliseconds) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Ends a timer and frees it; when this returns, its callback does not run and will not run. The callback may call
     * this itself, and then goes on to its end. Otherwise this waits for a callback that runs, so the caller must hold no lock
     * that it takes. The plugin stops each of its timers before destroy() returns.
     */
    void (*stop)(gatehouse_timer* timer) GATEHOUSE_NOEXCEPT;
} gatehouse_timer_v1;

#ifdef __cplusplus
}
#endif
#endif
