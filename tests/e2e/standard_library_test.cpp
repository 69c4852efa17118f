// Plugins whose standard library is not the host's. Nothing of C++ crosses the ABI, so neither notices.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <string>

using namespace gatehouse::support;

namespace {

class StandardLibrary : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        if (!std::filesystem::exists(fixture_dir() + "/irc_" + GetParam() + ".so"))
            GTEST_SKIP() << "no plugin has been built with " << GetParam() << ", since the compiler has none";
    }
};

INSTANTIATE_TEST_SUITE_P(Of, StandardLibrary, testing::Values("libcxx", "glibcxx_debug"),
                         [](const auto& tested) { return tested.param; });

TEST_P(StandardLibrary, ServesInAHostWithAnother) {
    Gatehouse host(instance("irc", std::string("irc_") + GetParam()), with_fixtures());
    Client ann(host.port("irc")), bob(host.port("irc"));
    bob.send("NICK bob\r\nJOIN #tea\r\n");
    bob.recv_until("JOIN #tea\r\n");
    ann.send("NICK ann\r\nJOIN #tea\r\nPRIVMSG #tea :milk?\r\n");
    EXPECT_EQ(bob.recv_until("milk?\r\n"), ":ann JOIN #tea\r\n:ann PRIVMSG #tea :milk?\r\n");
    ann.close();
    EXPECT_EQ(bob.recv_until("\n").substr(0, 9), ":ann QUIT");
}

TEST_P(StandardLibrary, AnExceptionStaysInside) {
    Gatehouse host(instance("fix", std::string("throws_serve_") + GetParam()), with_fixtures());
    Client client(host.port("fix"));
    client.send("x");
    EXPECT_TRUE(client.ends());
    client.close();
    EXPECT_EQ(host.wait_for_closed("fix")["reason"], "plugin_exception");
    const Record failed = host.wait_for_log("plugin failed");
    EXPECT_EQ(failed["error"], "thrown in serve");
}

} // namespace
