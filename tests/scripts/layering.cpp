#include "layering.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string_view>

namespace gatehouse::layering {
namespace {

namespace fs = std::filesystem;

struct Include {
    std::string file; // relative to the root, with '/'
    std::size_t line = 0;
    std::string target;
    bool quoted = false;
};

using Sources = std::map<std::string, std::vector<Include>>; // by file

constexpr std::array heavy_libraries =
    std::to_array<std::string_view>({"spdlog/", "toml++/", "boost/dll", "openssl/", "CLI/", "ares", "systemd/", "seccomp.h"});
// How many files of the host may compile one of them. OpenSSL: certificates, the contexts of servers and of clients, sessions.
constexpr std::size_t heavy_limit(std::string_view library) { return library == "openssl/" ? 4 : 2; }

std::vector<Include> includes_of(const fs::path& root, const std::string& file) {
    static const std::regex directive(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)");
    std::vector<Include> found;
    std::ifstream in(root / file);
    std::string text;
    std::smatch match;
    for (std::size_t line = 1; std::getline(in, text); ++line) {
        if (std::regex_match(text, match, directive)) found.push_back({file, line, match[2], match[1] == "\""});
    }
    return found;
}

Sources read_sources(const fs::path& root) {
    static const std::set<std::string> extensions{".h", ".hpp", ".c", ".cpp"};
    Sources sources;
    for (const char* top : {"sdk", "host", "plugins", "tests"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
            if (!entry.is_regular_file() || !extensions.contains(entry.path().extension().string())) continue;
            auto file = entry.path().lexically_relative(root).generic_string();
            sources[file] = includes_of(root, file);
        }
    }
    return sources;
}

// The file that a quoted include means, which is always beside or below the file that includes it, or named relative to it.
std::string resolve(const Include& include) {
    return (fs::path(include.file).parent_path() / include.target).lexically_normal().generic_string();
}

bool is_test(std::string_view file) {
    return file.find("/tests/") != file.npos || file.ends_with("_test.cpp") || file.ends_with("_test.c");
}

bool is_test_header(std::string_view target) {
    return target.starts_with("gtest/") || target.starts_with("gmock/") || target.starts_with("gatehouse/testing");
}

std::string_view heavy_library(const Include& include) {
    auto found = std::ranges::find_if(heavy_libraries, [&](auto prefix) { return include.target.starts_with(prefix); });
    return include.quoted || found == heavy_libraries.end() ? std::string_view{} : *found;
}

// <vector> and <cstdint>, but not <unistd.h> or <boost/asio.hpp>.
bool is_standard(std::string_view target) {
    static const std::set<std::string_view> c{"assert.h", "errno.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h",
                                              "stdint.h", "stdio.h", "stdlib.h", "string.h", "time.h"};
    return c.contains(target) || target.find_first_of("./") == target.npos;
}

bool is_system(std::string_view target) {
    static const std::regex system(R"((sys|net|netinet|arpa|linux|asm)/[\w/]+\.h|\w+\.h)");
    return is_standard(target) || std::regex_match(target.begin(), target.end(), system);
}

bool is_sdk_c_header(std::string_view target) {
    return target == "gatehouse/gatehouse.h" || (target.starts_with("gatehouse/ext/") && target.ends_with(".h"));
}

// What is wrong with one include of a file in sdk/; empty if nothing is.
std::string sdk_breach(const Include& include) {
    if (include.quoted) return resolve(include).starts_with("sdk/") ? "" : "the SDK includes nothing outside sdk/";
    if (is_test(include.file)) return "";
    if (include.file.ends_with(".h")) {
        bool allowed = include.target == "stddef.h" || include.target == "stdint.h";
        return allowed ? "" : "the SDK's C headers include <stddef.h>, <stdint.h> and each other only";
    }
    bool for_tests = include.file.starts_with("sdk/include/gatehouse/testing");
    bool allowed = for_tests ? is_system(include.target) : is_standard(include.target);
    return allowed ? "" : "the SDK depends on the standard library only";
}

std::string host_breach(const Include& include) {
    if (include.quoted) return resolve(include).starts_with("host/") ? "" : "the host includes by quotes its own files only";
    if (include.target.starts_with("gatehouse/") && !is_sdk_c_header(include.target) && !is_test(include.file)) {
        return "the host includes the SDK's C headers only";
    }
    return "";
}

std::string plugin_breach(const Include& include) {
    if (include.quoted) {
        auto slash = include.file.find('/', std::string_view("plugins/").size());
        bool own = slash != std::string::npos && resolve(include).starts_with(include.file.substr(0, slash + 1));
        return own ? "" : "a plugin includes by quotes files of its own folder only";
    }
    if (is_test_header(include.target)) return is_test(include.file) ? "" : "this is for tests only";
    if (include.target.starts_with("gatehouse/") || include.target.starts_with("boost/")) return "";
    return is_system(include.target) ? "" : "plugins depend on the SDK, the standard library, the system and Boost only";
}

std::string breach(const Include& include) {
    bool in_host = include.file.starts_with("host/");
    if (!in_host && !heavy_library(include).empty()) return "this library is used under host/ only";
    if (in_host) return host_breach(include);
    if (include.file.starts_with("sdk/")) return sdk_breach(include);
    if (include.file.starts_with("plugins/")) return plugin_breach(include);
    return "";
}

// Adds the heavy libraries that a file reaches, itself or through headers of its own tree.
void collect_heavy(const Sources& sources, const std::string& file, std::set<std::string>& visited,
                   std::set<std::string_view>& heavy) {
    auto found = sources.find(file);
    if (found == sources.end() || !visited.insert(file).second) return;
    for (const auto& include : found->second) {
        if (include.quoted)
            collect_heavy(sources, resolve(include), visited, heavy);
        else if (auto library = heavy_library(include); !library.empty())
            heavy.insert(library);
    }
}

void check_heavy_limit(const Sources& sources, std::vector<std::string>& found) {
    std::map<std::string_view, std::vector<std::string>> users;
    for (const auto& [file, includes] : sources) {
        if (!file.starts_with("host/") || !file.ends_with(".cpp") || is_test(file)) continue;
        std::set<std::string> visited;
        std::set<std::string_view> heavy;
        collect_heavy(sources, file, visited, heavy);
        for (auto library : heavy) users[library].push_back(file);
    }
    for (const auto& [library, files] : users) {
        const std::size_t limit = heavy_limit(library);
        if (files.size() <= limit) continue;
        std::string message = "host/: " + std::to_string(files.size()) + " files compile <" + std::string(library) +
                              "...>, at most " + std::to_string(limit) + " may:";
        for (const auto& file : files) message += " " + file;
        found.push_back(message);
    }
}

} // namespace

std::vector<std::string> breaches(const fs::path& root) {
    auto sources = read_sources(root);
    std::vector<std::string> found;
    for (const auto& [file, includes] : sources) {
        for (const auto& include : includes) {
            auto what = breach(include);
            if (what.empty()) continue;
            auto name = include.quoted ? '"' + include.target + '"' : '<' + include.target + '>';
            found.push_back(file + ":" + std::to_string(include.line) + ": " + name + ": " + what);
        }
    }
    check_heavy_limit(sources, found);
    return found;
}

} // namespace gatehouse::layering
