// What `gatehouse plugin run` makes of its arguments.
#include "trial/plugin_trial.hpp"

#include "config/load.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

Config config_of(const PluginTrial& trial) { return parse_config(configuration_of(trial), "the command line"); }

TEST(PluginTrial, AFileIsTakenAsItIs) {
    const Config config =
        config_of({.plugin = "build/my-plugin.so", .port = 7, .settings = {}, .watch = false, .dev_cert = ""});
    ASSERT_EQ(config.plugins.size(), 1U);
    EXPECT_EQ(config.plugins[0].name, "my-plugin");
    EXPECT_TRUE(config.plugins[0].library.starts_with('/'));
    ASSERT_EQ(config.listeners.size(), 1U);
    EXPECT_EQ(config.listeners[0].plugin, "my-plugin");
}

TEST(PluginTrial, ValuesAreWhatTheyLookLike) {
    const std::string text =
        configuration_of({.plugin = "x",
                          .port = 0,
                          .settings = {"a=1", "b=true", "c=10s", "d=C:\\dir", "e=say \"hi\"", "f=[1, 2]", "g.h=", "i=-1.5"},
                          .dev_cert = ""});
    for (const char* line : {"a = 1\n", "b = true\n", "c = \"10s\"\n", "d = \"C:\\\\dir\"\n", "e = \"say \\\"hi\\\"\"\n",
                             "f = [1, 2]\n", "g.h = \"\"\n", "i = -1.5\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << " in\n" << text;
}

TEST(PluginTrial, ADevelopersCertificateIsASection) {
    const Config config = config_of({.plugin = "x", .port = 0, .settings = {"tls=dev"}, .watch = false, .dev_cert = "here"});
    ASSERT_EQ(config.tls.size(), 1U);
    EXPECT_EQ(config.tls[0].name, "dev");
    ASSERT_EQ(config.tls[0].pairs.size(), 1U);
    EXPECT_TRUE(config.tls[0].pairs[0].certificate.path.ends_with("/here/cert.pem"));
}

TEST(PluginTrial, WhatIsNoSettingIsRefused) {
    for (const char* setting : {"a", "=1", "", "a=1\n[host]\nstack_size=1"})
        EXPECT_THROW(configuration_of({.plugin = "x", .port = 0, .settings = {setting}, .watch = false, .dev_cert = ""}),
                     std::runtime_error)
            << setting;
    EXPECT_THROW(config_of({.plugin = "x", .port = 0, .settings = {"a b=1"}, .watch = false, .dev_cert = ""}),
                 ConfigError); // no key of TOML
}

} // namespace
} // namespace gatehouse::host
