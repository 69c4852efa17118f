// The record of a connection that has ended, field by field.
#include "serving/access_log.hpp"

#include "connection/id_text.hpp"
#include "recorded_log.hpp"
#include "socket_address.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace gatehouse::host {
namespace {

const SocketAddress peer = address_of("192.0.2.1", 1000);

std::string record_of(const Closed& closed) {
    RecordedLog recorded;
    log_closed(recorded.log, closed);
    const std::vector<std::string> records = recorded.records();
    EXPECT_EQ(records.size(), 1U);
    return records.empty() ? "" : records.front();
}

TEST(AccessLog, APlainConnectionHasNoOptionalFields) {
    EXPECT_EQ(record_of({.listener = "echo", .peer = peer, .reason = Reason::done, .in = 5, .out = 7, .duration = 1'234'999}),
              R"("message":"closed","listener":"echo","peer":"192.0.2.1:1000","in":5,"out":7,"ms":1.234,"reason":"done"})");
}

// The listener's name, and which of its connections: the generation and the slot.
TEST(AccessLog, TheIdIsTheFirstField) {
    const std::uint64_t id = (std::uint64_t{0x2a} << 32U) | (std::uint64_t{7} << ConnectionSlots::slot_bits) | 0x1bU;
    EXPECT_TRUE(record_of({.listener = "web", .peer = peer, .reason = Reason::done, .id = id})
                    .starts_with(R"("message":"closed","id":"web-2a0001b","listener":"web",)"));
    const std::string longest(300, 'n');
    EXPECT_EQ(id_text(longest, ~std::uint64_t{0}).view(), std::string(64, 'n') + "-fffffffffffff");
}

TEST(AccessLog, ARefusedOneHasPeerAndReason) {
    EXPECT_EQ(
        record_of({.listener = "echo", .peer = peer, .reason = Reason::denied_acl}),
        R"("message":"closed","listener":"echo","peer":"192.0.2.1:1000","in":0,"out":0,"ms":0.000,"reason":"denied_acl"})");
}

TEST(AccessLog, EveryFieldThatThereIs) {
    const SocketAddress upstream = address_of("::1", 8080);
    const Proxied proxied{address_of("10.0.0.1", 4711), peer, address_of("198.51.100.2", 443), "a-b-c", "a.example", "h2"};
    EXPECT_EQ(
        record_of({.listener = "web",
                   .peer = peer,
                   .reason = Reason::upstream_closed,
                   .plugin = "gateway",
                   .proxied = &proxied,
                   .upstream = &upstream,
                   .tls = "TLSv1.3",
                   .user = "ann \"x\"\n",
                   .in = 18'446'744'073'709'551'615U,
                   .out = 1,
                   .duration = 3'600'000'000'000}),
        R"("message":"closed","listener":"web","plugin":"gateway","peer":"192.0.2.1:1000",)"
        R"("transport_peer":"10.0.0.1:4711","unique_id":"a-b-c","user":"ann \"x\"\u000a","upstream":"[::1]:8080","tls":"TLSv1.3",)"
        R"("in":18446744073709551615,"out":1,"ms":3600000.000,"reason":"upstream_closed"})");
}

// Each optional field is there alone, too.
TEST(AccessLog, OptionalFieldsDoNotDependOnEachOther) {
    const auto has = [](const std::string& record, std::string_view key) {
        return record.find('"' + std::string(key) + "\":") != std::string::npos;
    };
    const SocketAddress upstream = address_of("127.0.0.1", 1);
    const Proxied proxied{address_of("10.0.0.1", 4711), peer, peer, "", "", ""};
    const Proxied named{address_of("10.0.0.1", 4711), peer, peer, "x", "", ""};
    struct Case {
        Closed closed;
        std::vector<std::string_view> keys;
    };
    const std::vector<Case> cases{
        {{.listener = "a", .peer = peer, .reason = Reason::done, .plugin = "p"}, {"plugin"}},
        {{.listener = "a", .peer = peer, .reason = Reason::done, .proxied = &proxied}, {"transport_peer"}},
        {{.listener = "a", .peer = peer, .reason = Reason::done, .proxied = &named}, {"transport_peer", "unique_id"}},
        {{.listener = "a", .peer = peer, .reason = Reason::done, .upstream = &upstream}, {"upstream"}},
        {{.listener = "a", .peer = peer, .reason = Reason::done, .tls = "TLSv1.2"}, {"tls"}},
        {{.listener = "a", .peer = peer, .reason = Reason::done, .user = "ann"}, {"user"}},
    };
    for (const Case& one : cases) {
        const std::string record = record_of(one.closed);
        for (const std::string_view key : {"plugin", "transport_peer", "unique_id", "upstream", "tls", "user"})
            EXPECT_EQ(has(record, key), std::find(one.keys.begin(), one.keys.end(), key) != one.keys.end()) << key << record;
    }
}

// A proxy says the unique_id: up to 128 bytes of its choice.
TEST(AccessLog, HostileBytesStayOneRecordOfOneLine) {
    Proxied proxied{address_of("10.0.0.1", 4711), peer, peer, "", "", ""};
    RecordedLog recorded;
    proxied.unique_id = "\"}\n{\"message\":\"closed\",\"reason\":\"done\"}\r\n";
    log_closed(recorded.log, {.listener = "a", .peer = peer, .reason = Reason::no_match, .proxied = &proxied});
    std::string every;
    for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
    for (const std::size_t half : {0U, 128U}) {
        proxied.unique_id = every.substr(half, 128);
        log_closed(recorded.log, {.listener = "a", .peer = peer, .reason = Reason::no_match, .proxied = &proxied});
    }
    const std::vector<std::string> records = recorded.records();
    ASSERT_EQ(records.size(), 3U);
    EXPECT_NE(records[0].find(R"("unique_id":"\"}\u000a{\"message\":\"closed\",\"reason\":\"done\"}\u000d\u000a")"),
              std::string::npos)
        << records[0];
    for (const std::string& record : records) {
        EXPECT_TRUE(record.ends_with(R"("reason":"no_match"})")) << record;
        EXPECT_TRUE(std::none_of(record.begin(), record.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
            << record;
    }
}

} // namespace
} // namespace gatehouse::host
