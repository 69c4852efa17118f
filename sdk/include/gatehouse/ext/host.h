/*
 * gatehouse.host/1 - what the host tells of itself, for a plugin that shows or watches it: a page for the operator, an
 * exporter.
 *
 * Read-only. The operator grants it: get_extension() answers NULL unless the instance's section in the configuration file has
 * grants = ["host"]. The host tells it in tables, which `gatehouse control CONF host TABLE` shows as well.
 */
#ifndef GATEHOUSE_EXT_HOST_H
#define GATEHOUSE_EXT_HOST_H

#include "control.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_HOST "gatehouse.host/1"

typedef int32_t gatehouse_metrics_format;
enum {
    GATEHOUSE_METRICS_TEXT = 1,       /* text/plain; version=0.0.4 */
    GATEHOUSE_METRICS_OPENMETRICS = 2 /* application/openmetrics-text; version=1.0.0 */
};

typedef struct gatehouse_host_v1 {
    uint32_t size; /* sizeof(gatehouse_host_v1) */
    uint32_t reserved;

    /*
     * [any] Shows one of the host's tables as it is now: calls columns() of `to` once, and row() for each row, before it
     * returns. It takes the time of a look at each open connection; no lock of the host is held while it calls `to`, whose
     * done() and abandoned() may be NULL.
     *
     * "host"       one row: the host's version and ABI, its process, since when it runs, whether it drains
     * "listeners"  a row for each listener: its plugin, its connections, its accept queue and how long newcomers wait
     * "plugins"    a row for each plugin instance: its library, version and connections
     * "limits"     a row for each limit: what it limits, how much of that is used, and how much may be
     * "metrics"    what the plugin instances count: see ext/metrics.h
     * "certs"      a row for each certificate that clients are shown
     * "health"     whether the host is well: a row for each part of a check. "live": the main thread does its work; "startup":
     *              all listeners have listened; "ready": newcomers are served, and are going to be; "listener": the one of
     *              that name accepts. A check is passed if the "state" of all its rows is "ok".
     *
     * It is the generation that serves newcomers, which may be a later one than the instance's.
     *
     * Look for a column by its name: later hosts may have further tables and columns, and others in between.
     * GATEHOUSE_NOT_FOUND: there is no such table. GATEHOUSE_EXHAUSTED: no memory for it; `to` has seen nothing.
     */
    gatehouse_status (*show)(gatehouse_instance* instance, gatehouse_str table, const gatehouse_answer* to) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Writes the metrics of the host and of all plugins for Prometheus: calls take() for each piece of the text, in their
     * order, before it returns. take() may wait, since no lock of the host is held; a status other than GATEHOUSE_OK ends it,
     * and is returned. GATEHOUSE_UNSUPPORTED: another format. GATEHOUSE_NOT_FOUND: the host ends. GATEHOUSE_EXHAUSTED: no
     * memory for it; take() may have been called.
     */
    gatehouse_status (*metrics)(gatehouse_instance* instance, gatehouse_metrics_format format,
                                gatehouse_status (*take)(void* context, gatehouse_str piece) GATEHOUSE_NOEXCEPT,
                                void* context) GATEHOUSE_NOEXCEPT;
} gatehouse_host_v1;

#ifdef __cplusplus
}
#endif
#endif
