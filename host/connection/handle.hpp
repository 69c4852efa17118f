// What a plugin holds as its gatehouse_conn: it is opaque to plugins, and abi/ alone turns it back into the Stream that it is.
#pragma once

struct gatehouse_conn {
    bool is_client = false; // a Connection; otherwise an Upstream
};
