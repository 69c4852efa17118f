// Media types by file name.
#pragma once

#include <string_view>

namespace http {

// The Content-Type for a file: by its extension, in any case; "application/octet-stream" for unknown ones. Text is UTF-8.
std::string_view content_type(std::string_view file_name) noexcept;

} // namespace http
