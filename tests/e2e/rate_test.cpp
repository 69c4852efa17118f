// min_rate: who sends a request or takes an answer too slowly is cut off, and who rests is not.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <thread>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

const std::string a_thousand = "min_rate = 1000\nmin_rate_window = \"1s\"";

std::string http_in(const TempDir& folder, const std::string& more) {
    return "[plugins.http]\nconfig = { root = \"" + folder.path().string() + "\" }\n" + listener("http", "http", more);
}

// Sends a byte at a time until the host has had enough; returns how long that took.
std::chrono::milliseconds drip(Client& client, std::string_view bytes) {
    const auto begin = Clock::now();
    try {
        for (std::size_t i = 0; !client.readable(100ms) && Clock::now() - begin < patience; ++i)
            client.send(bytes.substr(i % bytes.size(), 1));
    } catch (const std::system_error&) { // it is closed
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
}

// http parks between the bytes: no thread is held, and still the request has to come.
TEST(SlowRate, ARequestThatDripsIsCutOff) {
    const TempDir folder;
    Gatehouse host(http_in(folder, a_thousand));
    Client client(host.port("http"));
    const std::chrono::milliseconds time = drip(client, "GET / HTTP/1.1\r\nHost: localhost and so on without an end");
    EXPECT_GE(time, 900ms);
    EXPECT_LT(time, 5s);
    EXPECT_EQ(client.rest().bytes.substr(0, 12), "HTTP/1.1 408");
    EXPECT_EQ(host.wait_for_closed("http")["reason"], "too_slow");
}

// discard reads on and on, and never answers.
TEST(SlowRate, ARequestThatStallsIsCutOff) {
    Gatehouse host(listener("discard", "discard", a_thousand));
    Client client(host.port("discard"));
    client.send("and then nothing");
    client.rest();
    EXPECT_EQ(host.wait_for_closed("discard")["reason"], "too_slow");
}

TEST(SlowRate, ARequestAtTheRateIsNot) {
    Gatehouse host(listener("discard", "discard", a_thousand));
    Client client(host.port("discard"));
    for (int i = 0; i < 30; ++i) {
        client.send(std::string(300, 'x'));
        ASSERT_FALSE(client.readable(100ms)) << "closed after " << i;
    }
    client.close();
    EXPECT_EQ(host.wait_for_closed("discard")["reason"], "peer_closed");
}

TEST(SlowRate, WhoRestsBetweenRequestsIsNot) {
    const TempDir folder;
    folder.write("index.html", "hello");
    Gatehouse host(http_in(folder, a_thousand) + listener("echo", "echo", a_thousand));
    Client client(host.port("http"));
    Client echo(host.port("echo"));
    for (int i = 0; i < 2; ++i) {
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.recv_until("hello");
        echo.send("x");
        EXPECT_EQ(echo.recv_exactly(1), "x");
        EXPECT_FALSE(client.readable(1500ms)) << "closed while it rested";
    }
    client.close();
    echo.close();
    EXPECT_EQ(host.wait_for_closed("http")["reason"], "peer_closed");
    EXPECT_EQ(host.wait_for_closed("echo")["reason"], "peer_closed");
}

TEST(SlowRate, WhoDoesNotTakeTheAnswerIsCutOff) {
    Gatehouse host(listener("chargen", "chargen", a_thousand));
    const Client client(host.port("chargen"));
    EXPECT_EQ(host.wait_for_closed("chargen")["reason"], "too_slow");
}

// The kernel keeps megabytes for a slow reader, and says that there is room again only when much of it has gone: what counts is
// what the client has taken, not how often the host could go on.
TEST(SlowRate, WhoTakesTheAnswerAtTheRateIsNot) {
    Gatehouse host(listener("chargen", "chargen", "send_buffer = \"1MiB\"\nmin_rate = \"20KiB\"\nmin_rate_window = \"2s\""));
    Client client(host.port("chargen"));
    for (int i = 0; i < 60; ++i) {
        client.recv_exactly(10'000);
        std::this_thread::sleep_for(100ms); // a slow reader, not a wait for a state
    }
    EXPECT_EQ(host.status("chargen")["open"], "1");
}

} // namespace
