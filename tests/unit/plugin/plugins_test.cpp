// Instances of a real plugin, the gateway, and what the host can ask of them.
#include "plugin/plugins.hpp"

#include "config/load.hpp"
#include "plugin/test_facilities.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

Config config_with(const std::string& plugins) {
    return parse_config("[host]\nplugin_path = [\"" GATEHOUSE_PLUGIN_DIR "\"]\n" + plugins, "/test.toml");
}

TEST(Plugins, AreMadeOncePerSection) {
    TestFacilities host;
    const Config config = config_with("[plugins.a]\nlibrary = \"gateway\"\nconfig = { upstream = \"127.0.0.1:1\" }\n"
                                      "[plugins.b]\nlibrary = \"gateway\"\nconfig = { upstream = \"127.0.0.1:2\" }\n"
                                      "[[listeners]]\nname = \"x\"\naddress = \"127.0.0.1:0\"\nplugin = \"a\"\n");
    const Plugins plugins(config, host.facilities, host.libraries);
    ASSERT_EQ(plugins.all().size(), 2U);
    EXPECT_EQ(plugins.all()[0]->name(), "a");
    EXPECT_EQ(plugins.all()[1]->name(), "b");
    EXPECT_EQ(&plugins.find("b"), plugins.all()[1]);
    EXPECT_EQ(&plugins.find("a").facilities(), &host.facilities);
}

TEST(Plugins, AnswerWhatTheHostAsks) {
    TestFacilities host;
    const Config config = config_with("[plugins.gateway]\nconfig = { upstream = \"127.0.0.1:1\" }\n"
                                      "[[listeners]]\nname = \"x\"\naddress = \"127.0.0.1:0\"\nplugin = \"gateway\"\n");
    Plugins plugins(config, host.facilities, host.libraries);
    plugins.start();
    PluginInstance& gateway = plugins.find("gateway");
    EXPECT_FALSE(gateway.has_probe());
    const std::vector<PluginCommand>& commands = gateway.commands();
    ASSERT_TRUE(std::any_of(commands.begin(), commands.end(), [](const auto& command) { return command.name == "servers"; }));
    const std::vector<std::string> words{"servers"};
    const CommandAnswer answer = gateway.run_command(words)->take();
    EXPECT_EQ(answer.error, "");
    EXPECT_NE(std::find(answer.table.cells.begin(), answer.table.cells.end(), Cell("127.0.0.1:1")), answer.table.cells.end());
}

TEST(Plugins, AllThatIsWrongIsSaidAtOnce) {
    TestFacilities host;
    const Config config = config_with("[plugins.a]\nlibrary = \"gateway\"\nconfig = { upstream = 1 }\n"
                                      "[plugins.b]\nlibrary = \"gone\"\n"
                                      "[[listeners]]\nname = \"x\"\naddress = \"127.0.0.1:0\"\nplugin = \"a\"\n");
    try {
        const Plugins plugins(config, host.facilities, host.libraries);
        ADD_FAILURE() << "nothing was wrong";
    } catch (const PluginError& error) {
        const std::string text = error.what();
        EXPECT_NE(text.find("plugins.a.config.upstream: wrong type"), std::string::npos) << text;
        EXPECT_NE(text.find("plugin library gone not found"), std::string::npos) << text;
    }
}

} // namespace
} // namespace gatehouse::host
