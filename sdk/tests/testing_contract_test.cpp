// The test kit notices a plugin that breaks the contract of gatehouse.h. Each plugin here breaks one rule.
#include <gatehouse/plugin.hpp>
#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace gatehouse::kit;

namespace {

const gatehouse_host* host = nullptr;
gatehouse_instance* instance = nullptr;
std::function<gatehouse_next(gatehouse_conn*)> script; // what serve() does in the test that runs
std::function<void()> at_create;
std::function<void()> at_destroy;

gatehouse_status create(const gatehouse_host* table, gatehouse_instance* me, const gatehouse_config*, void**) noexcept {
    host = table;
    instance = me;
    if (at_create) at_create();
    return GATEHOUSE_OK;
}
gatehouse_next serve(void*, gatehouse_conn* conn) noexcept { return script(conn); }
void destroy(void*) noexcept {
    if (at_destroy) at_destroy();
}

gatehouse_plugin plugin = [] {
    gatehouse_plugin made{};
    made.size = sizeof made;
    made.abi_major = GATEHOUSE_ABI_MAJOR;
    made.needs_minor = GATEHOUSE_NEEDS_MINOR;
    made.name = {"breaker", 7};
    made.version = {"1.0.0", 5};
    made.create = create;
    made.serve = serve;
    made.destroy = destroy;
    return made;
}();

gatehouse_status read_some(gatehouse_conn* conn) {
    char buffer[64];
    std::size_t size = 0;
    return host->read(conn, buffer, sizeof buffer, &size);
}

gatehouse_status write_x(gatehouse_conn* conn) {
    const gatehouse_bytes part{"x", 1};
    return host->write(conn, &part, 1);
}

void log_fields(const std::vector<gatehouse_field>& fields) {
    host->log(instance, nullptr, GATEHOUSE_LEVEL_INFO, {"fine", 4}, fields.data(), fields.size(), sizeof(gatehouse_field));
}

const void* find(std::string_view id) { return host->get_extension(instance, {id.data(), id.size()}); }

// The violation that the test kit finds when it serves one connection this way; empty if there is none.
std::string blame(std::function<gatehouse_next(gatehouse_conn*)> serve_this, const Circumstances& circumstances = {}) {
    script = std::move(serve_this);
    Plugin breaker;
    try {
        breaker.serve({"hello"}, circumstances);
        return "";
    } catch (const ContractViolation& violation) {
        return violation.what();
    }
}

} // namespace

extern "C" const gatehouse_plugin* gatehouse_plugin_v1() noexcept { return &plugin; }

TEST(TestingContract, ARightPluginIsNotBlamed) {
    EXPECT_EQ(blame([](gatehouse_conn* conn) {
                  read_some(conn);
                  write_x(conn);
                  host->finish(conn);
                  return GATEHOUSE_NEXT_CLOSE;
              }),
              "");
}

TEST(TestingContract, CreateHasNoEffects) {
    int ends[2] = {-1, -1};
    std::thread left;
    const auto blame_create = [](std::function<void()> does) -> std::string {
        at_create = std::move(does);
        try {
            const Plugin breaker;
            at_create = nullptr;
            return "";
        } catch (const ContractViolation& violation) {
            at_create = nullptr;
            return violation.what();
        }
    };
    EXPECT_EQ(blame_create([&] { ASSERT_EQ(::pipe(ends), 0); }), "create() has left a descriptor behind: only start() may");
    std::promise<void> ends_now;
    EXPECT_EQ(blame_create([&] { left = std::thread([&] { ends_now.get_future().wait(); }); }),
              "create() has left a thread behind: only start() may");
    ends_now.set_value();
    left.join();
    for (const int end : ends) ::close(end);
    EXPECT_EQ(blame_create([] {
                  ::close(::dup(0));
                  std::thread([] {}).join();
              }),
              "");
}

// A connection is served by whichever thread is free.
TEST(TestingContract, EachCallComesOnAnotherThread) {
    std::vector<std::thread::id> threads;
    script = [&](gatehouse_conn* conn) {
        threads.push_back(std::this_thread::get_id());
        read_some(conn);
        return GATEHOUSE_NEXT_PARK;
    };
    Plugin breaker;
    breaker.connect().say({"hello"});
    ASSERT_EQ(threads.size(), 1);
    EXPECT_NE(threads[0], std::this_thread::get_id());
}

TEST(TestingContract, ReadNeedsRoom) {
    EXPECT_EQ(blame([](gatehouse_conn* conn) {
                  char buffer = 0;
                  std::size_t size = 0;
                  host->read(conn, &buffer, 0, &size);
                  return GATEHOUSE_NEXT_CLOSE;
              }),
              "read() into a buffer without room");
}

TEST(TestingContract, NothingIsWrittenAfterAFailedWrite) {
    EXPECT_EQ(blame(
                  [](gatehouse_conn* conn) {
                      EXPECT_EQ(write_x(conn), GATEHOUSE_RESET);
                      write_x(conn);
                      return GATEHOUSE_NEXT_CLOSE;
                  },
                  {.write_limit = 0}),
              "write() after a write that failed");
}

TEST(TestingContract, NothingIsReadWhileAClientShakesHands) {
    static const std::string section = "web";
    const auto& web = reinterpret_cast<const gatehouse_tls_server&>(section);
    const auto begin = [&web](gatehouse_conn* conn) {
        read_some(conn);
        EXPECT_EQ(static_cast<const gatehouse_tls_v1*>(find(GATEHOUSE_EXT_TLS))->accept_tls_now(conn, &web, 0),
                  GATEHOUSE_AGAIN);
    };
    EXPECT_EQ(blame([&](gatehouse_conn* conn) {
                  begin(conn);
                  EXPECT_EQ(read_some(conn), GATEHOUSE_INVALID);
                  return GATEHOUSE_NEXT_CLOSE;
              }),
              "read(): accept_tls() is not over, or has failed");
    EXPECT_EQ(blame([&](gatehouse_conn* conn) {
                  begin(conn);
                  EXPECT_EQ(static_cast<const gatehouse_tls_v1*>(find(GATEHOUSE_EXT_TLS))->accept_tls(conn, &web, 0),
                            GATEHOUSE_INVALID);
                  return GATEHOUSE_NEXT_CLOSE;
              }),
              "accept_tls() with a client that has TLS, or after finish() or relay_some()");
}

TEST(TestingContract, NothingIsWrittenAfterFinish) {
    EXPECT_EQ(blame([](gatehouse_conn* conn) {
                  host->finish(conn);
                  write_x(conn);
                  return GATEHOUSE_NEXT_CLOSE;
              }),
              "write() after finish()");
}

TEST(TestingContract, ParkingReadsFirst) {
    EXPECT_EQ(blame([](gatehouse_conn*) { return GATEHOUSE_NEXT_PARK; }),
              "serve() parked without reading what has arrived: the host would call it again at once, for ever");
}

TEST(TestingContract, AnotherConnectionIsNotTouched) {
    gatehouse_conn* first = nullptr;
    script = [&first](gatehouse_conn* conn) -> gatehouse_next {
        if (first == nullptr) first = conn;
        read_some(conn);
        if (conn != first) write_x(first);
        return GATEHOUSE_NEXT_PARK;
    };
    Plugin breaker;
    Client one = breaker.connect();
    one.say({"x"});
    Client two = breaker.connect();
    EXPECT_THROW(two.say({"x"}), ContractViolation);
    EXPECT_EQ(one.heard(), "");
}

TEST(TestingContract, AnotherThreadDoesNotTouchTheConnection) {
    EXPECT_EQ(blame([](gatehouse_conn* conn) {
                  std::thread([conn] { write_x(conn); }).join();
                  return GATEHOUSE_NEXT_CLOSE;
              }),
              "write(): another thread serves this connection");
}

TEST(TestingContract, ResultsAreOfTheList) {
    EXPECT_EQ(blame([](gatehouse_conn*) { return 7; }), "serve() returned 7, which is not a gatehouse_next");
    EXPECT_EQ(blame([](gatehouse_conn*) { return GATEHOUSE_NEXT_RELAY; }),
              "serve() returned GATEHOUSE_NEXT_RELAY without relay()");
}

// create() asks for its configuration only.
TEST(TestingContract, NothingBeginsBeforeStart) {
    static void (*asks)() = nullptr;
    const gatehouse_plugin right = plugin;
    plugin.create = [](const gatehouse_host* table, gatehouse_instance* me, const gatehouse_config*,
                       void**) noexcept -> gatehouse_status {
        host = table;
        instance = me;
        asks();
        return GATEHOUSE_OK;
    };
    const auto blame = [](void (*ask)()) -> std::string {
        asks = ask;
        try {
            const Plugin breaker;
            return "";
        } catch (const ContractViolation& violation) {
            return violation.what();
        }
    };
    EXPECT_EQ(blame([] { EXPECT_EQ(host->wake(instance, 1), GATEHOUSE_INVALID); }), "wake(): not before start()");
    EXPECT_EQ(blame([] { EXPECT_EQ(host->end(instance, 1, GATEHOUSE_HOW_RESET, 0), GATEHOUSE_INVALID); }),
              "end(): not before start()");
    EXPECT_EQ(blame([] {
                  gatehouse_check_request request{};
                  request.size = sizeof request;
                  gatehouse_check* check = nullptr;
                  const auto* checks = static_cast<const gatehouse_check_v1*>(find(GATEHOUSE_EXT_CHECK));
                  EXPECT_EQ(checks->start(instance, &request, &check), GATEHOUSE_INVALID);
              }),
              "check start(): not before start()");
    EXPECT_EQ(blame([] {
                  gatehouse_watch* watch = nullptr;
                  const auto found = [](void*, const gatehouse_endpoint*, std::size_t, std::size_t, gatehouse_status,
                                        gatehouse_str) noexcept {};
                  const auto* names = static_cast<const gatehouse_discovery_v1*>(find(GATEHOUSE_EXT_DISCOVERY));
                  EXPECT_EQ(names->watch(instance, {"a:1", 3}, found, nullptr, &watch), GATEHOUSE_INVALID);
              }),
              "watch(): not before start()");
    EXPECT_EQ(blame([] { log_fields({}); }), "");
    plugin = right;
}

TEST(TestingContract, ACellIsOfItsColumnsType) {
    static std::vector<gatehouse_column> columns;
    static std::vector<gatehouse_value> cells;
    const gatehouse_plugin right = plugin;
    plugin.get_extension = [](void*, gatehouse_str id) noexcept -> const void* {
        static constexpr gatehouse_control_v2 control{
            sizeof(gatehouse_control_v2),
            0,
            nullptr,
            0,
            sizeof(gatehouse_command),
            [](void*, const gatehouse_str*, std::size_t, const gatehouse_answer* to) noexcept -> gatehouse_status {
                to->columns(to->context, columns.data(), columns.size(), sizeof(gatehouse_column));
                to->row(to->context, cells.data(), cells.size(), sizeof(gatehouse_value));
                return GATEHOUSE_OK;
            }};
        return std::string_view(id.data, id.size) == GATEHOUSE_EXT_CONTROL ? &control : nullptr;
    };
    const auto blame = [](gatehouse_type column, std::vector<gatehouse_value> row) -> std::string {
        columns = {{{"much", 4}, column, 0, {}}};
        cells = std::move(row);
        Plugin breaker;
        try {
            breaker.command({"show"});
            return "";
        } catch (const ContractViolation& violation) {
            return violation.what();
        }
    };
    const gatehouse_value number{GATEHOUSE_TYPE_NUMBER, 0, 5, {}};
    EXPECT_EQ(blame(GATEHOUSE_TYPE_NUMBER, {number}), "");
    EXPECT_EQ(blame(GATEHOUSE_TYPE_NUMBER, {{GATEHOUSE_TYPE_NONE, 0, 0, {}}}), "");
    EXPECT_EQ(blame(GATEHOUSE_TYPE_BYTES, {number}), "a cell of column much is of another type than its column");
    EXPECT_TRUE(blame(GATEHOUSE_TYPE_NONE, {number}).starts_with("column much of an answer has no type"));
    EXPECT_EQ(blame(GATEHOUSE_TYPE_NUMBER, {number, number}), "a row has more or fewer cells than there are columns");
    plugin = right;
}

TEST(TestingContract, FieldsOfTheLogHaveNamesOfTheirOwn) {
    const auto blame_name = [](std::string_view name) {
        return blame([name](gatehouse_conn* conn) {
            read_some(conn);
            log_fields({{{name.data(), name.size()}, {GATEHOUSE_TYPE_NUMBER, 0, 5, {}}}});
            return GATEHOUSE_NEXT_CLOSE;
        });
    };
    for (const char* good : {"a", "size_2", "peer"}) EXPECT_EQ(blame_name(good), "");
    for (const char* bad : {"", "Size", "a-b", "id", "plugin", "level", "a_name_of_more_than_32_characters_"})
        EXPECT_NE(blame_name(bad), "") << bad;
    EXPECT_EQ(blame([](gatehouse_conn* conn) {
                  read_some(conn);
                  log_fields(std::vector<gatehouse_field>(17));
                  return GATEHOUSE_NEXT_CLOSE;
              }),
              "log() with more than 16 fields");
}

TEST(TestingContract, UpstreamConnectionsAreClosed) {
    script = [](gatehouse_conn* conn) -> gatehouse_next {
        const auto* upstream = static_cast<const gatehouse_upstream_v1*>(
            host->get_extension(instance, {GATEHOUSE_EXT_UPSTREAM, sizeof GATEHOUSE_EXT_UPSTREAM - 1}));
        gatehouse_connect_request request{};
        request.size = sizeof request;
        request.address = {"db:1", 4};
        request.milliseconds = 10;
        gatehouse_conn* server = nullptr;
        EXPECT_EQ(upstream->connect(conn, &request, &server), GATEHOUSE_OK);
        return GATEHOUSE_NEXT_CLOSE;
    };
    Plugin breaker;
    breaker.upstream("db:1", {});
    EXPECT_THROW(breaker.serve({"x"}), ContractViolation);
}

TEST(TestingContract, APluginThatWouldWaitForEverIsBlamed) {
    script = [](gatehouse_conn* conn) -> gatehouse_next {
        while (read_some(conn) == GATEHOUSE_OK) {
        }
        return GATEHOUSE_NEXT_CLOSE;
    };
    Plugin breaker;
    EXPECT_THROW(breaker.connect().say({"x"}), ContractViolation);
}

TEST(TestingContract, APluginThatWakesItselfForEverIsBlamed) {
    script = [](gatehouse_conn* conn) -> gatehouse_next {
        if (host->event(conn) != GATEHOUSE_EVENT_WAKE) read_some(conn);
        host->wake(instance, host->id(conn));
        return GATEHOUSE_NEXT_PARK;
    };
    Plugin breaker;
    EXPECT_THROW(breaker.serve({"x"}), ContractViolation);
}

TEST(TestingContractDeathTest, WhatTheLastHookBreaksIsNotLost) {
    EXPECT_DEATH(
        {
            gatehouse_conn* kept = nullptr;
            script = [&kept](gatehouse_conn* conn) {
                kept = conn;
                return GATEHOUSE_NEXT_CLOSE;
            };
            at_destroy = [&kept] { write_x(kept); };
            Plugin breaker;
            breaker.serve({"x"});
        },
        "serve\\(\\) does not run for this connection");
}

TEST(TestingContract, TheTableIsChecked) {
    const gatehouse_plugin right = plugin;
    plugin.flags = 4;
    EXPECT_EQ(Plugin::refusal({}), "the plugin has unknown flags");
    plugin = right;
    plugin.name = {"Breaker", 7};
    EXPECT_EQ(Plugin::refusal({}), "the plugin's name is not made of lower-case letters, digits, '-' and '_'");
    plugin = right;
    plugin.serve = nullptr;
    EXPECT_EQ(Plugin::refusal({}), "the plugin has no serve()");
    plugin = right;
    plugin.needs_minor = GATEHOUSE_ABI_MINOR + 1;
    EXPECT_EQ(Plugin::refusal({}), "the plugin needs another ABI version");
    plugin = right;
}
