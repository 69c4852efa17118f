// Files that plugins send: what stands behind the extension gatehouse.sendfile/1.
#pragma once

#include <gatehouse/ext/sendfile.h>

namespace gatehouse::host {

extern const gatehouse_sendfile_v1 sendfile_table;

} // namespace gatehouse::host
