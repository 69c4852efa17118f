#include "completion.hpp"

#include <stdexcept>
#include <vector>

namespace gatehouse::host {
namespace {

// A command and how it is called: " deny add"; that of the program itself is empty.
struct Called {
    std::string path;
    const CommandHelp* command;
};

void add_called(const CommandHelp& command, const std::string& path, std::vector<Called>& all) {
    all.push_back({path, &command});
    for (const CommandHelp& inner : command.commands) add_called(inner, path + ' ' + inner.name, all);
}

std::vector<Called> all_of(const CommandHelp& program) {
    std::vector<Called> all;
    add_called(program, "", all);
    return all;
}

// In single quotes, in which a quote is written as `quote`.
std::string quoted(std::string_view text, std::string_view quote) {
    std::string all = "'";
    for (const char c : text) all += c == '\'' ? quote : std::string_view(&c, 1);
    return all + '\'';
}
std::string in_sh(std::string_view text) { return quoted(text, R"('\'')"); }
std::string in_fish(std::string_view text) { return quoted(text, R"(\')"); }

// Whatever is called by more than the program's name, with this between them.
std::string paths(const std::vector<Called>& all, std::string_view between) {
    std::string list;
    for (const Called& one : all)
        if (!one.path.empty()) list += (list.empty() ? "" : std::string(between)) + in_sh(one.path);
    return list;
}

std::string names_of_commands(const CommandHelp& command) {
    std::string names;
    for (const CommandHelp& inner : command.commands) names += (names.empty() ? "" : " ") + inner.name;
    return names;
}

std::string names_of_options(const CommandHelp& command) {
    std::string names;
    for (const CommandArgument& argument : command.arguments)
        if (argument.is_option()) names += (names.empty() ? "" : " ") + argument.name;
    return names;
}

// What finds out, in bash and zsh, which command the words call so far, and the case for each that follows.
std::string follow_words(const std::string& words, const std::vector<Called>& all) {
    return "    for word in " + words + "; do\n" + "        case \"$at $word\" in\n        " + paths(all, " | ") +
           ") at=\"$at $word\" ;;\n        esac\n    done\n    case $at in\n";
}

std::string for_bash(const std::vector<Called>& all) {
    std::string script = "# Completes the words of gatehouse(1) in bash. Made by `gatehouse completion bash`.\n"
                         "_gatehouse() {\n"
                         "    local word at='' commands='' options='' current=${COMP_WORDS[COMP_CWORD]}\n" +
                         follow_words("\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"", all);
    for (const Called& one : all)
        script += "    " + in_sh(one.path) + ") commands='" + names_of_commands(*one.command) + "' options='" +
                  names_of_options(*one.command) + "' ;;\n";
    return script + "    esac\n"
                    "    [[ $current != -* ]] || commands=$options\n"
                    "    mapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$current\")\n"
                    "}\n"
                    "complete -o default -F _gatehouse gatehouse\n"; // default: files, if there is nothing else
}

std::string for_zsh(const std::vector<Called>& all) {
    std::string script = "#compdef gatehouse\n"
                         "# Completes the words of gatehouse(1) in zsh. Made by `gatehouse completion zsh`.\n"
                         "_gatehouse() {\n"
                         "    local word at=''\n"
                         "    local -a commands options\n" +
                         follow_words("\"${(@)words[2,CURRENT-1]}\"", all);
    for (const Called& one : all) {
        script += "    " + in_sh(one.path) + ")\n        commands=(";
        for (const CommandHelp& inner : one.command->commands)
            script += "\n            " + in_sh(inner.name + ':' + inner.meaning);
        script += ")\n        options=(";
        for (const CommandArgument& argument : one.command->arguments)
            if (argument.is_option()) script += "\n            " + in_sh(argument.name + ':' + argument.meaning);
        script += ")\n        ;;\n";
    }
    return script + "    esac\n"
                    "    if [[ $PREFIX == -* ]]; then\n"
                    "        _describe -o option options\n"
                    "    elif (( $#commands )); then\n"
                    "        _describe command commands\n"
                    "    else\n"
                    "        _files\n"
                    "    fi\n"
                    "}\n"
                    "if [[ $funcstack[1] == _gatehouse ]]; then _gatehouse \"$@\"; else compdef _gatehouse gatehouse; fi\n";
}

std::string for_fish(const std::vector<Called>& all) {
    std::string script = "# Completes the words of gatehouse(1) in fish. Made by `gatehouse completion fish`.\n"
                         "function __gatehouse_at\n"
                         "    set -l at ''\n"
                         "    for word in (commandline -opc)[2..]\n"
                         "        switch \"$at $word\"\n"
                         "            case " +
                         paths(all, " ") +
                         "\n"
                         "                set at \"$at $word\"\n"
                         "        end\n"
                         "    end\n"
                         "    test \"$at\" = \"$argv[1]\"\n"
                         "end\n";
    for (const Called& one : all) {
        const std::string here = "complete -c gatehouse -n " + in_fish("__gatehouse_at \"" + one.path + '"');
        for (const CommandHelp& inner : one.command->commands)
            script += here + " -f -a " + inner.name + " -d " + in_fish(inner.meaning) + '\n';
        for (const CommandArgument& argument : one.command->arguments)
            if (argument.is_option())
                script += here + " -l " + argument.name.substr(2) + (argument.value.empty() ? "" : " -r") + " -d " +
                          in_fish(argument.meaning) + '\n';
    }
    return script;
}

} // namespace

std::string completion(std::string_view shell, const CommandHelp& program) {
    const std::vector<Called> all = all_of(program);
    if (shell == "bash") return for_bash(all);
    if (shell == "fish") return for_fish(all);
    if (shell == "zsh") return for_zsh(all);
    throw std::runtime_error("there are completions for bash, fish and zsh only");
}

} // namespace gatehouse::host
