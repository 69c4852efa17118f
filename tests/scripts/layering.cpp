#include "layering.hpp"

#include <algorithm>
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

// A heavy library and its owners: rooms, or single files named relative to host/.
struct HeavyLibrary {
    std::string_view prefix; // of its headers
    std::vector<std::string_view> owners;
};

const std::vector<HeavyLibrary> heavy_libraries{
    {"toml++/", {"config"}},    {"openssl/", {"tls"}},
    {"ares", {"dns"}},          {"boost/dll", {"plugin"}},
    {"seccomp.h", {"process"}}, {"spdlog/", {"base/log_output.cpp", "base/log_sink.hpp", "base/log_sink.cpp"}},
    {"CLI/", {"main.cpp"}},     {"systemd/", {"host", "listen"}},
    {"nlohmann/", {"control"}},
};

// Who may name the SDK's C headers; the same kind of list.
const std::vector<std::string_view> sdk_users{
    "plugin", "abi", "connection", "serving", "host", "config/plugin_settings.hpp", "config/plugin_settings.cpp",
};

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

// The file that a quoted include means. Under host/ it names the room; elsewhere it is relative to the including file.
std::string resolve(const Include& include) {
    const bool in_host = include.file.starts_with("host/");
    const auto folder = in_host ? fs::path("host") : fs::path(include.file).parent_path();
    return (folder / include.target).lexically_normal().generic_string();
}

// The room of a file under host/: "base" of host/base/clock.hpp, "host" of host/main.cpp.
std::string room_of(std::string_view file) {
    file.remove_prefix(std::string_view("host/").size());
    auto slash = file.find('/');
    return std::string(slash == file.npos ? "host" : file.substr(0, slash));
}

const Room* find_room(std::string_view name) {
    auto found = std::ranges::find(rooms(), name, &Room::name);
    return found == rooms().end() ? nullptr : &*found;
}

bool may_include(const Room& room, std::string_view other) {
    return room.name == other || std::ranges::count(room.may_include, other) > 0;
}

// Whether a file is one of these, or in one of these rooms.
bool is_among(const std::string& file, const std::vector<std::string_view>& owners) {
    return file.starts_with("host/") && std::ranges::any_of(owners, [&](auto owner) {
               return owner == room_of(file) || owner == std::string_view(file).substr(std::string_view("host/").size());
           });
}

bool is_test(std::string_view file) {
    return file.find("/tests/") != file.npos || file.ends_with("_test.cpp") || file.ends_with("_test.c");
}

bool is_test_header(std::string_view target) {
    return target.starts_with("gtest/") || target.starts_with("gmock/") || target.starts_with("gatehouse/testing");
}

const HeavyLibrary* heavy_library(const Include& include) {
    auto found =
        std::ranges::find_if(heavy_libraries, [&](const auto& library) { return include.target.starts_with(library.prefix); });
    return include.quoted || found == heavy_libraries.end() ? nullptr : &*found;
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
    return target == "gatehouse/gatehouse.h" || target == "gatehouse/version.h" ||
           (target.starts_with("gatehouse/ext/") && target.ends_with(".h"));
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
    if (!include.quoted) {
        if (!include.target.starts_with("gatehouse/")) return "";
        if (!is_sdk_c_header(include.target)) return "the host includes the SDK's C headers only";
        if (is_among(include.file, sdk_users)) return "";
        return "of host/, the rooms plugin, abi, connection and serving, host/ itself and config/plugin_settings know the SDK";
    }
    const std::string target = resolve(include), from = room_of(include.file);
    if (!target.starts_with("host/") || (room_of(target) == "host" && from != "host"))
        return "the host includes by quotes its own files only, named by their room, as in \"base/clock.hpp\"";
    const Room* room = find_room(from);
    if (room == nullptr || may_include(*room, room_of(target))) return ""; // of an unknown room check_rooms() tells
    return from + "/ may not include " + room_of(target) + "/";
}

constexpr std::string_view bundled = "plugins/", samples = "sdk/samples/", templates = "sdk/templates/";
constexpr std::string_view shared_by_plugins = "plugins/passwords/";

// `among`: the folder in which each plugin has one of its own.
std::string plugin_breach(const Include& include, std::string_view among) {
    if (include.quoted) {
        auto slash = include.file.find('/', among.size());
        const std::string target = resolve(include);
        bool own = slash != std::string::npos && target.starts_with(include.file.substr(0, slash + 1));
        const bool parses = include.file.starts_with("plugins/admin/") && target.starts_with("plugins/http/"); // requests
        return own || parses || target.starts_with(shared_by_plugins)
                   ? ""
                   : "a plugin includes by quotes files of its own folder only";
    }
    if (is_test_header(include.target)) return is_test(include.file) ? "" : "this is for tests only";
    if (include.target.starts_with("gatehouse/") || include.target.starts_with("boost/")) return "";
    if (include.target == "brotli/encode.h") return ""; // as zlib.h and zstd.h
    return is_system(include.target) ? "" : "plugins depend on the SDK, the standard library, the system and Boost only";
}

std::string breach(const Include& include) {
    bool in_host = include.file.starts_with("host/");
    // A client that breaks TLS in ways that no program offers needs the library.
    bool breaks_tls = include.file.starts_with("tests/chaos/tls_client.") && include.target.starts_with("openssl/");
    if (!in_host && !breaks_tls && heavy_library(include) != nullptr) return "this library is used under host/ only";
    if (in_host) return host_breach(include);
    for (const std::string_view among : {bundled, samples, templates})
        if (include.file.starts_with(among)) return plugin_breach(include, among);
    if (include.file.starts_with("sdk/")) return sdk_breach(include);
    return "";
}

// Adds the heavy libraries that an include brings in, itself or through headers of the same tree.
void collect_heavy(const Sources& sources, const Include& include, std::set<std::string>& visited,
                   std::set<const HeavyLibrary*>& heavy) {
    if (const auto* library = heavy_library(include)) heavy.insert(library);
    if (!include.quoted || !visited.insert(resolve(include)).second) return;
    auto found = sources.find(resolve(include));
    if (found == sources.end()) return;
    for (const auto& next : found->second) collect_heavy(sources, next, visited, heavy);
}

std::string heavy_breach(const Sources& sources, const Include& include) {
    if (!include.file.starts_with("host/")) return "";
    std::set<std::string> visited;
    std::set<const HeavyLibrary*> heavy;
    collect_heavy(sources, include, visited, heavy);
    for (const auto* library : heavy) {
        if (is_among(include.file, library->owners)) continue;
        std::string owners;
        for (auto owner : library->owners) owners += (owners.empty() ? "" : " and ") + std::string(owner);
        return "<" + std::string(library->prefix) + "...> belongs to " + owners;
    }
    return "";
}

// Each folder of host/ is a room, and so is each folder of tests/unit/. What lies beside the folders is about host/ itself.
void check_rooms(const Sources& sources, std::vector<std::string>& found) {
    std::set<std::string> strangers;
    for (const auto& [file, includes] : sources) {
        const std::string_view prefix = file.starts_with("host/") ? "host/" : "tests/unit/";
        if (!file.starts_with(prefix)) continue;
        const auto slash = file.find('/', prefix.size());
        if (slash == file.npos) continue;
        auto name = file.substr(prefix.size(), slash - prefix.size());
        if (find_room(name) == nullptr) strangers.insert(file.substr(0, slash + 1));
    }
    for (const auto& folder : strangers) found.push_back(folder + ": no such room in the table of tests/scripts/layering.cpp");
}

} // namespace

const std::vector<Room>& rooms() {
    static const std::vector<Room> table{
        {"base", {}},
        {"threads", {"base"}},
        {"net", {"base"}},
        {"wire", {"net", "base"}},
        {"config", {"wire", "net", "base"}},
        {"process", {"config", "base"}},
        {"access", {"config", "net", "base"}},
        {"dns", {"wire", "net", "threads", "base"}},
        {"tls", {"config", "threads", "net", "base"}},
        {"maps", {"config", "threads", "net", "base"}},
        {"listen", {"config", "net", "threads", "base"}},
        {"connection", {"tls", "config", "threads", "net", "base"}},
        {"handover", {"net", "base"}},
        {"plugin", {"dns", "config", "threads", "base"}},
        {"relay", {"connection", "config", "threads", "base"}},
        {"stages", {"plugin", "connection", "maps", "tls", "access", "wire", "config", "net", "base"}},
        {"abi", {"plugin", "connection", "dns", "tls", "threads", "config", "net", "base"}},
        {"serving",
         {"stages", "plugin", "relay", "connection", "listen", "access", "maps", "tls", "threads", "config", "net", "base"}},
        {"control", {"serving", "plugin", "listen", "config", "net", "base"}},
        {"trial", {"control", "plugin", "config", "base"}},
        {"host", {"trial", "control", "serving", "abi",    "stages",  "relay",  "plugin", "handover", "connection", "listen",
                  "maps",  "tls",     "dns",     "access", "process", "config", "wire",   "net",      "threads",    "base"}},
    };
    return table;
}

std::vector<std::string> breaches(const fs::path& root) {
    auto sources = read_sources(root);
    std::vector<std::string> found;
    for (const auto& [file, includes] : sources) {
        for (const auto& include : includes) {
            auto what = breach(include);
            if (what.empty()) what = heavy_breach(sources, include);
            if (what.empty()) continue;
            auto name = include.quoted ? '"' + include.target + '"' : '<' + include.target + '>';
            found.push_back(file + ":" + std::to_string(include.line) + ": " + name + ": " + what);
        }
    }
    check_rooms(sources, found);
    return found;
}

} // namespace gatehouse::layering
