// Text files that a plugin's configuration names: what stands behind the extension gatehouse.text_file/1.
#pragma once

#include <gatehouse/ext/text_file.h>

namespace gatehouse::host {

extern const gatehouse_text_file_v1 text_file_table;

} // namespace gatehouse::host
