#include "manual_pages.hpp"

#include "config/key.hpp"
#include "config/load.hpp"
#include "config/manual.hpp"

#include <string_view>
#include <vector>

namespace gatehouse::host {
namespace {

// The text as man(7) has it. What stands between backquotes is bold.
std::string roff(std::string_view text) {
    std::string all;
    bool bold = false;
    for (const char c : text) {
        if (c == '`')
            all += (bold = !bold) ? "\\fB" : "\\fR";
        else if (c == '\\')
            all += "\\e";
        else if (c == '-')
            all += "\\-";
        else if (c == '\n')
            all += "\n.br\n";
        else
            all += c;
    }
    return all.starts_with('.') || all.starts_with('\'') ? "\\&" + all : all;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }

void add_argument(const CommandArgument& argument, std::string& page) {
    if (argument.name == "--help") return; // all have it
    page += ".TP\n" + bold(argument.name) + (argument.value.empty() ? "" : " \\fI" + roff(argument.value) + "\\fR") + '\n' +
            roff(argument.meaning) + ".\n";
}

void add_command(const CommandHelp& command, const std::string& before, std::string& page) {
    const std::string called = before + command.name;
    const bool by_itself = command.commands.empty() || !command.arguments.empty();
    if (by_itself) {
        page += ".SS \"" + roff(called);
        for (const CommandArgument& argument : command.arguments)
            if (!argument.is_option())
                page += ' ' + std::string(argument.required ? "" : "[") + roff(argument.name) + (argument.many ? "..." : "") +
                        (argument.required ? "" : "]");
        page += "\"\n" + roff(command.meaning) + ".\n";
        for (const CommandArgument& argument : command.arguments) add_argument(argument, page);
    }
    for (const CommandHelp& inner : command.commands) add_command(inner, called + ' ', page);
}

// [host], [[listeners]] and [tls.NAME] are sections, and so are lists of tables in them. Other tables have dotted keys.
bool is_section(const ConfigKey& key) { return !key.fields.empty() && key.many == ConfigKey::Many::list; }

void add_keys(const std::vector<ConfigKey>& keys, const std::string& before, std::string& page) {
    for (const ConfigKey& key : keys) {
        if (is_section(key)) continue;
        if (!key.fields.empty()) {
            add_keys(key.fields, before + key.name + '.', page);
            continue;
        }
        const std::string limits = limits_text(key);
        const std::string usual = default_text(key);
        page += ".TP\n" + bold(before + key.name) + '\n' + roff(type_text(key)) + (limits.empty() ? "" : ", " + roff(limits)) +
                (usual.empty() || usual == "none" ? ""
                 : key.required                   ? "; required"
                                                  : "; default: " + roff(usual)) +
                '\n';
        if (!key.meaning.empty()) page += ".br\n" + roff(key.meaning) + '\n';
    }
}

void add_section(const ConfigKey& table, const std::string& before, std::string& page) {
    const std::string path = before + table.name;
    if (table.fields.size() == 1 && table.fields.front().name == "NAME")
        return add_section(table.fields.front(), path + '.', page);
    const bool list = table.many == ConfigKey::Many::list;
    page += ".SS " + roff((list ? "[[" : "[") + path + (list ? "]]" : "]")) + '\n';
    add_keys(table.fields, "", page);
    for (const ConfigKey& key : table.fields)
        if (is_section(key)) add_section(key, path + '.', page);
}

} // namespace

std::string commands_page(const CommandHelp& program) {
    std::string page;
    for (const CommandHelp& command : program.commands) add_command(command, "", page);
    return page;
}

std::string keys_page() {
    std::vector<ConfigKey> keys = config_keys();
    add_meanings(keys);
    std::string page;
    std::vector<ConfigKey> plain = keys;
    std::erase_if(plain, [](const ConfigKey& key) { return !key.fields.empty(); });
    add_keys(plain, "", page);
    for (const ConfigKey& key : keys)
        if (!key.fields.empty()) add_section(key, "", page);
    return page;
}

} // namespace gatehouse::host
