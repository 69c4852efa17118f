/* Says whether its host has the entry that a made-up minor 4 has brought; see CMakeLists.txt for its variants. */
#include <gatehouse/ext/schema.h>
#include <gatehouse/gatehouse.h>

#include <string.h>

static const gatehouse_host* host;

/* Its keys are as long as those of the minor that it knows. */
static const gatehouse_key keys[] = {
    {.size = sizeof(gatehouse_key), .type = GATEHOUSE_KEY_STRING, .name = {"one", 3}, .meaning = {"a key", 5}},
    {.size = sizeof(gatehouse_key), .type = GATEHOUSE_KEY_STRING, .name = {"other", 5}, .meaning = {"a key", 5}},
};
static const gatehouse_schema_v1 schema = {
    .size = sizeof(gatehouse_schema_v1),
    .keys = keys,
    .key_count = sizeof keys / sizeof keys[0],
    .key_stride = sizeof keys[0],
};

static const void* get_extension(void* self, gatehouse_str id) {
    static const char name[] = GATEHOUSE_EXT_SCHEMA;
    (void)self;
    return id.size == sizeof name - 1 && memcmp(id.data, name, id.size) == 0 ? &schema : NULL;
}

static gatehouse_status create(const gatehouse_host* table, gatehouse_instance* instance, const gatehouse_config* config,
                               void** self) {
    (void)instance;
    (void)config;
    (void)self;
    host = table;
    return GATEHOUSE_OK;
}

static gatehouse_next serve(void* self, gatehouse_conn* conn) {
#if GATEHOUSE_KNOWS_MINOR >= 4
    const char* const answer = GATEHOUSE_HAS(host, made_up) ? "has it" : "lacks it";
#else
    const char* const answer = GATEHOUSE_HAS(host, config_table) ? "knows nothing of it" : "lacks even what it needs";
#endif
    const gatehouse_bytes part = {answer, strlen(answer)};
    (void)self;
    host->write(conn, &part, 1);
#ifdef HIDDEN
    if (GATEHOUSE_MADE_UP != 0) return GATEHOUSE_NEXT_ERROR;
#endif
    return GATEHOUSE_NEXT_CLOSE;
}

const gatehouse_plugin* GATEHOUSE_ENTRY(void) {
    static const gatehouse_plugin plugin = {
        .size = sizeof(gatehouse_plugin),
        .abi_major = GATEHOUSE_ABI_MAJOR,
        .needs_minor = GATEHOUSE_NEEDS_MINOR,
        .flags = GATEHOUSE_SERVER_FIRST,
        .name = {"gates", 5},
        .version = {"1.0.0", 5},
        .create = create,
        .serve = serve,
        .get_extension = get_extension,
    };
    return &plugin;
}
