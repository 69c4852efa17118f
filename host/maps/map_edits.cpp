#include "maps/map_edits.hpp"

#include "base/text_file.hpp"

namespace gatehouse::host {
namespace {

// With another line in the place of this one, or with none.
std::string with_line(const std::string& text, std::size_t wanted, const std::string& line) {
    std::string changed;
    changed.reserve(text.size() + line.size());
    for_each_line(text, [&](std::string_view old, std::size_t number) {
        if (number == wanted)
            changed += line;
        else
            (changed += old) += '\n';
    });
    return changed;
}

} // namespace

std::string with_name(const std::string& text, const NameMap& map, std::string_view name, std::string_view value) {
    const NameMap::Entry* const entry = map.exact(name);
    const std::string line = std::string(name) + "  " + std::string(value) + '\n';
    if (entry != nullptr) return with_line(text, entry->line, line);
    return text + (text.empty() || text.ends_with('\n') ? "" : "\n") + line;
}

std::string without_name(const std::string& text, const NameMap& map, std::string_view name) {
    const NameMap::Entry* const entry = map.exact(name);
    return entry != nullptr ? with_line(text, entry->line, "") : text;
}

} // namespace gatehouse::host
