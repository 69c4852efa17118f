// Plugins that know a made-up minor 4, in today's host.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

std::string answer(const std::string& library) {
    const Gatehouse host(listener("gates", library), {.plugin_path = {NEXT_PLUGINS}});
    return Client(host.port("gates")).recv_until_eof();
}

TEST(PluginOfTheNextMinor, IsServedIfItNeedsNothingOfIt) {
    EXPECT_EQ(answer("next_default"), "knows nothing of it");
    EXPECT_EQ(answer("next_knows"), "lacks it");
}

TEST(PluginOfTheNextMinor, SaysItsKeysToThisOne) {
    for (const char* const library : {"next_default", "next_knows"}) {
        const Result result = run({gatehouse_binary(), "plugins", "describe", std::string(NEXT_PLUGINS "/") + library + ".so"});
        EXPECT_NE(result.out.find("\none    string  none     a key\nother  string  none     a key\n"), std::string::npos)
            << result.out << result.err;
    }
}

TEST(PluginOfTheNextMinor, IsRefusedIfItNeedsIt) {
    const TempDir folder;
    const std::string config = folder.write("gatehouse.toml", instance("gates", NEXT_PLUGINS "/next_needs.so"));
    const Result result = run({gatehouse_binary(), "check", config});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("it needs Gatehouse ABI 0.4, this host has 0.3; rebuild it against this host's SDK"),
              std::string::npos)
        << result.err;
}

} // namespace
