/* A plugin in plain C: counts the bytes of each line, keeps the count across parks, and writes it when the line ends. */
#include <gatehouse/ext/schema.h>
#include <gatehouse/gatehouse.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const gatehouse_host* host;

static const gatehouse_key keys[] = {{
    .size = sizeof(gatehouse_key),
    .flags = GATEHOUSE_KEY_DEFAULT,
    .type = GATEHOUSE_KEY_INTEGER,
    .name = {"limit", 5},
    .meaning = {"the longest line", 16},
    .number = 80,
    .minimum = 1,
    .maximum = 1000,
    .unit = {"bytes", 5},
}};
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

static gatehouse_status create(const gatehouse_host* table, gatehouse_instance* instance, const gatehouse_config* config,
                               void** self) {
    int64_t* limit = malloc(sizeof *limit);
    (void)instance;
    if (limit == NULL) return GATEHOUSE_EXHAUSTED;
    *limit = keys[0].number;
    host = table;
    host->config_integer(config, keys[0].name, keys[0].minimum, keys[0].maximum, limit);
    *self = limit;
    return GATEHOUSE_OK;
}

static gatehouse_next serve(void* self, gatehouse_conn* conn) {
    const int64_t limit = *(const int64_t*)self;
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
            if (++*count > limit) return GATEHOUSE_NEXT_ERROR;
            continue;
        }
        part.size = (size_t)snprintf(reply, sizeof reply, "%lld\n", *count);
        *count = 0;
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

static void destroy(void* self) { free(self); }

const gatehouse_plugin* gatehouse_plugin_v1(void) {
    static const gatehouse_plugin plugin = {
        .size = sizeof(gatehouse_plugin),
        .abi_major = GATEHOUSE_ABI_MAJOR,
        .needs_minor = GATEHOUSE_NEEDS_MINOR,
        .name = {"count", 5},
        .version = {"1.0.0", 5},
        .create = create,
        .serve = serve,
        .closed = closed,
        .destroy = destroy,
        .get_extension = get_extension,
    };
    return &plugin;
}
