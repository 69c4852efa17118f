#include "listen/fd_store.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

TEST(FdStoreName, ComesBackAndIsWhatSystemdTakes) {
    for (const std::string key : {"127.0.0.1:80", "web [::]:0", "unix:/run/a b%3a\n\xff", "unix:@abstract", ""}) {
        const std::string name = stored_name(key);
        EXPECT_TRUE(is_stored_name(name)) << name;
        for (const char c : name) EXPECT_TRUE(c > ' ' && c < 127 && c != ':') << name;
        EXPECT_EQ(key_of_stored(name), key);
    }
    EXPECT_EQ(stored_name(std::string(300, 'x')), "");
    for (const char* const other : {"web", "", "gatehouse", "gatehouse=%", "gatehouse=%4", "gatehouse=%zz"})
        EXPECT_EQ(key_of_stored(other), "") << other;
}

} // namespace
} // namespace gatehouse::host
