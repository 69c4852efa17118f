/*
 * gatehouse.metrics/1 - what a plugin counts and measures, for the operator.
 *
 * A plugin registers its metrics in create(). For each set of label values that it has to count it asks for a child once, keeps
 * the handle, and counts with that. Counting takes no lock, never waits and allocates nothing.
 *
 * All values are whole numbers: measure in a small unit, such as microseconds, and name it. A handle is valid as long as its
 * instance. Bounded, since label values often come from clients: 64 metrics of an instance, 256 children of a metric, 8 labels
 * of at most 128 bytes each. What goes beyond is GATEHOUSE_EXHAUSTED, and is counted in a metric of the host's own,
 * gatehouse_metrics_refused of the instance.
 */
#ifndef GATEHOUSE_EXT_METRICS_H
#define GATEHOUSE_EXT_METRICS_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_METRICS "gatehouse.metrics/1"

typedef struct gatehouse_metric gatehouse_metric;             /* a metric that has been registered */
typedef struct gatehouse_metric_child gatehouse_metric_child; /* its value for one set of label values */

typedef int32_t gatehouse_metric_kind;
enum {
    GATEHOUSE_METRIC_COUNTER = 1,  /* how often something has happened: it only grows */
    GATEHOUSE_METRIC_GAUGE = 2,    /* how much there is at the moment */
    GATEHOUSE_METRIC_HISTOGRAM = 3 /* how often each range of values was observed, and their sum */
};

typedef struct gatehouse_metric_request {
    uint32_t size; /* sizeof(gatehouse_metric_request) */
    gatehouse_metric_kind kind;
    gatehouse_str name; /* [a-z_][a-z0-9_]*, at most 64 bytes, once in an instance; "gatehouse_..." is the host's */
    gatehouse_str help; /* one line, for people; at most 256 bytes */
    gatehouse_str unit; /* "bytes", "milliseconds", as a name; empty: it counts things */

    /* The names of the labels, written as `name`; at most 8, each once. "le", "instance" and "plugin" are the host's. */
    const gatehouse_str* labels;
    size_t label_count;

    /* For a histogram: the bounds of its ranges, growing; 1 to 32. A value counts for the first bound that is not below it. */
    const int64_t* bounds;
    size_t bound_count;
} gatehouse_metric_request;

typedef struct gatehouse_metrics_v1 {
    uint32_t size; /* bytes of this table */
    uint32_t reserved;

    /*
     * [create] Registers a metric; the host copies everything in `request`. GATEHOUSE_INVALID: the request is wrong, or
     * create() has returned; the host has recorded why. GATEHOUSE_EXHAUSTED: there are too many, or no memory for it.
     */
    gatehouse_status (*add_metric)(gatehouse_instance* instance, const gatehouse_metric_request* request,
                                   gatehouse_metric** metric) GATEHOUSE_NOEXCEPT;

    /*
     * [create] and [any] The child with these label values, as many as there are names and in their order; the same handle for
     * the same values. It is made, and shown from then on, if it is not there. It takes a lock for a short time.
     * GATEHOUSE_INVALID: another number of values. GATEHOUSE_EXHAUSTED: too many children, a value that is too long, or no
     * memory.
     */
    gatehouse_status (*child)(gatehouse_metric* metric, const gatehouse_str* values, size_t count,
                              gatehouse_metric_child** child) GATEHOUSE_NOEXCEPT;

    /*
     * [create] and [any] Counts. `child` may be NULL, which is GATEHOUSE_INVALID and does nothing, so a plugin need not care
     * whether it has got one. GATEHOUSE_INVALID too: a child of another kind, or a counter that would become less.
     */
    gatehouse_status (*add)(gatehouse_metric_child* child, int64_t amount) GATEHOUSE_NOEXCEPT;    /* counter and gauge */
    gatehouse_status (*set)(gatehouse_metric_child* child, int64_t value) GATEHOUSE_NOEXCEPT;     /* gauge */
    gatehouse_status (*observe)(gatehouse_metric_child* child, int64_t value) GATEHOUSE_NOEXCEPT; /* histogram */
} gatehouse_metrics_v1;

#ifdef __cplusplus
}
#endif
#endif
