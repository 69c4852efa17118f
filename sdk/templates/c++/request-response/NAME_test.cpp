#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

using namespace gatehouse::kit;
using namespace std::chrono_literals;

TEST(Store, AnswersRequestsInTheirOrder) {
    Plugin store;
    EXPECT_EQ(store.serve_every_split("set a x y\r\nget a\nget b\nset\nput a b\nquit\nget a\n"),
              "ok\nok x y\nerror there is no b\nerror expected: set NAME VALUE, get NAME or quit\n"
              "error there is no command put\nok\n");
}

TEST(Store, IsSharedByAllClients) {
    Plugin store;
    Client ann = store.connect(), bob = store.connect();
    ann.say({"set colour blue\n"});
    EXPECT_EQ(bob.say({"get colour\n"}).heard(), "ok blue\n");
}

TEST(Store, EndsAfterQuit) {
    Plugin store;
    EXPECT_EQ(store.serve({"quit\n"}).reason, "done");
}

TEST(Store, HasLimits) {
    Plugin store({{"most", 1}});
    EXPECT_EQ(store.serve({"set a 1\nset b 2\nset a 3\nget a\n"}).output, "ok\nerror the store is full\nok\nok 3\n");
    EXPECT_EQ(store.serve({std::string(1025, 'x')}).error, "a request is longer than 1024 bytes");
    EXPECT_EQ(store.serve({"get", pass(9s), " ", pass(1s), "a\n"}).reason, "deadline");
}
