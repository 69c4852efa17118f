// The rules of who may include what, docs/coding-style.md, checked on the sources of a tree.
//
//   sdk/      the C headers include <stddef.h>, <stdint.h> and each other; plugin.hpp the standard library as well,
//             and the headers for tests (testing*) the system too
//   host/     of the SDK the C headers only
//   plugins/  SDK headers, files of their own folder, the standard library, the system, and Boost
//   heavy libraries (spdlog, toml++, Boost.DLL, OpenSSL, CLI11, c-ares, libsystemd) under host/ only, and each of them reaches
//   at most two .cpp files there, directly or through a header: all others compile without it
//
// Tests (files named *_test.cpp, and folders named tests) may use GoogleTest and <gatehouse/testing.hpp> besides.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gatehouse::layering {

// Every breach of the rules under root's sdk/, host/, plugins/ and tests/, as "FILE:LINE: what is wrong". Throws
// std::filesystem::filesystem_error if one of these folders cannot be read.
std::vector<std::string> breaches(const std::filesystem::path& root);

} // namespace gatehouse::layering
