/*
 * gatehouse.control/1 - commands that a plugin takes from its operator while it runs.
 *
 * The plugin implements this extension: its get_extension() hook returns the table. The host shows the commands to the operator
 * (`gatehouse control CONF INSTANCE COMMAND ARGUMENT...`). A command answers with a table, which may be empty.
 */
#ifndef GATEHOUSE_EXT_CONTROL_H
#define GATEHOUSE_EXT_CONTROL_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_CONTROL "gatehouse.control/1"

typedef struct gatehouse_command {
    gatehouse_str name;      /* "drain"; lower-case letters, digits and '-' */
    gatehouse_str arguments; /* for people: "SERVER [WITHIN]"; may be empty */
    gatehouse_str summary;   /* one line, for people */
} gatehouse_command;

/* Where a command puts its answer. The host copies the texts. */
typedef struct gatehouse_answer {
    uint32_t size; /* bytes of this struct */
    uint32_t reserved;
    void* context;
    /* Names the columns; once, before any row. */
    void (*columns)(void* context, const gatehouse_str* names, size_t count) GATEHOUSE_NOEXCEPT;
    /* Adds a row, with as many cells as there are columns. */
    void (*row)(void* context, const gatehouse_str* cells, size_t count) GATEHOUSE_NOEXCEPT;
} gatehouse_answer;

typedef struct gatehouse_control_v1 {
    uint32_t size; /* sizeof(gatehouse_control_v1) */
    uint32_t reserved;
    const gatehouse_command* commands; /* constant as long as the instance lives */
    size_t command_count;
    size_t command_stride; /* sizeof(gatehouse_command), or that of a struct that begins with one */

    /*
     * [main] Runs the command named by words[0] with the words after it as arguments. Anything but GATEHOUSE_OK is a failure
     * that set_error() explains. It must not block; other threads serve connections meanwhile.
     */
    gatehouse_status (*run)(void* self, const gatehouse_str* words, size_t count,
                            const gatehouse_answer* answer) GATEHOUSE_NOEXCEPT;
} gatehouse_control_v1;

#ifdef __cplusplus
}
#endif
#endif
