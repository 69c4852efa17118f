#include "abi/sendfile.hpp"

#include "abi/handles.hpp"

namespace gatehouse::host {
namespace {

gatehouse_status send(gatehouse_conn* conn, const gatehouse_bytes* parts, std::size_t count, std::int32_t fd,
                      std::uint64_t offset, std::uint64_t length) noexcept {
    return stream_of(conn).send_file({parts, count}, fd, offset, length);
}

} // namespace

const gatehouse_sendfile_v1 sendfile_table{sizeof(gatehouse_sendfile_v1), 0, send};

} // namespace gatehouse::host
