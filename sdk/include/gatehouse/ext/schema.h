/*
 * gatehouse.schema/1 - the keys of a plugin's configuration, as data.
 *
 * The plugin implements this extension. It belongs to the library and not to an instance: the host calls the plugin's
 * get_extension() hook with `self` NULL, right after it has loaded the library. A plugin without it is asked key by key, as its
 * create() reads them.
 *
 * The host checks an instance's configuration against the keys before it calls create(), and refuses it with file and line: a
 * key that is not among them, a value of the wrong type, out of range or not one of the words, a key that is missing. create()
 * reads the keys as before; what one value means beside another is for create() to judge, and config_reject(). The host also
 * makes the plugin's manual of the keys (`gatehouse plugins describe`), and a schema for editors (`gatehouse schema`).
 *
 * Everything is constant as long as the process runs. The host refuses a library whose keys break what is said below.
 */
#ifndef GATEHOUSE_EXT_SCHEMA_H
#define GATEHOUSE_EXT_SCHEMA_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_SCHEMA "gatehouse.schema/1"

/* What the value of a key is, and which function of gatehouse_host reads it. */
typedef int32_t gatehouse_key_type;
enum {
    GATEHOUSE_KEY_STRING = 1,     /* config_string */
    GATEHOUSE_KEY_PATH = 2,       /* the same, of a file or folder */
    GATEHOUSE_KEY_ADDRESS = 3,    /* the same, of a server: "host:port" */
    GATEHOUSE_KEY_INTEGER = 4,    /* config_integer */
    GATEHOUSE_KEY_BOOLEAN = 5,    /* config_boolean */
    GATEHOUSE_KEY_DURATION = 6,   /* config_duration; in milliseconds here */
    GATEHOUSE_KEY_SIZE = 7,       /* config_size; in bytes here */
    GATEHOUSE_KEY_TABLE = 8,      /* config_table; `fields` are its keys */
    GATEHOUSE_KEY_TLS_CLIENT = 9, /* tls_client() of gatehouse.upstream/1, whose keys the host knows: true, false or a table */
    GATEHOUSE_KEY_TLS_SERVER = 10 /* tls_server() of gatehouse.tls/1: the name of a section [tls.NAME] */
};

/* gatehouse_key.flags */
enum {
    GATEHOUSE_KEY_REQUIRED = 1, /* it may not be absent from its table */
    GATEHOUSE_KEY_LIST = 2,     /* an array of such values: config_count and config_item */
    GATEHOUSE_KEY_DEFAULT = 4   /* without it the value is `text`, of a string, or `number`: true is 1 */
};

typedef struct gatehouse_key {
    uint32_t size; /* sizeof(gatehouse_key) */
    uint32_t flags;
    gatehouse_key_type type;
    uint32_t reserved;
    gatehouse_str name;    /* 1 to 64 lower-case letters, digits, '_' and '-'; once in a table */
    gatehouse_str meaning; /* one line for people, up to 1000 bytes; required */

    /* The default, with the flag for it. Without a default, `absent` says in words what holds if the key is absent: "the
     * address". Empty: "none". */
    gatehouse_str text;
    int64_t number;
    gatehouse_str absent;

    /* Of an integer, a duration or a size: its range, if `minimum` is less than `maximum`. */
    int64_t minimum;
    int64_t maximum;
    gatehouse_str unit; /* for people, of an integer or a size: "per second"; may be empty */

    /* The only values of a string; 0: any. */
    const gatehouse_str* words;
    size_t word_count;

    /* The keys of a table. */
    const struct gatehouse_key* fields;
    size_t field_count;
    size_t field_stride; /* sizeof(gatehouse_key), or that of a struct that begins with one */
} gatehouse_key;

/* All keys, those of tables included, are 1000 at most; tables are 8 deep at most; a key has up to 100 words. */
typedef struct gatehouse_schema_v1 {
    uint32_t size; /* sizeof(gatehouse_schema_v1) */
    uint32_t reserved;
    const gatehouse_key* keys; /* may be NULL if there are none: then the plugin has no configuration */
    size_t key_count;
    size_t key_stride; /* as field_stride */
} gatehouse_schema_v1;

#ifdef __cplusplus
}
#endif
#endif
