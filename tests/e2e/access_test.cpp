// Who may connect: by address, by what its source has already, and by what its plugin has.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <random>
#include <sstream>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace gatehouse::support;

namespace {

Client from(const Gatehouse& host, const std::string& source, std::string_view listener = "echo") {
    return Client("127.0.0.1:" + std::to_string(host.port(listener)), source + ":0");
}

bool served(Client& client) {
    client.send("hello");
    return client.recv_exactly(5) == "hello";
}

// Closed without a word; the reason that stands in the log.
std::string reason_of_refusal(Gatehouse& host, Client client, std::string_view listener = "echo") {
    EXPECT_EQ(client.rest().bytes, "");
    const Record closed = host.wait_for_closed(listener, client.local_address());
    EXPECT_EQ(closed["in"] + "/" + closed["out"], "0/0");
    return closed["reason"];
}

TEST(Access, DeniedAddressesAreClosedBeforeThePluginSpeaks) {
    Gatehouse host(listener("daytime", "daytime", "deny = [\"127.0.0.2\", \"127.1.0.0/16\"]")); // its server speaks first
    EXPECT_EQ(reason_of_refusal(host, from(host, "127.0.0.2", "daytime"), "daytime"), "denied_acl");
    EXPECT_EQ(reason_of_refusal(host, from(host, "127.1.2.3", "daytime"), "daytime"), "denied_acl");
    EXPECT_NE(from(host, "127.0.0.1", "daytime").recv_until_eof(), "");
    const Record status = host.wait_for_status("daytime", "one served", [](const Record& now) { return now["open"] == "0"; });
    EXPECT_EQ(status["reasons"], "done:1 denied_acl:2");
    EXPECT_EQ(status["accepted"], "3");
}

TEST(Access, OnlyAllowedAddressesAreServed) {
    Gatehouse host(listener("echo", "echo", "allow = [\"127.0.0.0/24\"]\ndeny = [\"127.0.0.2\"]"));
    Client good = from(host, "127.0.0.3");
    EXPECT_TRUE(served(good));
    EXPECT_EQ(reason_of_refusal(host, from(host, "127.0.0.2")), "denied_acl");
    EXPECT_EQ(reason_of_refusal(host, from(host, "127.0.1.1")), "denied_acl");
}

// A socket for both families names its IPv4 clients ::ffff:127.0.0.1.
TEST(Access, OnASocketForBothFamilies) {
    Gatehouse host(listener("echo", "echo", "address = \"[::]:0\"\nallow = [\"127.0.0.1\"]"));
    Client v4 = from(host, "127.0.0.1");
    EXPECT_TRUE(served(v4));
    EXPECT_EQ(reason_of_refusal(host, Client("[::1]:" + std::to_string(host.port("echo")))), "denied_acl");
}

TEST(Access, AFileOfNetworks) {
    const TempDir folder;
    std::string networks = "# ten thousand of them\n127.0.0.2\n";
    for (int i = 0; i < 10'000; ++i) networks += "10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".0/24\n";
    const std::string file = folder.write("blocked.txt", networks);
    Gatehouse host(listener("echo", "echo", "deny_file = \"" + file + "\""));
    EXPECT_EQ(reason_of_refusal(host, from(host, "127.0.0.2")), "denied_acl");
    Client good = from(host, "127.0.0.1");
    EXPECT_TRUE(served(good));
}

TEST(Access, OneSourceMayHaveSoManyConnections) {
    Gatehouse host(listener("echo", "echo", "max_per_source = 2"));
    Client one = from(host, "127.0.0.2");
    Client two = from(host, "127.0.0.2");
    EXPECT_TRUE(served(one));
    EXPECT_TRUE(served(two));
    EXPECT_EQ(reason_of_refusal(host, from(host, "127.0.0.2")), "source_full");
    Client other = from(host, "127.0.0.3");
    EXPECT_TRUE(served(other));
    EXPECT_EQ(host.status("echo")["sources"], "2");
    const std::string name = one.local_address();
    one.close();
    host.wait_for_closed("echo", name);
    Client three = from(host, "127.0.0.2");
    EXPECT_TRUE(served(three));
}

TEST(Access, ASourceMayBeANetwork) {
    Gatehouse host(listener("echo", "echo", "max_per_source = 1\nsource_bits = { v4 = 24 }"));
    Client one = from(host, "127.0.5.1");
    EXPECT_TRUE(served(one));
    EXPECT_EQ(reason_of_refusal(host, from(host, "127.0.5.200")), "source_full");
    Client other = from(host, "127.0.6.1");
    EXPECT_TRUE(served(other));
}

TEST(Access, OneSourceMayComeSoOften) {
    Gatehouse host(listener("echo", "echo", "rate = { connections = 1, per = \"1h\", burst = 3 }"));
    for (int i = 0; i < 3; ++i) {
        Client client = from(host, "127.0.0.2");
        EXPECT_TRUE(served(client));
    }
    EXPECT_EQ(reason_of_refusal(host, from(host, "127.0.0.2")), "over_rate");
    Client other = from(host, "127.0.0.3");
    EXPECT_TRUE(served(other));
}

TEST(Access, TheRateComesBack) {
    Gatehouse host(listener("daytime", "daytime", "rate = { connections = 20, per = \"1s\", burst = 1 }"));
    int admitted = 0;
    eventually("ten connections, one at a time", [&] {
        admitted += from(host, "127.0.0.2", "daytime").rest().bytes.empty() ? 0 : 1;
        return admitted == 10;
    });
    EXPECT_NE(host.status("daytime")["reasons"].find("over_rate:"), std::string::npos);
}

TEST(Access, OnePluginMayHaveSoManyConnectionsOverAllItsListeners) {
    Gatehouse host("[plugins.echo]\nmax_connections = 2\n" + listener("echo", "echo") + listener("also", "echo"));
    Client one = from(host, "127.0.0.1");
    Client two = from(host, "127.0.0.1", "also");
    EXPECT_TRUE(served(one));
    EXPECT_TRUE(served(two));
    EXPECT_EQ(reason_of_refusal(host, from(host, "127.0.0.1")), "plugin_full");
    EXPECT_EQ(reason_of_refusal(host, from(host, "127.0.0.1", "also"), "also"), "plugin_full");
    const std::string name = two.local_address();
    two.close();
    host.wait_for_closed("also", name);
    Client three = from(host, "127.0.0.1");
    EXPECT_TRUE(served(three));
}

// Refused connections hold neither a thread nor a place: the limit of all is not touched by them.
TEST(Access, AThousandRefusalsLeaveNothingBehind) {
    Gatehouse host(listener("echo", "echo", "deny = [\"127.0.0.2\"]\nmax_connections = 2\nmax_per_source = 1"));
    Client good = from(host, "127.0.0.1");
    EXPECT_TRUE(served(good));
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(from(host, i % 2 == 0 ? "127.0.0.2" : "127.0.0.1").rest().bytes, "");
    const Record status = host.status("echo");
    EXPECT_EQ(status["reasons"], "denied_acl:500 source_full:500");
    EXPECT_EQ(status["open"], "1");
    EXPECT_EQ(status["sources"], "1");
    EXPECT_TRUE(served(good));
}

// --- what the status says ------------------------------------------------------------------------------------------------

TEST(Ledger, TheWaitFromAcceptToServe) {
    Gatehouse host(listener("echo", "echo") + listener("daytime", "daytime"));
    EXPECT_EQ(host.status("echo")["wait_us"], "none");
    EXPECT_EQ(host.status("echo")["wait_p99_us"], "0");
    for (int i = 0; i < 10; ++i) EXPECT_NE(from(host, "127.0.0.1", "daytime").recv_until_eof(), "");
    const Record status = host.status("daytime");
    double sum = 0;
    std::istringstream buckets(status["wait_us"]);
    for (std::string bucket; buckets >> bucket;) sum += std::stod(bucket.substr(bucket.find(':') + 1));
    EXPECT_EQ(sum, 10) << status.line;
    EXPECT_GT(status.number("wait_p50_us"), 0) << status.line;
    EXPECT_GE(status.number("wait_p99_us"), status.number("wait_p50_us"));
}

// Clients of every kind at once, at listeners with every limit, and the host stops among them. That each connection has exactly
// one reason is what ~Gatehouse() looks at, here as in all other tests.
TEST(Ledger, AddsUpWhateverHappens) {
    const std::string limits = "deny = [\"127.0.0.2\"]\nmax_connections = 12\nwhen_full = \"refuse\"\nmax_per_source = 3\n"
                               "rate = { connections = 10, burst = 10 }\nfirst_byte_timeout = \"20ms\"\nidle_timeout = \"2s\"\n"
                               "lifetime = \"100ms\"\nmin_rate = 100000\nmin_rate_window = \"1s\"\n";
    const ReservedAddress nobody;
    Gatehouse host("[log]\naccess = false\n[plugins.echo]\nmax_connections = 8\n[plugins.gateway]\nconfig = { upstream = \"" +
                   nobody.address() + "\" }\n" + listener("echo", "echo", limits) + listener("discard", "discard", limits) +
                   listener("chargen", "chargen", limits) + listener("gateway", "gateway", limits));
    std::vector<std::string> addresses;
    for (const char* name : {"echo", "discard", "chargen", "gateway"}) addresses.push_back(host.address(name));
    std::atomic<bool> go_on{true};
    std::atomic<int> made{0};
    std::vector<std::thread> threads;
    for (unsigned seed = 0; seed < 4; ++seed)
        threads.emplace_back([&, random = std::minstd_rand(seed + 1)]() mutable {
            std::vector<Client> open;
            while (go_on.load()) {
                try {
                    const std::string source = "127.0.0." + std::to_string(random() % 6 + 1) + ":0";
                    Client& client = open.emplace_back(addresses[random() % addresses.size()], source);
                    made.fetch_add(1);
                    if (random() % 4 != 0) client.send("hello");
                    if (random() % 4 == 0) client.finish();
                    if (random() % 4 == 0) client.reset();
                } catch (const std::system_error&) { // refused, or reset in the middle of it
                }
                if (open.size() > 20) open.erase(open.begin(), open.begin() + 10);
            }
        });
    eventually("two thousand connections", [&] { return made.load() > 2000; });
    host.leave_busy();
    EXPECT_EQ(host.terminate(), 0);
    go_on.store(false);
    for (std::thread& thread : threads) thread.join();
    std::string reasons;
    for (const Record& record : host.log())
        if (record.message() == "status") reasons += record["reasons"] + ' ';
    for (const char* reason : {"denied_acl", "source_full", "over_rate"})
        EXPECT_NE(reasons.find(reason), std::string::npos) << reasons;
}

// Newcomers that the kernel drops because the accept queue is full.
TEST(Ledger, DropsOfTheKernelAreTheListeners) {
    Gatehouse host(listener("echo", "echo", "max_connections = 1\nbacklog = 1") + listener("other", "echo"));
    Client first = from(host, "127.0.0.1");
    EXPECT_TRUE(served(first));
    const Client in_the_queue = from(host, "127.0.0.1");
    const Client also_in_the_queue = from(host, "127.0.0.1");
    const int dropped = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(host.port("echo"));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(dropped, reinterpret_cast<const sockaddr*>(&address), sizeof address), -1); // nobody answers
    host.wait_for_status("echo", "a full queue and a drop", [](const Record& now) {
        return now["queue_depth"] == "2" && now["queue_limit"] == "1" && now.number("queue_drops") >= 1;
    });
    EXPECT_EQ(host.status("other")["queue_drops"], "0");
    ::close(dropped);
}

TEST(Ledger, TheQueueOfAUnixSocket) {
    const TempDir folder;
    const std::string address = "unix:" + (folder / "echo");
    Gatehouse host(listener("echo", "echo", "address = \"" + address + "\"\nmax_connections = 1\nbacklog = 5"));
    Client first(address);
    EXPECT_TRUE(served(first));
    const Client second(address);
    const Client third(address);
    const Record status = host.status("echo");
    EXPECT_EQ(status["queue_depth"], "2");
    EXPECT_EQ(status["queue_limit"], "5");
}

} // namespace
