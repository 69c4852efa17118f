#include "config/log_section.hpp"

#include "config/values.hpp"
#include "config/words.hpp"

namespace gatehouse::host {

LogConfig read_log(ConfigTable table, Place& file_where) {
    LogConfig log;
    table.choice("level", log.level, log_level_words);
    table.choice("format", log.format, log_format_words);
    read_path(table, "file", log.file);
    file_where = table.place("file");
    table.boolean("access", log.access);
    table.reject_unknown();
    return log;
}

} // namespace gatehouse::host
