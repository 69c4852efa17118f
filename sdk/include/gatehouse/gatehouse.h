/*
 * gatehouse.h - the whole ABI between the Gatehouse host and a protocol plugin.
 *
 * A plugin is a shared library that exports one function, gatehouse_plugin_v1(). The host calls it once. The returned table
 * tells the host the plugin's name and hooks. The host creates one or more instances of the plugin, and hands every accepted
 * connection to serve(). Plugin code is plain blocking code: while serve() runs, one thread belongs to that connection.
 * C++ authors want <gatehouse/plugin.hpp>, which wraps everything below.
 *
 * Conventions
 *
 * - Threads: every function carries a tag. [create] is during create() only. [main] is one call at a time for an instance, not
 *   always in the same thread. [conn] is the thread that serves this connection right now; serve() runs concurrently for
 *   different connections of one instance. It owns the upstream connections of that client, too: one thread at a time for
 *   all of them, since a TLS session is one object. [any] is any thread, from start() to destroy().
 * - Ownership: a function borrows its arguments until it returns. The side that allocates memory frees it. Strings are pointer
 *   and length, need no terminating NUL, and need not be UTF-8.
 * - Errors: functions return a gatehouse_status, GATEHOUSE_OK or a negative code. A negative code that you do not know is a
 *   failure. A function writes its out-parameters only when it returns GATEHOUSE_OK, unless it says otherwise.
 * - Hooks: no function of the host calls a hook of the plugin before it returns, so you may call it with a lock held, unless it
 *   says otherwise.
 * - Growth: a table or struct starts with its size and grows only at its end; beside an array of structs stands the distance
 * from one to the next. gatehouse_str, gatehouse_bytes and gatehouse_value never grow. Whoever fills a struct sets what is
 * reserved to 0. A released entry never changes. A host sends a plugin only the events that the plugin's needs_minor knows.
 *
 * This is ABI 0.x, a draft: it may still change between minor versions until 1.0 freezes it.
 */
#ifndef GATEHOUSE_GATEHOUSE_H
#define GATEHOUSE_GATEHOUSE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define GATEHOUSE_NOEXCEPT noexcept /* an exception must not cross this border; C++ callbacks that may throw do not compile */
#else
#define GATEHOUSE_NOEXCEPT
#endif

/* --- versions ------------------------------------------------------------------------------------------------------------ */

/* The ABI that this header describes, and the oldest minor version of this major that still counts. */
#define GATEHOUSE_ABI_MAJOR 0
#define GATEHOUSE_ABI_MINOR 3
#define GATEHOUSE_ABI_OLDEST 3

/*
 * The lowest minor version that a plugin needs from its host: an older host refuses it. Define it before you include this
 * header to use what a newer minor has brought. The header hides every entry, field and value that is newer, so
 * gatehouse_plugin.needs_minor cannot claim too little.
 */
#ifndef GATEHOUSE_NEEDS_MINOR
#define GATEHOUSE_NEEDS_MINOR GATEHOUSE_ABI_OLDEST
#endif

/*
 * The newest minor version that a plugin knows. Define it as more than GATEHOUSE_NEEDS_MINOR to see entries that some hosts
 * lack; ask GATEHOUSE_HAS() before each use of one.
 */
#ifndef GATEHOUSE_KNOWS_MINOR
#define GATEHOUSE_KNOWS_MINOR GATEHOUSE_NEEDS_MINOR
#endif

#if GATEHOUSE_NEEDS_MINOR < GATEHOUSE_ABI_OLDEST
#error "GATEHOUSE_NEEDS_MINOR is older than what this header still describes (GATEHOUSE_ABI_OLDEST)"
#endif
#if GATEHOUSE_KNOWS_MINOR > GATEHOUSE_ABI_MINOR
#error "GATEHOUSE_NEEDS_MINOR or GATEHOUSE_KNOWS_MINOR is newer than this header: it needs a newer SDK"
#endif
#if GATEHOUSE_KNOWS_MINOR < GATEHOUSE_NEEDS_MINOR
#error "GATEHOUSE_KNOWS_MINOR is less than GATEHOUSE_NEEDS_MINOR"
#endif

/* Whether the table that a pointer points to reaches as far as this entry. The table must begin with its size. */
#define GATEHOUSE_HAS(table, entry)                                                                                            \
    ((size_t)((const char*)(&(table)->entry + 1) - (const char*)(table)) <= (size_t)(table)->size)

/* --- values -------------------------------------------------------------------------------------------------------------- */

typedef struct gatehouse_str {
    const char* data; /* may be NULL if size is 0 */
    size_t size;      /* bytes, without any terminator */
} gatehouse_str;

/* One piece of a gathered write. */
typedef struct gatehouse_bytes {
    const void* data;
    size_t size; /* bytes */
} gatehouse_bytes;

/* What a value is; see gatehouse_value. */
typedef int32_t gatehouse_type;
enum {
    GATEHOUSE_TYPE_NONE = 0,    /* there is none: "-" in a table, null in JSON */
    GATEHOUSE_TYPE_TEXT = 1,    /* `text` */
    GATEHOUSE_TYPE_STATE = 2,   /* `text`: one of a few words, such as "up" and "down" */
    GATEHOUSE_TYPE_NUMBER = 3,  /* `number`: how many */
    GATEHOUSE_TYPE_BYTES = 4,   /* `number` of bytes */
    GATEHOUSE_TYPE_SECONDS = 5, /* `number` of microseconds; shown in seconds, as a decimal fraction */
    GATEHOUSE_TYPE_TIME = 6     /* `number` of milliseconds since 1970 (UTC) */
};

/* A value with its type: in a line of the log, or in the answer to a command. The host formats it. */
typedef struct gatehouse_value {
    gatehouse_type type;
    uint32_t reserved;
    int64_t number;
    gatehouse_str text;
} gatehouse_value;

/* A named value in a line of the log. */
typedef struct gatehouse_field {
    gatehouse_str name;
    gatehouse_value value;
} gatehouse_field;

typedef int32_t gatehouse_status;
enum {
    GATEHOUSE_OK = 0,
    GATEHOUSE_END = -1, /* read: the peer has finished sending (a half-close; writing is still possible) */
    GATEHOUSE_TIMEOUT =
        -2, /* the host ends this: a configured deadline has passed. After a read, a short farewell is possible. */
    GATEHOUSE_STOPPING = -3,     /* the host drains; say goodbye in the protocol and return, or finish within the drain time */
    GATEHOUSE_RESET = -4,        /* the connection is gone in both directions */
    GATEHOUSE_INVALID = -5,      /* an argument or a configured value is wrong; the host has recorded why */
    GATEHOUSE_NOT_FOUND = -6,    /* no such host name, file, key or fact */
    GATEHOUSE_REFUSED = -7,      /* the other side refused: connection refused, permission denied */
    GATEHOUSE_EXHAUSTED = -8,    /* out of descriptors, memory, ports or another limited resource */
    GATEHOUSE_UNSUPPORTED = -9,  /* this host or this kind of connection cannot do that */
    GATEHOUSE_FAILED = -10,      /* anything else; the host has recorded what it knows */
    GATEHOUSE_UNREACHABLE = -11, /* no route to that network or host */
    GATEHOUSE_TIMER = -12,       /* the plugin's own deadline has passed, and is gone; the connection goes on */
    GATEHOUSE_AGAIN = -13        /* a call that does not wait would have to; nothing has happened */
};

/* What serve() wants to happen next. */
typedef int32_t gatehouse_next;
enum {
    GATEHOUSE_NEXT_CLOSE = 0,  /* the dialogue is over: the host delivers what was written, and closes */
    GATEHOUSE_NEXT_PARK = 1,   /* call serve() again when something comes that is watched (the client's bytes, unless watch()
                                  says otherwise), a wake-up, a deadline or a drain; frees the thread */
    GATEHOUSE_NEXT_RELAY = 2,  /* the host starts the relay that the plugin has set up with gatehouse.upstream/1 */
    GATEHOUSE_NEXT_WAIT = 3,   /* as PARK, but the client is not watched this time */
    GATEHOUSE_NEXT_ERROR = -1, /* the plugin failed: close with reason plugin_error; explain with set_error() */
    GATEHOUSE_NEXT_EXCEPTION = -2, /* an exception reached the wrapper: close with reason plugin_exception */
    GATEHOUSE_NEXT_UPSTREAM = -3   /* no upstream is available: close with reason upstream_failed; explain with set_error() */
};

/* What probe() answers about the first bytes of a connection. */
typedef int32_t gatehouse_match;
enum { GATEHOUSE_MATCH_NO = 0, GATEHOUSE_MATCH_YES = 1, GATEHOUSE_MATCH_MORE = 2 /* needs more bytes to tell */ };

/* What the host knows of a connection that it asks probe() about. What it does not know is empty. */
typedef struct gatehouse_probe {
    uint32_t size; /* bytes of this struct */
    uint32_t reserved;
    gatehouse_bytes bytes;     /* the first that the client has sent, from the beginning on; at least one */
    gatehouse_str listener;    /* as GATEHOUSE_FACT_LISTENER */
    gatehouse_str peer;        /* as GATEHOUSE_FACT_PEER */
    gatehouse_str server_name; /* as GATEHOUSE_FACT_TLS_SNI, if the host has ended TLS or a proxy has said it */
    gatehouse_str protocol;    /* as GATEHOUSE_FACT_TLS_ALPN; the same */
} gatehouse_probe;

/* What a stream is watched for, or has: a set of these. */
enum {
    GATEHOUSE_READABLE = 1, /* there are bytes to read, or the end, which is told until a read has returned it; or a reset */
    GATEHOUSE_WRITABLE = 2  /* there is room to write; or a reset */
};

/* A stream that has something, for news(). */
typedef struct gatehouse_news {
    struct gatehouse_conn* stream; /* the client's connection itself, or an upstream of it */
    uint32_t ready;                /* GATEHOUSE_READABLE, GATEHOUSE_WRITABLE */
    uint32_t reserved;
} gatehouse_news;

/* Why serve() was called. If there are several causes it is the one that stands first here: STOPPING, TIMEOUT, TIMER, WAKE,
 * SENT, RELAYED, READY, DATA, UPSTREAM. An event is a hint: a read_now() may find nothing. */
typedef int32_t gatehouse_event;
enum {
    GATEHOUSE_EVENT_OPEN = 0,     /* first call for this connection */
    GATEHOUSE_EVENT_DATA = 1,     /* it was parked; there are bytes to read, or the end of the stream */
    GATEHOUSE_EVENT_WAKE = 2,     /* it was parked; the plugin called wake() with its id. There may be nothing to read. */
    GATEHOUSE_EVENT_TIMEOUT = 3,  /* it was parked; a configured deadline has passed, and the host ends the connection: the next
                                     read that would wait returns GATEHOUSE_TIMEOUT */
    GATEHOUSE_EVENT_STOPPING = 4, /* it was parked; the host drains: the next read that would wait returns GATEHOUSE_STOPPING */
    GATEHOUSE_EVENT_TIMER = 5, /* it was parked; the plugin's own deadline has passed: the next read that would wait, before it
                                 parks again, returns GATEHOUSE_TIMER */
    GATEHOUSE_EVENT_SENT = 6,  /* it was parked; the kernel has all that send() had left */
    GATEHOUSE_EVENT_READY = 7, /* it was parked; something that was begun is over: see outcome() in ext/upstream.h */
    GATEHOUSE_EVENT_UPSTREAM = 8, /* it was parked; an upstream has what it is watched for: see news() */
    GATEHOUSE_EVENT_RELAYED = 9   /* it was parked; what relay_some() was to carry has ended: see relayed() in ext/upstream.h */
};

/* Facts about a connection, for fact(). An unknown one is GATEHOUSE_NOT_FOUND. Each is a text unless it says otherwise. */
typedef int32_t gatehouse_fact;
enum {
    GATEHOUSE_FACT_PEER = 1,     /* the client's address: "192.0.2.1:40123", "[2001:db8::1]:40123", "unix:" */
    GATEHOUSE_FACT_LOCAL = 2,    /* the address it connected to, in the same form */
    GATEHOUSE_FACT_LISTENER = 3, /* the listener's name in the configuration */
    GATEHOUSE_FACT_INSTANCE = 4, /* the plugin instance's name in the configuration */
    GATEHOUSE_FACT_TRANSPORT_PEER =
        5, /* the address that has connected: the proxy's if a PROXY header names the client, PEER itself otherwise */
    GATEHOUSE_FACT_USER = 6,        /* whom the plugin has recognised, as it has said with set_fact() */
    GATEHOUSE_FACT_SERVER_NAME = 7, /* the name that the client asked for, as a route by name has found it: in small letters,
                                       and also if the host does not end TLS. Without such a route as GATEHOUSE_FACT_TLS_SNI */

    /* As bytes, which are aligned for what they are. */
    GATEHOUSE_FACT_PEER_SOCKADDR = 8,  /* PEER as a struct sockaddr of value.size bytes */
    GATEHOUSE_FACT_LOCAL_SOCKADDR = 9, /* LOCAL, in the same form */
    GATEHOUSE_FACT_CREDENTIALS =
        10, /* a gatehouse_credentials: who has connected to a unix socket, as the kernel says (unix(7), SO_PEERCRED) */

    GATEHOUSE_FACT_ROUTE_VALUE = 11, /* what the map of the route (sni_map) says of SERVER_NAME: "10.0.7.3:8443", "pool=shop" */
    GATEHOUSE_FACT_CAUSE = 12,       /* for set_fact() alone: why there is no upstream */

    /* TLS connections only. Optional ones (SNI, ALPN, client certificate) may be GATEHOUSE_NOT_FOUND. */
    GATEHOUSE_FACT_TLS_VERSION = 16,        /* "TLSv1.2", "TLSv1.3" */
    GATEHOUSE_FACT_TLS_CIPHER = 17,         /* "TLS_AES_128_GCM_SHA256" */
    GATEHOUSE_FACT_TLS_SNI = 18,            /* the name that the client asked for */
    GATEHOUSE_FACT_TLS_ALPN = 19,           /* the protocol that both sides agreed on: "http/1.1" */
    GATEHOUSE_FACT_TLS_CLIENT_SUBJECT = 20, /* of the client's verified certificate, as in RFC 2253: "CN=alice,O=Example" */
    GATEHOUSE_FACT_TLS_CLIENT_SANS = 21     /* its alternative names: "DNS:a.example, IP:192.0.2.1, URI:spiffe://a" */
};

/* What GATEHOUSE_FACT_CREDENTIALS points to. */
typedef struct gatehouse_credentials {
    uint32_t size; /* bytes of this struct */
    uint32_t pid;  /* of the process that called connect(); it may have ended, and the number have gone to another one */
    uint32_t uid;  /* its effective user and group at that time */
    uint32_t gid;
} gatehouse_credentials;

/* Levels of log(). */
typedef int32_t gatehouse_level;
enum { GATEHOUSE_LEVEL_DEBUG = 0, GATEHOUSE_LEVEL_INFO = 1, GATEHOUSE_LEVEL_WARNING = 2, GATEHOUSE_LEVEL_ERROR = 3 };

/* How end() ends a connection. */
typedef int32_t gatehouse_how;
enum {
    GATEHOUSE_HOW_STOP = 0,  /* serve() hears GATEHOUSE_EVENT_STOPPING, and has some time to finish */
    GATEHOUSE_HOW_CLOSE = 1, /* what was written is delivered, and the connection closed */
    GATEHOUSE_HOW_RESET = 2  /* at once, and so that nothing that is cut looks whole */
};

typedef struct gatehouse_conn gatehouse_conn;     /* a connection; valid while serve() runs for it */
typedef struct gatehouse_config gatehouse_config; /* a table of configuration; valid during create() */
typedef struct gatehouse_instance
    gatehouse_instance; /* the host's side of one plugin instance; valid from create() to destroy() */

/* --- host -> plugin ------------------------------------------------------------------------------------------------------ */

/*
 * What the host offers. The table is constant and outlives every plugin. It has at least the entries of the minor version that
 * the plugin needs: an older host refuses to load the plugin.
 */
typedef struct gatehouse_host {
    uint32_t size; /* bytes of this table */
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t reserved;

    /*
     * [conn] Reads 1..capacity bytes into buffer; *size says how many. Waits for the first byte, up to the connection's
     * deadline. GATEHOUSE_END: the peer has finished sending. GATEHOUSE_STOPPING comes once, from the first read that would
     * have to wait after the drain began: a plugin that reads again may finish what it was doing until the drain time ends.
     */
    gatehouse_status (*read)(gatehouse_conn* conn, void* buffer, size_t capacity, size_t* size) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Writes all parts, in order, as if they were one buffer; there is no short write. Waits while the peer takes
     * nothing, up to the connection's deadline. Once a write has failed, the plugin cannot write any more.
     */
    gatehouse_status (*write)(gatehouse_conn* conn, const gatehouse_bytes* parts, size_t count) GATEHOUSE_NOEXCEPT;

    /* [conn] Half-close: tells the peer that the plugin has written its last byte. The plugin may read on. */
    gatehouse_status (*finish)(gatehouse_conn* conn) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Sets the plugin's own deadline, in milliseconds from now; 0 removes it. It is absolute: bytes that arrive do not
     * move it, and it stays, across parks too, until it has passed or the plugin sets another. When it passes, a read that
     * waits returns GATEHOUSE_TIMER, and so do a connect() and the like for this client; for a parked connection the host calls
     * serve() with GATEHOUSE_EVENT_TIMER. It is said once, and the connection goes on. A write that it interrupts returns
     * GATEHOUSE_TIMEOUT. The configured deadlines hold as well.
     */
    gatehouse_status (*set_deadline)(gatehouse_conn* conn, uint64_t milliseconds) GATEHOUSE_NOEXCEPT;

    /* [conn] Why serve() was called this time. GATEHOUSE_INVALID: `conn` is an upstream connection. */
    gatehouse_event (*event)(gatehouse_conn* conn) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] The connection's id: unique while the host runs. The plugin may keep it after the connection's end. 0: `conn` is
     * an upstream connection.
     */
    uint64_t (*id)(gatehouse_conn* conn) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] A fact about the connection. *value is valid until serve() returns. GATEHOUSE_NOT_FOUND: the host does not know
     * it. An upstream connection has two facts: PEER, the address that it reached, and LOCAL, the host's own.
     */
    gatehouse_status (*fact)(gatehouse_conn* conn, gatehouse_fact which, gatehouse_str* value) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] The plugin's own state of this connection: one pointer, NULL at first. The host keeps it across parks. The plugin
     * owns what it points to and frees it in closed(). An upstream connection has none: state() is NULL, and set_state() is
     * GATEHOUSE_INVALID.
     */
    void* (*state)(gatehouse_conn* conn)GATEHOUSE_NOEXCEPT;
    gatehouse_status (*set_state)(gatehouse_conn* conn, void* state) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Makes the host call serve() for a parked connection of this instance, with GATEHOUSE_EVENT_WAKE. If serve() runs at
     * the moment, the host calls it again after it parks. Several wake-ups may become one call. The id of a connection that
     * has ended is GATEHOUSE_NOT_FOUND and does no harm.
     */
    gatehouse_status (*wake)(gatehouse_instance* instance, uint64_t id) GATEHOUSE_NOEXCEPT;

    /* [any] Nonzero once the host drains. */
    int32_t (*stopping)(gatehouse_instance* instance) GATEHOUSE_NOEXCEPT;

    /*
     * Writes one line to the host's log: the text, the instance's name, and `count` fields, as name=value or as members of a
     * JSON object. `stride` is sizeof(gatehouse_field). `conn`: [conn] the client's connection, whose id the line gets too.
     * NULL: [any].
     *
     * The host escapes what is not printable, and cuts the text and each text of a field at 500 bytes. A field's name has 1 to
     * 32 lower-case letters, digits and '_', and is none of the host's own: time, seq, level, message, plugin, id. Other
     * fields, those beyond 16, and those without a value (GATEHOUSE_TYPE_NONE) the host leaves out.
     */
    void (*log)(gatehouse_instance* instance, gatehouse_conn* conn, gatehouse_level level, gatehouse_str text,
                const gatehouse_field* fields, size_t count, size_t stride) GATEHOUSE_NOEXCEPT;

    /*
     * Explains a failure that a hook is about to return. The host copies the text, cuts it at 512 bytes, and keeps it until the
     * hook returns; the last call counts. `conn`: [conn] the client's connection, for serve(); the host logs the text beside
     * the listener and peer. NULL: [main] for the instance's other hooks; the host shows the text beside the configuration's
     * file:line (create) or to the operator (a command).
     */
    void (*set_error)(gatehouse_instance* instance, gatehouse_conn* conn, gatehouse_str text) GATEHOUSE_NOEXCEPT;

    /*
     * [create] The instance's configuration: typed accessors. On entry *value holds the default. If the key
     * is absent, the function returns GATEHOUSE_OK and leaves *value alone. A value of the wrong type or out of range is
     * GATEHOUSE_INVALID; the host remembers it and refuses the instance with file and line, whatever create() returns. It does
     * the same with keys that the plugin has not read when create() returns.
     *
     * config_string: with `required` other than 0 an absent key is GATEHOUSE_INVALID too. *value is valid during create().
     * config_duration: "1500ms", "30s", "5m", "2h", "1d" -> milliseconds. config_size: 512, "64KiB", "10MB" -> bytes.
     */
    gatehouse_status (*config_string)(const gatehouse_config* config, gatehouse_str key, int32_t required,
                                      gatehouse_str* value) GATEHOUSE_NOEXCEPT;
    gatehouse_status (*config_integer)(const gatehouse_config* config, gatehouse_str key, int64_t minimum, int64_t maximum,
                                       int64_t* value) GATEHOUSE_NOEXCEPT;
    gatehouse_status (*config_boolean)(const gatehouse_config* config, gatehouse_str key, int32_t* value) GATEHOUSE_NOEXCEPT;
    gatehouse_status (*config_duration)(const gatehouse_config* config, gatehouse_str key,
                                        uint64_t* milliseconds) GATEHOUSE_NOEXCEPT;
    gatehouse_status (*config_size)(const gatehouse_config* config, gatehouse_str key, uint64_t* bytes) GATEHOUSE_NOEXCEPT;

    /*
     * [create] Arrays. config_count: how many items the array `key` has; 0 if it is absent. config_item: item `index` as a
     * table of its own; if the item is not a table, its value has the empty key. *item is valid during create().
     */
    gatehouse_status (*config_count)(const gatehouse_config* config, gatehouse_str key, size_t* count) GATEHOUSE_NOEXCEPT;
    gatehouse_status (*config_item)(const gatehouse_config* config, gatehouse_str key, size_t index,
                                    const gatehouse_config** item) GATEHOUSE_NOEXCEPT;

    /* [create] Records that the value of `key` is wrong and why; the host refuses the instance with file and line. */
    void (*config_reject)(const gatehouse_config* config, gatehouse_str key, gatehouse_str why) GATEHOUSE_NOEXCEPT;

    /*
     * [any] An optional capability by name and revision, such as "gatehouse.upstream/1"; its header in gatehouse/ext/ says what
     * the pointer is. NULL: this host does not have it, or not for this instance. The pointer stays valid as long as the
     * instance lives.
     */
    const void* (*get_extension)(gatehouse_instance* instance, gatehouse_str id)GATEHOUSE_NOEXCEPT;

    /*
     * [create] The table `key` of a configuration; the same accessors read it. *table is valid during create(). If the key is
     * absent, the function returns GATEHOUSE_OK and leaves *table alone.
     */
    gatehouse_status (*config_table)(const gatehouse_config* config, gatehouse_str key,
                                     const gatehouse_config** table) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] As read(), but where read() would wait it returns GATEHOUSE_AGAIN. The statuses that a waiting read() would return
     * (GATEHOUSE_TIMER, _TIMEOUT, _STOPPING) it returns instead of that, once each, as read() does.
     */
    gatehouse_status (*read_now)(gatehouse_conn* conn, void* buffer, size_t capacity, size_t* size) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] As write(), but it never waits: *written says how many bytes, from the first part on, the host has taken, which
     * may be less than all. GATEHOUSE_AGAIN: there is no room at the moment; watch for GATEHOUSE_WRITABLE.
     */
    gatehouse_status (*write_now)(gatehouse_conn* conn, const gatehouse_bytes* parts, size_t count,
                                  size_t* written) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Hands output over: `parts`, and then `length` bytes of the file `fd` from `offset` on (-1: no file). What the
     * kernel does not take at once the host sends by itself, without a thread. It copies the parts and duplicates the
     * descriptor for that. *left is how many bytes it has left; if that is not 0, GATEHOUSE_EVENT_SENT tells when it is.
     *
     * The host holds at most 256 KiB of copied parts for a stream; files do not count. GATEHOUSE_AGAIN: beyond that; it has
     * taken nothing. GATEHOUSE_INVALID: the parts alone are more. GATEHOUSE_FAILED: the file ended early.
     *
     * What follows takes effect behind the output that is left: write(), which waits for it; finish(); and, when serve() has
     * returned it, CLOSE and RELAY. A client that does not take it is subject to min_rate and idle_timeout, as with write(). A
     * drain lets it go on until its deadline. Output that cannot be delivered whole (a deadline, an error, a file that has
     * become shorter, which is plugin_error) ends with a reset; so does what is left when serve() is called with
     * GATEHOUSE_EVENT_TIMER and returns CLOSE. For an upstream connection the host sends while its client's connection is
     * parked.
     */
    gatehouse_status (*send)(gatehouse_conn* conn, const gatehouse_bytes* parts, size_t count, int32_t fd, uint64_t offset,
                             uint64_t length, uint64_t* left) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] What a stream is to be watched for while the client's connection `conn` is parked: a set of GATEHOUSE_READABLE and
     * _WRITABLE, or 0. `stream` is `conn` itself, which is watched for GATEHOUSE_READABLE until this says otherwise, or an
     * upstream that was made for it, which is not watched at first. It stays until the next watch() for this stream.
     *
     * A parked connection is served as long as something that is watched is there, whether or not it was there before; what
     * TLS has taken in and not given out yet counts. So a plugin reads what it watches, or stops watching it. While an upstream
     * is watched for GATEHOUSE_READABLE the client owes the host nothing: min_rate rests. The plugin's deadline of an upstream
     * is for the calls that wait for it.
     *
     * GATEHOUSE_INVALID: `stream` is not of this client, or the set has something else in it. GATEHOUSE_EXHAUSTED: 32 upstreams
     * of this client are watched already.
     */
    gatehouse_status (*watch)(gatehouse_conn* conn, gatehouse_conn* stream, uint32_t wanted) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Which streams have what they are watched for, as the host knew when it called serve(). Returns how many there are,
     * and fills the first `capacity` of `items`; `stride` is sizeof(gatehouse_news).
     */
    size_t (*news)(gatehouse_conn* conn, gatehouse_news* items, size_t capacity, size_t stride) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Ends a connection of this instance, whatever it does; its reason is "ended", unless it had one already.
     * `milliseconds` is for GATEHOUSE_HOW_STOP: the time that it has to finish; a relay goes on for as long. The others end a
     * relay with a reset for both sides. With _STOP a read that waits says GATEHOUSE_STOPPING, and every
     * call that waits fails when the time is over; with the others at once. A thread in the plugin's own code is not touched,
     * and the rest follows when serve() returns. A stronger order may follow a weaker one. This calls no hook.
     * GATEHOUSE_NOT_FOUND: the connection has ended, or is another instance's.
     */
    gatehouse_status (*end)(gatehouse_instance* instance, uint64_t id, gatehouse_how how,
                            uint64_t milliseconds) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Calls visit() with the id of each connection of this instance before it returns. Connections may come and go
     * meanwhile. visit() may call end() and wake().
     */
    gatehouse_status (*for_each)(gatehouse_instance* instance, void (*visit)(void* data, uint64_t id) GATEHOUSE_NOEXCEPT,
                                 void* data) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Waits as a connection does that serve() has parked, but keeps the thread: until something that is watched is
     * there, an attempt, handed-over output or relay_some() is done, a wake-up, a deadline, a drain, or end(). A sequential
     * dialogue with several streams needs it. `milliseconds`: at most so long; 0 only looks, UINT64_MAX has no limit.
     *
     * GATEHOUSE_OK: event() and news() say what it is, as at a call of serve(); what an event has told is used up.
     * GATEHOUSE_AGAIN: the time is over. GATEHOUSE_RESET: the client has gone, or the host or end() ends the connection;
     * serve() should return. GATEHOUSE_EXHAUSTED: there is no memory, or there are more than 32 servers to wait for.
     * GATEHOUSE_INVALID: not a client's connection.
     */
    gatehouse_status (*wait)(gatehouse_conn* conn, uint64_t milliseconds) GATEHOUSE_NOEXCEPT;

    /*
     * [conn] Says what the plugin has found out about its client. The host copies the value, up to 255 bytes; an empty one
     * takes it back. fact() tells it from then on; what fact() has given out before is not valid any more. GATEHOUSE_INVALID:
     * longer, an upstream connection, or not one of these:
     *
     * GATEHOUSE_FACT_USER: whom the plugin has authenticated. The connection's line in the access log has it as `user`.
     * GATEHOUSE_FACT_CAUSE: before GATEHOUSE_NEXT_UPSTREAM, what the access log has as `cause` in the place of what the last
     * connect() has come to: "refused", "timeout", "no_server" (none may take the client), "pool_full" (all have as many
     * connections as they may have), "queue_timeout" (the same, and the client has waited), "tls", "dns" or "local" (this host
     * cannot ask). GATEHOUSE_INVALID: another word.
     */
    gatehouse_status (*set_fact)(gatehouse_conn* conn, gatehouse_fact which, gatehouse_str value) GATEHOUSE_NOEXCEPT;

    /*
     * [any] The host's monotonic clock, in milliseconds since some moment before its start. All deadlines and timers go by it,
     * and in a test the test does.
     */
    uint64_t (*now)(gatehouse_instance* instance) GATEHOUSE_NOEXCEPT;
} gatehouse_host;

/* --- plugin -> host ------------------------------------------------------------------------------------------------------ */

/* gatehouse_plugin.flags */
enum {
    /* The host calls serve() as soon as it has accepted a connection: the protocol's server speaks first, or the plugin cannot
     * know which side does. Without this flag the first call comes with the client's first bytes (or its end), and a client
     * that stays silent holds no thread. */
    GATEHOUSE_SERVER_FIRST = 1
};

/*
 * What a plugin is. Hooks may be NULL unless marked required. Only the host reads `size`: entries beyond it count as NULL.
 * The host refuses a plugin with a flag that it does not know, since the plugin relies on it.
 */
typedef struct gatehouse_plugin {
    uint32_t size;        /* sizeof(gatehouse_plugin) */
    uint32_t abi_major;   /* GATEHOUSE_ABI_MAJOR */
    uint32_t needs_minor; /* GATEHOUSE_NEEDS_MINOR */
    uint32_t flags;

    gatehouse_str name;    /* required: lower-case letters, digits, '-' and '_' */
    gatehouse_str version; /* required: the plugin's own */
    gatehouse_str try_it;  /* a command that a user may type to try it; the host fills in {host} and {port}. May be empty. */

    /*
     * [main] Makes an instance, and stores in *self the pointer that the host passes to the other hooks. Several instances of
     * one plugin may exist. Anything but GATEHOUSE_OK refuses the instance, with set_error()'s text; the host then calls no
     * other hook.
     *
     * create() reads the configuration and judges it. It has no effect outside the process, and starts nothing: `gatehouse
     * check` calls it, and so does a host that then does not use the instance. It may call what has the tag [create], log(),
     * set_error() and get_extension(); all else answers GATEHOUSE_INVALID.
     */
    gatehouse_status (*create)(const gatehouse_host* host, gatehouse_instance* instance, const gatehouse_config* config,
                               void** self) GATEHOUSE_NOEXCEPT;

    /*
     * [main] The instance is going to be used: the host has dropped its privileges, and accepts nobody yet. This is where the
     * plugin opens files, starts threads, checks and watches. Anything but GATEHOUSE_OK ends the host's start, with
     * set_error()'s text; the host then calls destroy(), and stop() of the instances that have started.
     */
    gatehouse_status (*start)(void* self) GATEHOUSE_NOEXCEPT;

    /* [conn] Required. Serves a connection; see gatehouse_next for what the result means. */
    gatehouse_next (*serve)(void* self, gatehouse_conn* conn) GATEHOUSE_NOEXCEPT;

    /*
     * [any] The connection `id` has ended, for which serve() was called. `state` is the pointer that the plugin gave to
     * set_state(). No other hook runs for this connection any more; those of other connections may run at the same time.
     * `reason` is the host's word for why it ended, such as "done" or "idle_timeout"; later hosts may have further words. The
     * hook must not block.
     */
    void (*closed)(void* self, uint64_t id, void* state, gatehouse_str reason) GATEHOUSE_NOEXCEPT;

    /*
     * [main] This instance drains: the host is about to serve its parked connections with GATEHOUSE_EVENT_STOPPING. Called once
     * for each start() that has succeeded. The hook must not block.
     */
    void (*stop)(void* self) GATEHOUSE_NOEXCEPT;

    /* [main] The last serve() and closed() of this instance have returned. Called once for each create() that has succeeded. */
    void (*destroy)(void* self) GATEHOUSE_NOEXCEPT;

    /*
     * [any] Do these first bytes of a connection look like this plugin's protocol? With GATEHOUSE_MATCH_MORE the plugin may say
     * in *needed how many bytes it needs in all; it is 0 before. The host asks again when more have come, and passes the plugin
     * over at once if it needs more than the listener's detect.limit. Must not block.
     */
    gatehouse_match (*probe)(void* self, const gatehouse_probe* probe, size_t* needed) GATEHOUSE_NOEXCEPT;

    /*
     * [any] The plugin's side of an optional capability, or NULL. With `self` NULL the host asks about the library itself,
     * before there is an instance.
     */
    const void* (*get_extension)(void* self, gatehouse_str id)GATEHOUSE_NOEXCEPT;
} gatehouse_plugin;

/* Makes the one symbol visible that the host looks for; a plugin should hide all others. */
#if defined(__GNUC__)
#define GATEHOUSE_EXPORT __attribute__((visibility("default")))
#else
#define GATEHOUSE_EXPORT
#endif

/*
 * The name of the function that gives the table. A host looks for gatehouse_plugin_v1; define another one before you include
 * this header to link several plugins into one program, such as a test.
 */
#ifndef GATEHOUSE_ENTRY
#define GATEHOUSE_ENTRY gatehouse_plugin_v1
#endif

/* [main] The plugin's only exported symbol. The table must stay valid and unchanged as long as the process runs. */
GATEHOUSE_EXPORT const gatehouse_plugin* GATEHOUSE_ENTRY(void) GATEHOUSE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
