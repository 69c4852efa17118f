// TLS with clients that begin in plain: what stands behind the extension gatehouse.tls/1.
#pragma once

#include <gatehouse/ext/tls.h>

namespace gatehouse::host {

class TlsServer;

extern const gatehouse_tls_v1 tls_table;

} // namespace gatehouse::host

// Opaque to plugins. Constant after construction.
struct gatehouse_tls_server {
    gatehouse::host::TlsServer* server; // null: the certificates cannot be loaded, and nobody is served
};
