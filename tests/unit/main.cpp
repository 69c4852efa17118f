// The tests' main(). The host loads a plugin in a process of its own first, which is this program again.
#include "plugin/probe_process.hpp"

#include <gtest/gtest.h>
#include <string_view>

int main(int argc, char** argv) {
    if (argc == 3 && std::string_view(argv[1]) == "probe-plugin") gatehouse::host::run_plugin_probe(argv[2]);
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
