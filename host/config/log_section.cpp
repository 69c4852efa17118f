#include "config/log_section.hpp"

#include "config/values.hpp"

namespace gatehouse::host {
namespace {

constexpr std::pair<std::string_view, LogLevel> levels[] = {
    {"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}, {"error", LogLevel::error}};
constexpr std::pair<std::string_view, LogFormat> formats[] = {
    {"auto", LogFormat::automatic}, {"human", LogFormat::human}, {"json", LogFormat::json}};

} // namespace

LogConfig read_log(ConfigTable table) {
    LogConfig log;
    table.choice("level", log.level, levels);
    table.choice("format", log.format, formats);
    read_path(table, "file", log.file);
    table.boolean("access", log.access);
    table.reject_unknown();
    return log;
}

} // namespace gatehouse::host
