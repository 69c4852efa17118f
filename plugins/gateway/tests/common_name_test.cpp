#include "common_name.hpp"

#include <gtest/gtest.h>

using namespace gateway;

namespace {

TEST(CommonName, IsFoundAmongOthers) {
    EXPECT_EQ(common_name("CN=alice"), "alice");
    EXPECT_EQ(common_name("CN=alice,OU=People,O=Example"), "alice");
    EXPECT_EQ(common_name("emailAddress=a@example,CN=alice,O=Example"), "alice");
    EXPECT_EQ(common_name("UID=7+CN=alice,O=Example"), "alice");
    EXPECT_EQ(common_name("CN=alice,CN=people"), "alice");
}

TEST(CommonName, EscapesAreUndone) {
    EXPECT_EQ(common_name(R"(CN=Smith\, A.,O=Example)"), "Smith, A.");
    EXPECT_EQ(common_name(R"(CN=a\+b\=c\\d\#)"), R"(a+b=c\d#)");
    EXPECT_EQ(common_name(R"(CN=Andr\C3\A9)"), "Andr\xc3\xa9");
    EXPECT_EQ(common_name(R"(O=x\,CN=eve,CN=alice)"), "alice");
    EXPECT_EQ(common_name(R"(O=x\+CN=eve)"), std::nullopt);
}

TEST(CommonName, WhatCouldBeMistakenIsNone) {
    EXPECT_EQ(common_name(R"(CN=alice\00.example)"), std::nullopt);
    EXPECT_EQ(common_name(R"(CN=alice\0A)"), std::nullopt);
    EXPECT_EQ(common_name("CN=#0c05616c696365"), std::nullopt);
    EXPECT_EQ(common_name("CN=" + std::string(255, 'x')), std::string(255, 'x'));
    EXPECT_EQ(common_name("CN=" + std::string(256, 'x')), std::nullopt);
}

TEST(CommonName, NoneAtAll) {
    for (const char* subject : {"", "O=Example", "CN=", "CN", "alice", "=", "CN=,O=x", "\\", "O=\\"})
        EXPECT_EQ(common_name(subject), std::nullopt) << subject;
    EXPECT_EQ(common_name("CN=a\\"), "a\\");
}

} // namespace
