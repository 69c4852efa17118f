#include "config/manual.hpp"

#include "base/text_file.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace gatehouse::host {
namespace {

constexpr std::string_view manual_text =
#include "config/manual.inc" // which the build makes of the page
    ;

struct ManualRow {
    std::string usual; // the default
    std::string meaning;
};

// "listeners.routes" of a line such as "### `[[listeners.routes]]`: one port, many protocols"; nothing of others.
std::string_view section_of(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of("# "), line.size()));
    if (!line.starts_with("`[")) return {};
    line.remove_prefix(line.find_first_not_of("`["));
    return line.substr(0, line.find(']'));
}

// "[a link](page.md)" without the page, since there is none to go to.
std::string without_links(std::string_view text) {
    std::string plain;
    while (!text.empty()) {
        const std::size_t middle = text.find("](");
        const std::size_t begin = middle == text.npos ? text.npos : text.rfind('[', middle);
        if (begin == text.npos) return plain += text;
        plain += text.substr(0, begin);
        plain += text.substr(begin + 1, middle - begin - 1);
        text.remove_prefix(std::min(text.find(')', middle), text.size() - 1) + 1);
    }
    return plain;
}

// The rows by the paths of their keys.
std::map<std::string, ManualRow> manual_rows() {
    std::map<std::string, ManualRow> rows;
    std::string chapter; // the last section that a heading of the second level names
    std::string section;
    for_each_line(manual_text, [&](std::string_view line, std::size_t) {
        if (const std::string_view named = section_of(line); !named.empty()) section = named;
        if (line.starts_with("## ")) chapter = section;
        if (line.starts_with("### ") && section_of(line).empty()) section = chapter;
        constexpr std::string_view between = " | ";
        const std::size_t name = line.starts_with("| `") ? line.find("` | ") : line.npos;
        const std::size_t usual = name == line.npos ? name : line.find(between, name + 4);
        if (usual == line.npos || !line.ends_with(" |")) return;
        const std::string key = (section.empty() ? "" : section + '.') + std::string(line.substr(3, name - 3));
        const std::string_view meaning = line.substr(usual + between.size());
        rows[key] = {std::string(line.substr(name + 4, usual - name - 4)),
                     without_links(meaning.substr(0, meaning.size() - 2))};
    });
    return rows;
}

void add_rows(std::vector<ConfigKey>& keys, const std::string& before, const std::map<std::string, ManualRow>& rows) {
    for (ConfigKey& key : keys) {
        if (const auto row = rows.find(before + key.name); row != rows.end()) {
            key.meaning = row->second.meaning;
            if (key.fallback.empty() && !key.required) key.absent = row->second.usual;
        }
        add_rows(key.fields, before + key.name + '.', rows);
    }
}

} // namespace

void add_meanings(std::vector<ConfigKey>& keys) { add_rows(keys, "", manual_rows()); }

} // namespace gatehouse::host
