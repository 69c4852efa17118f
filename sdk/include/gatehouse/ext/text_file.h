/*
 * gatehouse.text_file/1 - reads the text files that a configuration names, as the host reads its own.
 */
#ifndef GATEHOUSE_EXT_TEXT_FILE_H
#define GATEHOUSE_EXT_TEXT_FILE_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_TEXT_FILE "gatehouse.text_file/1"

typedef struct gatehouse_text_file_v1 {
    uint32_t size; /* bytes of this table */
    uint32_t reserved;

    /*
     * [create] Reads the file whose path the string `key` is; a relative path counts from the folder of the
     * configuration file. *text is UTF-8 without a byte order mark, with "\n" at the end of each line but perhaps the last, and
     * valid during create(). If the key is absent, the function returns GATEHOUSE_OK and leaves *text alone.
     * GATEHOUSE_INVALID: the file cannot be read, is no text or has more than 64 MiB; the host has recorded why, and where.
     */
    gatehouse_status (*read)(const gatehouse_config* config, gatehouse_str key, gatehouse_str* text) GATEHOUSE_NOEXCEPT;
} gatehouse_text_file_v1;

#ifdef __cplusplus
}
#endif
#endif
