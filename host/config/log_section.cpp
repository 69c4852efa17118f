#include "config/log_section.hpp"

#include "base/log_socket.hpp"
#include "base/printable.hpp"
#include "config/values.hpp"
#include "config/words.hpp"

#include <string>
#include <string_view>

namespace gatehouse::host {
namespace {

using OutputKind = LogOutputConfig::Kind;

constexpr std::size_t max_outputs = 16;
constexpr std::uint64_t least_rotation = std::uint64_t{64} << 10U;

void read_texts(ConfigTable& table, std::string_view key, std::vector<std::string>& list) {
    if (table.has(key)) list.clear();
    for (ConfigTable& item : table.one_or_more(key, "a text, or an array of them"))
        if (std::string_view text; read_text(item, "", text)) list.emplace_back(text);
}

void read_receiver(ConfigTable& table, LogOutputConfig& output) {
    std::string_view text;
    if (!read_text(table, "to", text)) return;
    output.to = text;
    if (!log_receiver(text))
        table.reject("to", in_quotes(text) + " is no receiver (expected \"unix:PATH\", \"udp:ADDRESS:PORT\" or "
                                             "\"tcp:ADDRESS:PORT\" with a numeric address, of IPv6 in brackets)");
    else if (output.kind == OutputKind::journald && !text.starts_with("unix:"))
        table.reject("to", "journald has a unix socket (expected \"unix:PATH\")");
}

LogOutputConfig read_output(ConfigTable& table) {
    LogOutputConfig output;
    table.choice("kind", output.kind, log_kind_words);
    table.choice("format", output.format, log_format_words);
    table.choice("level", output.level, log_level_words);
    read_path(table, "file", output.file);
    ConfigTable rotate = table.table("rotate");
    rotate.size("size", output.rotate_size, 0, std::uint64_t{1} << 40U);
    rotate.number("keep", output.rotate_keep, 1, 1000);
    rotate.reject_unknown();
    read_receiver(table, output);
    read_texts(table, "records", output.records);
    read_texts(table, "listeners", output.listeners);
    table.reject_unknown();

    if (output.kind == OutputKind::file && !table.has("file")) table.missing("file", "the file to append to");
    if (output.kind != OutputKind::file && table.has("file"))
        table.reject("file", "without effect (expected kind = \"file\" beside it)");
    if (output.kind != OutputKind::file && table.has("rotate"))
        table.reject("rotate", "without effect (expected kind = \"file\" beside it)");
    if (output.rotate_size != 0 && output.rotate_size < least_rotation)
        rotate.reject("size", "too small (expected at least \"64KiB\", or 0: never)");
    const bool sends = output.kind == OutputKind::syslog || output.kind == OutputKind::journald;
    if (!sends && table.has("to")) table.reject("to", "without effect (expected kind = \"syslog\" or \"journald\" beside it)");
    if (output.kind == OutputKind::journald && table.has("format"))
        table.reject("format", "without effect (journald has fields of its own)");
    return output;
}

} // namespace

LogConfig read_log(ConfigTable table, std::vector<Place>& files) {
    LogConfig log;
    table.choice("level", log.level, log_level_words);
    table.choice("format", log.format, log_format_words);
    read_path(table, "file", log.file);
    table.boolean("access", log.access);
    table.number("refused_per_second", log.refused_per_second, 0, 1'000'000);
    constexpr std::string_view expected = "[[log.outputs]] sections, with two brackets";
    std::vector<ConfigTable> outputs = table.items("outputs", expected);
    if (outputs.size() > max_outputs)
        table.reject("outputs", std::to_string(outputs.size()) + " (expected at most " + std::to_string(max_outputs) + ")");
    for (ConfigTable& output : outputs) {
        if (!output.is_table()) {
            output.expect_table(expected);
            continue;
        }
        log.outputs.push_back(read_output(output));
        files.push_back(output.place("file"));
    }
    for (const std::string_view key : {"format", "file"})
        if (!outputs.empty() && table.has(key)) table.reject(key, "without effect (expected it in one of the [[log.outputs]])");
    if (log.outputs.empty()) files = {table.place("file")};
    table.reject_unknown();
    return log;
}

} // namespace gatehouse::host
