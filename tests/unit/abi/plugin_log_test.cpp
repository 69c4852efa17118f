// What a plugin's line becomes in the host's log.
#include "abi/host_table.hpp"
#include "connection/connection.hpp"
#include "plugin/test_facilities.hpp"
#include "plugin/text.hpp"
#include "recorded_log.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace gatehouse::host {
namespace {

gatehouse_field field(std::string_view name, gatehouse_type type, std::int64_t number, std::string_view text = {}) {
    return {str(name), {type, 0, number, str(text)}};
}

class PluginLog : public ::testing::Test {
  protected:
    std::string line(const std::vector<gatehouse_field>& fields, gatehouse_conn* conn = nullptr) {
        host_table.log(&instance_, conn, GATEHOUSE_LEVEL_WARNING, str("seen\n"), fields.data(), fields.size(),
                       sizeof(gatehouse_field));
        const std::vector<std::string> records = recorded_.records();
        return records.empty() ? "" : records.back();
    }

    RecordedLog recorded_;
    TestFacilities host_;
    const Facilities facilities_{host_table,
                                 recorded_.log,
                                 host_.drain,
                                 host_.resolver,
                                 host_.lookups,
                                 host_.background,
                                 host_.watches,
                                 host_.shortages,
                                 {},
                                 {},
                                 {},
                                 {},
                                 {},
                                 {},
                                 {},
                                 {},
                                 {}};
    gatehouse_instance instance_{"test", facilities_, nullptr, true};
};

TEST_F(PluginLog, EachTypeHasItsForm) {
    EXPECT_EQ(line({field("text", GATEHOUSE_TYPE_TEXT, 0, "a \"b\"\r\n"), field("state", GATEHOUSE_TYPE_STATE, 0, "up"),
                    field("number", GATEHOUSE_TYPE_NUMBER, -3), field("size", GATEHOUSE_TYPE_BYTES, 4096),
                    field("took", GATEHOUSE_TYPE_SECONDS, 1'234'567), field("at", GATEHOUSE_TYPE_TIME, 1)}),
              R"("message":"seen\u000a","plugin":"test","text":"a \"b\"\u000d\u000a","state":"up","number":-3,"size":4096,)"
              R"("took":1.235,"at":"1970-01-01T00:00:00.001Z"})");
}

TEST_F(PluginLog, AConnectionsLineHasItsId) {
    const ListenerConfig config = [] {
        ListenerConfig made;
        made.name = "web";
        return made;
    }();
    Connection client(1);
    client.is_client = true;
    client.id = 0x27;
    alignas(64) std::byte room[sizeof(ListenerShare)]; // as a Pool is, which nobody looks into
    const auto* const share = new (room) ListenerShare{config, reinterpret_cast<Pool&>(room), host_.drain};
    client.listener.store(share);
    EXPECT_EQ(line({}, &client), R"("message":"seen\u000a","plugin":"test","id":"web-27"})");
}

TEST_F(PluginLog, WhatIsNoFieldIsLeftOut) {
    const std::string bare = R"("message":"seen\u000a","plugin":"test"})";
    EXPECT_EQ(line({}), bare);
    for (const std::string& name : {std::string(), std::string("a\"b"), std::string("A"), std::string("id"), std::string("seq"),
                                    std::string("plugin"), std::string(33, 'a')})
        EXPECT_EQ(line({field(name, GATEHOUSE_TYPE_NUMBER, 1)}), bare) << name;
    EXPECT_EQ(line({field("a", GATEHOUSE_TYPE_NONE, 1), field("b", 99, 1)}), bare);
    std::vector<gatehouse_field> many(17, field("n", GATEHOUSE_TYPE_TIME, 0));
    many.back() = field("last", GATEHOUSE_TYPE_NUMBER, 1);
    const std::string record = line(many);
    EXPECT_EQ(record.find("last"), std::string::npos) << record;
}

} // namespace
} // namespace gatehouse::host
