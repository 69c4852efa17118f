/*
 * A plugin in plain C: counts the bytes of each line, keeps the count across parks, and writes it when the line ends. A metric
 * says how many lines there were; with the key `flush` a timer sets it back.
 */
#include <gatehouse/ext/metrics.h>
#include <gatehouse/ext/schema.h>
#include <gatehouse/ext/timer.h>
#include <gatehouse/gatehouse.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const gatehouse_host* host;

static const gatehouse_key keys[] = {
    {
        .size = sizeof(gatehouse_key),
        .flags = GATEHOUSE_KEY_DEFAULT,
        .type = GATEHOUSE_KEY_INTEGER,
        .name = {"limit", 5},
        .meaning = {"the longest line", 16},
        .number = 80,
        .minimum = 1,
        .maximum = 1000,
        .unit = {"bytes", 5},
    },
    {
        .size = sizeof(gatehouse_key),
        .type = GATEHOUSE_KEY_DURATION,
        .name = {"flush", 5},
        .meaning = {"how often the count of lines begins anew", 40},
        .absent = {"never", 5},
    },
};
static const gatehouse_schema_v1 schema = {
    .size = sizeof(gatehouse_schema_v1),
    .keys = keys,
    .key_count = sizeof keys / sizeof keys[0],
    .key_stride = sizeof keys[0],
};

/* With `self` NULL the host asks about the library. */
static const void* get_extension(void* self, gatehouse_str id) {
    static const char name[] = GATEHOUSE_EXT_SCHEMA;
    (void)self;
    return id.size == sizeof name - 1 && memcmp(id.data, name, id.size) == 0 ? &schema : NULL;
}

typedef struct instance {
    gatehouse_instance* me;
    int64_t limit;
    uint64_t flush; /* milliseconds; 0: never */
    const gatehouse_metrics_v1* metrics;
    gatehouse_metric_child* lines;
    const gatehouse_timer_v1* timers;
    gatehouse_timer* timer;
} instance;

/* A host without metrics is as good. */
static void add_metric(instance* it) {
    static const gatehouse_str id = {GATEHOUSE_EXT_METRICS, sizeof GATEHOUSE_EXT_METRICS - 1};
    static const gatehouse_metric_request request = {
        .size = sizeof(gatehouse_metric_request),
        .kind = GATEHOUSE_METRIC_GAUGE,
        .name = {"lines", 5},
        .help = {"lines since the last flush", 26},
    };
    gatehouse_metric* metric = NULL;
    it->metrics = host->get_extension(it->me, id);
    if (it->metrics != NULL && it->metrics->add_metric(it->me, &request, &metric) == GATEHOUSE_OK)
        it->metrics->child(metric, NULL, 0, &it->lines);
}

static gatehouse_status create(const gatehouse_host* table, gatehouse_instance* me, const gatehouse_config* config,
                               void** self) {
    instance* it = calloc(1, sizeof *it);
    if (it == NULL) return GATEHOUSE_EXHAUSTED;
    host = table;
    it->me = me;
    it->limit = keys[0].number;
    host->config_integer(config, keys[0].name, keys[0].minimum, keys[0].maximum, &it->limit);
    host->config_duration(config, keys[1].name, &it->flush);
    add_metric(it);
    *self = it;
    return GATEHOUSE_OK;
}

static void flush_lines(void* data) {
    const instance* it = data;
    if (it->metrics != NULL) it->metrics->set(it->lines, 0);
}

static gatehouse_status start(void* self) {
    static const gatehouse_str id = {GATEHOUSE_EXT_TIMER, sizeof GATEHOUSE_EXT_TIMER - 1};
    instance* it = self;
    gatehouse_timer_request request = {
        .size = sizeof request,
        .first_milliseconds = it->flush,
        .interval_milliseconds = it->flush,
        .data = it,
        .expired = flush_lines,
    };
    it->timers = host->get_extension(it->me, id);
    if (it->flush == 0 || it->timers == NULL) return GATEHOUSE_OK;
    return it->timers->start(it->me, &request, &it->timer);
}

static gatehouse_next serve(void* self, gatehouse_conn* conn) {
    const instance* it = self;
    char text[256], reply[64];
    size_t size = 0;
    long long* count = host->state(conn);
    if (count == NULL) {
        count = calloc(1, sizeof *count);
        if (count == NULL) return GATEHOUSE_NEXT_ERROR;
        host->set_state(conn, count);
    }
    if (host->read(conn, text, sizeof text, &size) != GATEHOUSE_OK) return GATEHOUSE_NEXT_CLOSE;
    for (size_t i = 0; i < size; ++i) {
        gatehouse_bytes part = {reply, 0};
        if (text[i] != '\n') {
            if (++*count > it->limit) {
                static const gatehouse_str why = {"the client's line is longer than the limit", 42};
                host->set_error(it->me, conn, why);
                return GATEHOUSE_NEXT_ERROR;
            }
            continue;
        }
        part.size = (size_t)snprintf(reply, sizeof reply, "%lld\n", *count);
        *count = 0;
        if (it->metrics != NULL) it->metrics->add(it->lines, 1);
        if (host->write(conn, &part, 1) != GATEHOUSE_OK) return GATEHOUSE_NEXT_CLOSE;
    }
    return GATEHOUSE_NEXT_PARK;
}

static void closed(void* self, uint64_t id, void* state, gatehouse_str reason) {
    (void)self;
    (void)id;
    (void)reason;
    free(state);
}

static void destroy(void* self) {
    instance* it = self;
    if (it->timer != NULL) it->timers->stop(it->timer);
    free(it);
}

const gatehouse_plugin* gatehouse_plugin_v1(void) {
    static const gatehouse_plugin plugin = {
        .size = sizeof(gatehouse_plugin),
        .abi_major = GATEHOUSE_ABI_MAJOR,
        .needs_minor = GATEHOUSE_NEEDS_MINOR,
        .name = {"count", 5},
        .version = {"1.0.0", 5},
        .create = create,
        .start = start,
        .serve = serve,
        .closed = closed,
        .destroy = destroy,
        .get_extension = get_extension,
    };
    return &plugin;
}
