// The users: passwords and hashes by themselves.
#include "../users.hpp"

#include <gtest/gtest.h>

using namespace passwords;

namespace {

// "secret" as `mkpasswd -m METHOD` and `htpasswd -B` make it.
const std::string sha512 =
    "$6$gatehouse$GSnONsjQJOzU/Dx8WEiyzHZECCHKRxsU.Z71c1.HBSQ0iD80SKAMj2sNfiDDu/flZ/4AEuSEJonK9bkKidZpH0";
const std::string yescrypt = "$y$j75$F5Jx5fExrKuPp53xLKQ..1$l5YiXCKNY/N9ezall4xjJAFS/wg.kWVcFXfOzyxVn1.";
const std::string bcrypt = "$2y$04$hvmEVqjma7DSKl0lo.b7BuMWMqJtuXNuhB3yhWB5QxobVUK64nyRe";

TEST(Users, HavePasswords) {
    Users users;
    EXPECT_TRUE(users.empty());
    EXPECT_FALSE(users.verify("", ""));
    EXPECT_EQ(users.add_password("ann", "secret"), "");
    EXPECT_EQ(users.add_password("bob", std::string("a\0b", 3)), "");
    EXPECT_FALSE(users.empty());
    EXPECT_TRUE(users.verify("ann", "secret"));
    EXPECT_TRUE(users.verify("bob", std::string("a\0b", 3)));
    for (const std::string bad : {"", "s", "secre", "secret ", "Secret", "secretsecret"})
        EXPECT_FALSE(users.verify("ann", bad)) << bad;
    EXPECT_FALSE(users.verify("bob", "a"));
    EXPECT_FALSE(users.verify("bob", "secret"));
    EXPECT_FALSE(users.verify("eve", "secret")) << "the first user's password";
}

TEST(Users, HaveHashes) {
    for (const std::string& hash : {sha512, yescrypt, bcrypt}) {
        Users users;
        EXPECT_EQ(users.add_hash("ann", hash), "") << hash;
        EXPECT_TRUE(users.verify("ann", "secret")) << hash;
        EXPECT_FALSE(users.verify("ann", "Secret"));
        EXPECT_FALSE(users.verify("ann", ""));
        EXPECT_FALSE(users.verify("ann", std::string("secret\0", 7)));
        EXPECT_FALSE(users.verify("ann", hash));
        EXPECT_FALSE(users.verify("eve", "secret"));
    }
}

TEST(Users, ComeFromTheLinesOfAFile) {
    Users users;
    EXPECT_EQ(users.add_lines("# who may\n\nann:" + sha512 + "\nbob:" + bcrypt + ":19000:0:99999:7:::"), "");
    EXPECT_TRUE(users.verify("ann", "secret"));
    EXPECT_TRUE(users.verify("bob", "secret"));
    EXPECT_EQ(users.add_lines("\ncarl"), "line 2: expected \"name:hash\"");
    EXPECT_EQ(users.add_lines("ann:" + sha512), "line 1: the user \"ann\" appears twice");
}

// A password where a hash is expected must not pass for one.
TEST(Users, RefuseWhatIsNoHash) {
    for (const std::string bad : {"", "secret", "*", "!", "$", "$apr1$salt$hash", "{SHA}abc", "$9$x"}) {
        Users users;
        EXPECT_EQ(users.add_hash("ann", bad),
                  "the hash of \"ann\" is not one that crypt(3) knows (expected one such as \"$y$...\" or \"$2b$...\")")
            << bad;
    }
}

TEST(Users, RefuseWhatFitsNoMessage) {
    Users users;
    EXPECT_EQ(users.add_password("", "x"), "a user's name has 1 to 255 bytes");
    EXPECT_EQ(users.add_password(std::string(256, 'n'), "x"), "a user's name has 1 to 255 bytes");
    EXPECT_EQ(users.add_password("ann", ""), "a password has 1 to 255 bytes");
    EXPECT_EQ(users.add_password("ann", std::string(256, 'p')), "a password has 1 to 255 bytes");
    EXPECT_EQ(users.add_password(std::string(255, 'n'), std::string(255, 'p')), "");
    EXPECT_TRUE(users.verify(std::string(255, 'n'), std::string(255, 'p')));
}

} // namespace
