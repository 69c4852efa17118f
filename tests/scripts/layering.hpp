// The rules of which file may include what, docs/coding-style.md, checked on the sources of a tree.
//
//   sdk/      the C headers include <stddef.h>, <stdint.h> and each other; plugin.hpp the standard library as well,
//             and the headers for tests (testing*) the system too
//   host/     rooms: each folder includes itself and the rooms of its row in rooms(), and names every file by its room.
//             A few rooms know the SDK, and of the SDK its C headers only
//   plugins/  SDK headers, files of their own folder, the standard library, the system, and Boost
//   tests/    each folder of unit/ is named like the room whose tests it holds
//   heavy libraries (toml++, OpenSSL, c-ares, Boost.DLL, libseccomp, spdlog, CLI11, libsystemd) under host/ only, each in its
//   own
//             room or file: no file elsewhere includes one, directly or through a header
//
// Tests (files named *_test.cpp, and folders named tests) may use GoogleTest and <gatehouse/testing.hpp> besides.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::layering {

// A folder of host/, and all other rooms that it may include. "host" is host/ itself.
struct Room {
    std::string_view name;
    std::vector<std::string_view> may_include;
};

// Every room. Each may include only rooms that stand before it, so that no two depend on each other.
const std::vector<Room>& rooms();

// Every breach of the rules under root's sdk/, host/, plugins/ and tests/, as "FILE:LINE: what is wrong". Throws
// std::filesystem::filesystem_error if one of these folders cannot be read.
std::vector<std::string> breaches(const std::filesystem::path& root);

} // namespace gatehouse::layering
