#include "tls/names.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

std::size_t find(const TlsNames& names, std::string_view asked) { return names.find(ServerName(asked)); }

TEST(TlsNames, ExactThenWildcardThenTheFirst) {
    TlsNames names;
    EXPECT_TRUE(names.add("default.example", 0));
    EXPECT_TRUE(names.add("a.example", 1));
    EXPECT_TRUE(names.add("*.example", 2));
    EXPECT_TRUE(names.add("*.b.example", 3));
    EXPECT_EQ(find(names, "a.example"), 1U);
    EXPECT_EQ(find(names, "A.Example"), 1U);
    EXPECT_EQ(find(names, "a.example."), 1U);
    EXPECT_EQ(find(names, "c.example"), 2U);
    EXPECT_EQ(find(names, "x.b.EXAMPLE"), 3U);
    EXPECT_EQ(find(names, "default.example"), 0U);
    // A wildcard stands for one label, and not for none.
    for (const char* other : {"y.x.b.example", "example", ".example", "", "*", ".", "other"})
        EXPECT_EQ(find(names, other), 0U) << other;
}

TEST(TlsNames, TheFirstKeepsAName) {
    TlsNames names;
    EXPECT_TRUE(names.add("a.example", 1));
    EXPECT_FALSE(names.add("a.example", 2));
    EXPECT_EQ(find(names, "a.example"), 1U);
}

TEST(TlsNames, CertificatesMayHaveNamesInAnyForm) {
    TlsNames names;
    EXPECT_TRUE(names.add("A.Example.", 1));
    EXPECT_FALSE(names.add("a.example", 2));
    EXPECT_TRUE(names.add("*.B.example", 3));
    EXPECT_FALSE(names.add("*.b.example", 4));
    EXPECT_EQ(find(names, "a.example"), 1U);
    EXPECT_EQ(find(names, "x.b.example"), 3U);
}

TEST(TlsNames, LongNamesAreNobodys) {
    TlsNames names;
    names.add("*." + std::string(200, 'a'), 1);
    EXPECT_EQ(find(names, "x." + std::string(200, 'a')), 1U);
    for (std::size_t size : {254U, 255U, 256U, 257U, 70'000U})
        EXPECT_EQ(find(names, std::string(size, 'x') + "." + std::string(200, 'a')), 0U);
}

} // namespace
} // namespace gatehouse::host
