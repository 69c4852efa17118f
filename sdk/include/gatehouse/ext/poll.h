/*
 * gatehouse.poll/1 - watches a descriptor of the plugin's own, such as a datagram socket or an inotify descriptor.
 *
 * The callbacks of an instance's descriptors and of its timers run on one thread of the instance's own, one at a time; see
 * ext/timer.h, which says what they may do. They go on while the host drains, and have ended when the host calls destroy().
 *
 * The descriptor stays the plugin's: the host reads and writes nothing. The plugin makes it non-blocking, and stops watching it
 * before it closes it.
 */
#ifndef GATEHOUSE_EXT_POLL_H
#define GATEHOUSE_EXT_POLL_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_POLL "gatehouse.poll/1"

typedef struct gatehouse_poll gatehouse_poll; /* a descriptor that the host watches */

typedef struct gatehouse_poll_request {
    uint32_t size;   /* sizeof(gatehouse_poll_request) */
    int32_t fd;      /* of a kind that epoll(7) takes: no regular file */
    uint32_t events; /* as in change(): GATEHOUSE_READABLE, _WRITABLE, both, or 0 */
    uint32_t flags;  /* 0 */
    void* data;      /* the host passes it to the callback */

    /*
     * [any] The descriptor is ready for `events`, which the plugin has asked for; after an error or a hang-up, for all that it
     * has asked for, so that reading or writing tells what it is. It is called again and again as long as that is so
     * (level-triggered). It may come in vain: reading may find nothing.
     */
    void (*ready)(void* data, uint32_t events) GATEHOUSE_NOEXCEPT;
} gatehouse_poll_request;

typedef struct gatehouse_poll_v1 {
    uint32_t size; /* bytes of this table */
    uint32_t reserved;

    /*
     * [any] Watches a descriptor; the host copies everything in `request`. The callback may run before this returns.
     * GATEHOUSE_INVALID: the request is wrong, the descriptor cannot be watched or the instance watches it already, or start()
     * has not been called yet; the host has recorded why. GATEHOUSE_EXHAUSTED: the host has no memory or thread for it, or the
     * instance has 8192 timers and descriptors already.
     */
    gatehouse_status (*watch)(gatehouse_instance* instance, const gatehouse_poll_request* request,
                              gatehouse_poll** poll) GATEHOUSE_NOEXCEPT;

    /*
     * [any] From now on the callback runs for these events; with 0, for none, not even an error. A callback may change its own
     * descriptor's. A call that has begun meanwhile goes on. GATEHOUSE_INVALID and _EXHAUSTED as in watch().
     */
    gatehouse_status (*change)(gatehouse_poll* poll, uint32_t events) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Ends the watch and frees it; when this returns, its callback does not run and will not run. The callback may call
     * this itself, and then goes on to its end. Otherwise this waits for a callback that runs, so the caller must hold no lock
     * that it takes. The plugin stops each of them before it closes the descriptor, and before destroy() returns.
     */
    void (*stop)(gatehouse_poll* poll) GATEHOUSE_NOEXCEPT;
} gatehouse_poll_v1;

#ifdef __cplusplus
}
#endif
#endif
