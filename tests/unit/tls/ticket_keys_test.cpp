#include "tls/ticket_keys.hpp"

#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds lifetime = 1000;

TEST(TicketKeys, OneKeyForItsLifetime) {
    TicketKeys keys(lifetime);
    const auto first = keys.current(5);
    const auto same = keys.current(1004);
    const auto next = keys.current(1005);
    ASSERT_TRUE(first && same && next);
    EXPECT_EQ(first->name, same->name);
    EXPECT_EQ(first->cipher, same->cipher);
    EXPECT_EQ(first->mac, same->mac);
    EXPECT_NE(first->name, next->name);
    EXPECT_NE(first->cipher, next->cipher);
    EXPECT_NE(first->mac, next->mac);
}

TEST(TicketKeys, ThePreviousKeyIsAcceptedForAsLongAgain) {
    TicketKeys keys(lifetime);
    const auto first = keys.current(0);
    bool renew = true;
    EXPECT_EQ(keys.find(first->name, 999, renew)->cipher, first->cipher);
    EXPECT_FALSE(renew);
    // The ticket itself makes the keys change, if nothing else has.
    EXPECT_EQ(keys.find(first->name, 1000, renew)->cipher, first->cipher);
    EXPECT_TRUE(renew);
    EXPECT_EQ(keys.find(first->name, 1999, renew)->cipher, first->cipher);
    EXPECT_FALSE(keys.find(first->name, 2000, renew));
}

TEST(TicketKeys, AfterALongSilenceNoOldKeyIsAccepted) {
    TicketKeys keys(lifetime);
    const auto first = keys.current(0);
    bool renew = false;
    EXPECT_FALSE(keys.find(first->name, 2000, renew));
    EXPECT_FALSE(keys.find(first->name, 2001, renew));
}

TEST(TicketKeys, UnknownNamesFindNothing) {
    TicketKeys keys(lifetime);
    bool renew = false;
    std::array<unsigned char, 16> name{};
    EXPECT_FALSE(keys.find(name, 0, renew)); // before there is any key: an all-zero name must not fit an empty one
    keys.current(0);
    EXPECT_FALSE(keys.find(name, 1, renew));
}

TEST(TicketKeyRingTest, KeysStayWithTheirName) {
    TicketKeyRing ring;
    const std::shared_ptr<TicketKeys> first = ring.keys_of("web", 1000);
    EXPECT_EQ(ring.keys_of("web", 1000), first);
    EXPECT_NE(ring.keys_of("mail", 1000), first);
    EXPECT_NE(ring.keys_of("web", 2000), first); // another lifetime: sessions must not outlive what the file says
}

TEST(TicketKeys, AnotherProcessGoesOnWithThem) {
    TicketKeyRing ring;
    const std::shared_ptr<TicketKeys> keys = ring.keys_of("web", lifetime);
    EXPECT_TRUE(ring.save().empty()); // there are none yet
    const auto first = keys->current(0);
    for (const Nanoseconds now : {Nanoseconds{500}, Nanoseconds{1500}}) { // with one key, and with two
        const auto current = keys->current(now);
        TicketKeyRing next;
        for (const auto& [name, text] : ring.save()) next.restore(name, text);
        const std::shared_ptr<TicketKeys> restored = next.keys_of("web", lifetime);
        bool renew = false;
        EXPECT_EQ(restored->current(now)->cipher, current->cipher);
        EXPECT_EQ(restored->find(first->name, now, renew)->mac, first->mac);
        EXPECT_EQ(restored->save(), keys->save());
        EXPECT_NE(next.keys_of("web", 2 * lifetime), restored); // another lifetime, other keys
    }
    const std::string text = keys->save();
    for (std::size_t size = 0; size < text.size(); ++size) {
        const bool first_key_alone = size + 161 == text.size();
        EXPECT_EQ(TicketKeys::restore(text.substr(0, size)) != nullptr, first_key_alone) << size;
    }
    EXPECT_EQ(TicketKeys::restore("-1" + text), nullptr);
    EXPECT_EQ(TicketKeys::restore(text + "0"), nullptr);
}

} // namespace
} // namespace gatehouse::host
