/*
 * gatehouse.control/2 - commands that a plugin takes from its operator while it runs.
 *
 * The plugin implements this extension: its get_extension() hook returns the table. The host shows the commands to the operator
 * (`gatehouse control CONF INSTANCE COMMAND ARGUMENT...`). A command answers with a table of typed values, which may be empty,
 * at once or later. The host decides who may run which, and formats the answer: for people, or as JSON.
 */
#ifndef GATEHOUSE_EXT_CONTROL_H
#define GATEHOUSE_EXT_CONTROL_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_CONTROL "gatehouse.control/2"

/* gatehouse_command.flags */
enum {
    GATEHOUSE_COMMAND_SHOWS = 1 /* it changes nothing: who may only look may run it, too */
};

typedef struct gatehouse_command {
    gatehouse_str name;      /* "drain"; lower-case letters, digits and '-' */
    gatehouse_str arguments; /* for people: "SERVER [WITHIN]"; may be empty */
    gatehouse_str summary;   /* one line, for people */
    uint32_t flags;          /* GATEHOUSE_COMMAND_SHOWS; the host refuses a flag that it does not know */
    uint32_t reserved;
} gatehouse_command;

/* A column of an answer. Each of its cells is of its type, or has no value (GATEHOUSE_TYPE_NONE). */
typedef struct gatehouse_column {
    gatehouse_str name;
    gatehouse_type type;
    uint32_t reserved;
    gatehouse_str unit; /* of numbers that count no things: "percent"; may be empty. Bytes and seconds are units already. */
} gatehouse_column;

/*
 * Where a command puts its answer, from one thread at a time. The host copies what it is given, up to 4 MiB. It is valid until
 * run() returns or, if that returns GATEHOUSE_AGAIN, until done() returns. [any]
 */
typedef struct gatehouse_answer {
    uint32_t size; /* bytes of this struct */
    uint32_t reserved;
    void* context;
    /* Says which columns there are; once, before any row. `stride` is sizeof(gatehouse_column). */
    void (*columns)(void* context, const gatehouse_column* columns, size_t count, size_t stride) GATEHOUSE_NOEXCEPT;
    /* Adds a row, with as many cells as there are columns. `stride` is sizeof(gatehouse_value). */
    void (*row)(void* context, const gatehouse_value* cells, size_t count, size_t stride) GATEHOUSE_NOEXCEPT;
    /*
     * Ends an answer that comes later, exactly once, and before destroy() returns; another thread may do so before run() has
     * returned. Anything but GATEHOUSE_OK is a failure that `why` explains.
     */
    void (*done)(void* context, gatehouse_status status, gatehouse_str why) GATEHOUSE_NOEXCEPT;
    /*
     * Nonzero: nobody waits for the answer any more. The operator has gone, a minute is over, or the host drains. done() is due
     * all the same.
     */
    int32_t (*abandoned)(void* context) GATEHOUSE_NOEXCEPT;
} gatehouse_answer;

typedef struct gatehouse_control_v2 {
    uint32_t size; /* sizeof(gatehouse_control_v2) */
    uint32_t reserved;
    const gatehouse_command* commands; /* constant as long as the instance lives */
    size_t command_count;
    size_t command_stride; /* sizeof(gatehouse_command), or that of a struct that begins with one */

    /*
     * [main] Runs the command named by words[0] with the words after it as arguments. It must not block; other threads serve
     * connections meanwhile. GATEHOUSE_AGAIN: the answer comes later, and ends with done(). Anything but that and GATEHOUSE_OK
     * is a failure that set_error() explains. An instance has at most 16 answers to come.
     */
    gatehouse_status (*run)(void* self, const gatehouse_str* words, size_t count,
                            const gatehouse_answer* answer) GATEHOUSE_NOEXCEPT;
} gatehouse_control_v2;

#ifdef __cplusplus
}
#endif
#endif
