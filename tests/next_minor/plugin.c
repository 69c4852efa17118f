/* Says whether its host has the entry that a made-up minor 4 has brought; see CMakeLists.txt for its variants. */
#include <gatehouse/gatehouse.h>

#include <string.h>

static const gatehouse_host* host;

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
    };
    return &plugin;
}
