#include "abi/text_file.hpp"

#include "config/plugin_settings.hpp"

namespace gatehouse::host {
namespace {

gatehouse_status read(const gatehouse_config* config, gatehouse_str key, gatehouse_str* text) noexcept {
    return config->text_file({key.data, key.size}, *text);
}

} // namespace

const gatehouse_text_file_v1 text_file_table{sizeof(gatehouse_text_file_v1), 0, read};

} // namespace gatehouse::host
