/*
 * gatehouse.discovery/1 - which servers stand behind a name, now and whenever that changes.
 *
 * Names are asked for again when their records' time to live is over (RFC 1035 3.2.1), between 1 and 60 seconds; those that
 * /etc/hosts has, each 60 seconds; those that cannot be resolved, after 1, 2, 4, ... and then each 30 seconds. One thread of
 * the host watches all names, so the callback must not block.
 */
#ifndef GATEHOUSE_EXT_DISCOVERY_H
#define GATEHOUSE_EXT_DISCOVERY_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_DISCOVERY "gatehouse.discovery/1"

typedef struct gatehouse_watch gatehouse_watch; /* a name that is watched */

typedef struct gatehouse_endpoint {
    gatehouse_str address; /* "192.0.2.1:80" or "[2001:db8::1]:80" */
    uint16_t priority;     /* of an SRV record (RFC 2782): lower ones come first; 0 otherwise */
    uint16_t weight;       /* of an SRV record; 0 otherwise */
    uint32_t reserved;
} gatehouse_endpoint;

typedef struct gatehouse_discovery_v1 {
    /*
     * [any] Watches "host:port" (its A and AAAA records) or "srv:_service._tcp.domain" (SRV records, and the addresses of their
     * targets). found() is called with the first answer, and again whenever the set of endpoints is another one, each time with
     * all of them, sorted by address. It is also called, without endpoints and with GATEHOUSE_NOT_FOUND, _TIMEOUT or _FAILED
     * and `why` in words, when a name stops being resolved (or never was): once, until there is an answer again. A part that
     * cannot be asked for at the moment, such as one target of an SRV record, keeps its last addresses. A numeric host is found
     * at once and once. found() may be called before this returns, and is not any more once the host drains.
     * GATEHOUSE_INVALID: not such a name; the host has recorded why. GATEHOUSE_EXHAUSTED: no memory or thread for it, or too
     * many.
     */
    gatehouse_status (*watch)(gatehouse_instance* instance, gatehouse_str name,
                              void (*found)(void* data, const gatehouse_endpoint* endpoints, size_t count,
                                            gatehouse_status status, gatehouse_str why) GATEHOUSE_NOEXCEPT,
                              void* data, gatehouse_watch** watch) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Ends a watch and frees it; when this returns, its callback does not run and will not. May be called from a
     * callback. The caller holds no lock that a callback takes. To be done before destroy() returns.
     */
    void (*unwatch)(gatehouse_watch* watch) GATEHOUSE_NOEXCEPT;
} gatehouse_discovery_v1;

#ifdef __cplusplus
}
#endif
#endif
