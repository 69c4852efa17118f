#include "handover/message.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

TEST(HandoverMessage, ComesBackAsItWasSent) {
    const HandoverMessage::Fields fields{{"key", "127.0.0.1:80"}, {"key", "unix:/run/a=b\n"}, {"empty", ""}};
    const std::optional<HandoverMessage> read = parse_handover(handover_bytes("sockets", fields));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->what, "sockets");
    EXPECT_EQ(read->fields, fields);
    EXPECT_EQ(read->value("key"), "127.0.0.1:80");
    EXPECT_EQ(read->value("other"), "");
}

TEST(HandoverMessage, WhatIsNoneIsRefused) {
    const std::string good = handover_bytes("ready", {{"pid", "812"}});
    for (std::size_t size = 0; size < good.size(); ++size) {
        const bool whole_text = size == handover_bytes("ready").size(); // a message without the field
        EXPECT_EQ(parse_handover(good.substr(0, size)).has_value(), whole_text) << size;
    }
    using namespace std::string_literals;
    for (const std::string& bad : {"gatehouse 2\0ready\0"s, "gatehouse 1\0\0"s, "gatehouse 1\0ready\0nothing\0"s,
                                   std::string(HandoverMessage::most_bytes + 1, '\0')})
        EXPECT_FALSE(parse_handover(bad));
    EXPECT_THROW(handover_bytes("x", {{"key", "a\0b"s}}), std::length_error);
    EXPECT_THROW(handover_bytes("x", {{"key", std::string(HandoverMessage::most_bytes, 'x')}}), std::length_error);
}

unsigned open_descriptors() {
    unsigned count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
}

TEST(HandoverMessage, DescriptorsGoAlongAndAreClosedWithIt) {
    const auto [one, two] = handover_channel();
    const unsigned before = open_descriptors();
    std::array<int, HandoverMessage::most_descriptors + 1> many{};
    many.fill(one.get());
    int error = 0;
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, HandoverMessage::most_descriptors}) {
        ASSERT_EQ(send_handover(one.get(), handover_bytes("sockets"), {many.data(), count}), 0);
        std::optional<HandoverMessage> message = receive_handover(two.get(), error);
        ASSERT_TRUE(message);
        EXPECT_EQ(message->descriptors.size(), count);
        for (const Descriptor& each : message->descriptors) EXPECT_EQ(::fcntl(each.get(), F_GETFD), FD_CLOEXEC);
    }
    EXPECT_EQ(send_handover(one.get(), handover_bytes("sockets"), many), EMSGSIZE);
    ASSERT_EQ(send_handover(one.get(), "nonsense", {many.data(), 3}), 0);
    EXPECT_FALSE(receive_handover(two.get(), error));
    EXPECT_EQ(error, EPROTO);
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_FALSE(receive_handover(two.get(), error));
    EXPECT_EQ(error, EAGAIN);
}

TEST(HandoverMessage, AFullChannelAndTheEndAreSaid) {
    auto [one, two] = handover_channel();
    int error = 0;
    while (error == 0) error = send_handover(one.get(), std::string(10000, 'x'));
    EXPECT_EQ(error, EAGAIN);
    two.reset();
    EXPECT_EQ(send_handover(one.get(), handover_bytes("go")), EPIPE);
    EXPECT_FALSE(receive_handover(one.get(), error));
    EXPECT_EQ(error, EPIPE);
}

// That the other side has left something unread is said before what it has sent, and must not stand for its end.
TEST(HandoverMessage, WhatWasSentBeforeTheEndIsReadAfterAll) {
    auto [one, two] = handover_channel();
    ASSERT_EQ(send_handover(two.get(), handover_bytes("ready")), 0); // nobody reads it
    ASSERT_EQ(send_handover(one.get(), handover_bytes("cancel")), 0);
    one.reset();
    int error = 0;
    const std::optional<HandoverMessage> message = receive_handover(two.get(), error);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->what, "cancel");
    EXPECT_FALSE(receive_handover(two.get(), error));
    EXPECT_EQ(error, EPIPE);
}

} // namespace
} // namespace gatehouse::host
