#include <gatehouse/gatehouse.h>

static const gatehouse_host* host; /* the same for all instances */

static gatehouse_status create(const gatehouse_host* table, gatehouse_instance* instance, const gatehouse_config* config,
                               void** self) {
    (void)instance;
    (void)config; /* a key that nobody reads is refused by the host */
    (void)self;   /* what it is set to comes back as the first argument of every hook */
    host = table;
    return GATEHOUSE_OK;
}

/* Sends back what a client says. */
static gatehouse_next serve(void* self, gatehouse_conn* conn) {
    char buffer[16384];
    size_t size = 0;
    (void)self;
    if (host->read(conn, buffer, sizeof buffer, &size) != GATEHOUSE_OK) return GATEHOUSE_NEXT_CLOSE;
    const gatehouse_bytes text = {buffer, size};
    if (host->write(conn, &text, 1) != GATEHOUSE_OK) return GATEHOUSE_NEXT_CLOSE;
    return GATEHOUSE_NEXT_PARK; /* until there is more to read; meanwhile the client holds no thread */
}

const gatehouse_plugin* gatehouse_plugin_v1(void) {
    static const char name[] = "@NAME@", version[] = "0.1.0", try_it[] = "nc {host} {port}";
    static const gatehouse_plugin plugin = {
        .size = sizeof(gatehouse_plugin),
        .abi_major = GATEHOUSE_ABI_MAJOR,
        .needs_minor = GATEHOUSE_NEEDS_MINOR,
        .name = {name, sizeof name - 1},
        .version = {version, sizeof version - 1},
        .try_it = {try_it, sizeof try_it - 1},
        .create = create,
        .serve = serve,
    };
    return &plugin;
}
