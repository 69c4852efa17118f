/*
 * gatehouse.discovery/1 - which servers stand behind a name, now and whenever that changes.
 *
 * The host asks for a name again when its records' time to live is over (RFC 1035 3.2.1), but not before 1 and not after 60
 * seconds. It asks for a name in /etc/hosts every 60 seconds, and for a name that does not resolve after 1, 2, 4, ... and then
 * every 30 seconds. One thread of the host watches all names, so the callback must not block.
 */
#ifndef GATEHOUSE_EXT_DISCOVERY_H
#define GATEHOUSE_EXT_DISCOVERY_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_DISCOVERY "gatehouse.discovery/1"

typedef struct gatehouse_watch gatehouse_watch; /* a name that the host watches */

typedef struct gatehouse_endpoint {
    gatehouse_str address; /* "192.0.2.1:80" or "[2001:db8::1]:80" */
    uint16_t priority;     /* of an SRV record (RFC 2782): lower ones come first; 0 otherwise */
    uint16_t weight;       /* of an SRV record; 0 otherwise */
    uint32_t reserved;
} gatehouse_endpoint;

/*
 * [any] `count` endpoints, each `stride` bytes after the one before; or none, with why. See watch().
 */
typedef void (*gatehouse_found)(void* data, const gatehouse_endpoint* endpoints, size_t count, size_t stride,
                                gatehouse_status status, gatehouse_str why) GATEHOUSE_NOEXCEPT;

typedef struct gatehouse_discovery_v1 {
    uint32_t size; /* bytes of this table */
    uint32_t reserved;

    /*
     * [any] Watches "host:port" (its A and AAAA records) or "srv:_service._tcp.domain" (SRV records, and the addresses of their
     * targets). The host calls found() with the first answer, and again whenever the set of endpoints changes, each time with
     * all of them, sorted by address. It takes at most 1024 endpoints, of at most 128 targets: those of the lowest priority
     * first, with an equal share of addresses for each target; the log says what it leaves out. When the name does not resolve,
     * or stops to, the host calls found() once without endpoints, with GATEHOUSE_NOT_FOUND, _TIMEOUT or _FAILED and `why` in
     * words; it calls it again when there is an answer. If the host cannot ask for a part at the moment, such as one target of
     * an SRV record, that part keeps its last addresses. A numeric host is found at once, and only once. The host may call
     * found() before this returns, and does not call it any more once it drains. GATEHOUSE_INVALID: the name has neither form;
     * the host has recorded why. GATEHOUSE_EXHAUSTED: the host has no memory or thread for the watch, or too many of them.
     */
    gatehouse_status (*watch)(gatehouse_instance* instance, gatehouse_str name, gatehouse_found found, void* data,
                              gatehouse_watch** watch) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Ends a watch and frees it; when this returns, its callback does not run and will not run. A callback may call it.
     * The caller must hold no lock that a callback takes. The plugin ends each of its watches before destroy() returns.
     */
    void (*unwatch)(gatehouse_watch* watch) GATEHOUSE_NOEXCEPT;
} gatehouse_discovery_v1;

#ifdef __cplusplus
}
#endif
#endif
