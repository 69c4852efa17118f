/*
 * gatehouse.sendfile/1 - sends a part of a file without copying it through the plugin.
 */
#ifndef GATEHOUSE_EXT_SENDFILE_H
#define GATEHOUSE_EXT_SENDFILE_H

#include "../gatehouse.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GATEHOUSE_EXT_SENDFILE "gatehouse.sendfile/1"

typedef struct gatehouse_sendfile_v1 {
    uint32_t size; /* bytes of this table */
    uint32_t reserved;

    /*
     * [conn] Writes `parts` (as write() does; a header, say) and then `length` bytes of the file `fd` from `offset` on. The
     * plugin keeps the descriptor, and its file position does not move. The call writes everything or fails as write() does.
     * GATEHOUSE_FAILED: the file ended early, and the peer has received a part of it.
     */
    gatehouse_status (*send)(gatehouse_conn* conn, const gatehouse_bytes* parts, size_t count, int32_t fd, uint64_t offset,
                             uint64_t length) GATEHOUSE_NOEXCEPT;
} gatehouse_sendfile_v1;

#ifdef __cplusplus
}
#endif
#endif
