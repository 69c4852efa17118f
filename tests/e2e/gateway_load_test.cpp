// Servers that die under load: only those fail who were connected to them, by what each client has seen and by what the access
// log says of its connection.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "named_server.hpp"
#include "real_servers.hpp"

#include <atomic>
#include <csignal>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <thread>

using namespace gatehouse::support;

namespace {

std::string gateway_to_all(std::initializer_list<std::string> addresses, const std::string& more = "") {
    std::string servers;
    for (const std::string& address : addresses)
        servers += (servers.empty() ? "{ address = \"" : ", { address = \"") + address + "\" }";
    return "[plugins.gateway.config]\nservers = [" + servers + "]\n" + more + "\n" + listener("gateway", "gateway");
}

// Clients that connect to the gateway, talk and connect again. Every connection comes from an address of its own, by which its
// line in the access log is found.
class Load {
  public:
    // `talk` uses a connection, and throws if it is lost.
    using Talk = std::function<void(Client&)>;
    Load(Gatehouse& host, int clients, Talk talk)
        : host_(host), gateway_("127.0.0.1:" + std::to_string(host.port("gateway"))), talk_(std::move(talk)) {
        for (int i = 0; i < clients; ++i) threads_.emplace_back([this, i] { run("127." + std::to_string(16 + i)); });
    }
    ~Load() { stop(); }

    // From now on each connection that begins counts as one made afterwards.
    void mark() { marked_ = true; }
    int ended() const { return ended_; }
    int ended_afterwards() const { return ended_afterwards_; }

    void stop() {
        stopping_ = true;
        for (std::thread& thread : threads_)
            if (thread.joinable()) thread.join();
    }

    // Once it has stopped: nobody has lost a connection but to this server, and nobody at all after mark(). How many
    // connections each server had, by its address.
    std::map<std::string, int> expect_losses_on_only(const std::string& server) {
        host_.wait_for_status("gateway", "all closed", [](const Record& now) { return now["open"] == "0"; });
        std::map<std::string, Record> closed;
        for (Record& record : host_.log())
            if (record.message() == "closed") closed.emplace(record["peer"].substr(0, record["peer"].rfind(':')), record);
        std::map<std::string, int> by_server;
        for (const auto& [source, seen] : connections_) {
            const auto found = closed.find(source);
            if (found == closed.end()) {
                ADD_FAILURE() << "the access log has no connection from " << source;
                continue;
            }
            ++by_server[found->second["upstream"]];
            if (seen.good) continue;
            EXPECT_EQ(found->second["upstream"], server) << seen.problem << "; " << found->second.line;
            EXPECT_EQ(seen.problem.find("in time"), std::string::npos) << seen.problem << "; " << found->second.line;
            EXPECT_FALSE(seen.afterwards) << seen.problem << "; " << found->second.line;
        }
        return by_server;
    }

  private:
    struct Seen {
        bool afterwards = false, good = false;
        std::string problem;
    };

    void run(const std::string& network) {
        for (unsigned n = 0; !stopping_ && n < 65'536; ++n) {
            const std::string source = network + '.' + std::to_string(n >> 8U) + '.' + std::to_string(n & 255U);
            Seen seen;
            seen.afterwards = marked_; // read before it connects
            try {
                Client client(gateway_, source + ":0");
                talk_(client);
                seen.good = true;
            } catch (const std::exception& error) {
                seen.problem = error.what();
            }
            if (seen.afterwards) ++ended_afterwards_;
            ++ended_;
            const std::lock_guard lock(mutex_);
            connections_.emplace(source, seen);
        }
    }

    Gatehouse& host_; // constant after construction, as are the next two
    const std::string gateway_;
    const Talk talk_;
    std::atomic<bool> stopping_{false}, marked_{false};
    std::atomic<int> ended_{0}, ended_afterwards_{0};
    std::mutex mutex_;
    std::map<std::string, Seen> connections_; // guarded by mutex_; by the client's address
    std::vector<std::thread> threads_;
};

// One server goes and comes back a hundred times; those on the others do not notice.
TEST(SlowGatewayLoad, AFlappingServerHarmsNobodyElse) {
    const NamedServer a("a"), b("b");
    NamedServer c("c");
    Gatehouse host(gateway_to_all({a.address(), b.address(), c.address()},
                                  "health = { interval = \"10ms\", rise = 1, fall = 1, timeout = \"5s\" }\n"
                                  "ejection = { backoff = \"10ms\", max_backoff = \"20ms\" }"));
    std::atomic<int> reached_c = 0;
    Load load(host, 6, [&](Client& client) {
        if (client.recv_until("\n") == "c\n") ++reached_c;
        for (int i = 0; i < 20; ++i) {
            client.send("hello\n");
            client.recv_exactly(6);
        }
    });
    for (int flap = 0; flap < 100; ++flap) {
        eventually("it is used", [&, before = reached_c.load()] { return reached_c > before; });
        c.stop();
        eventually("some come while it is away", [&, before = load.ended()] { return load.ended() > before + 5; });
        c.start();
    }
    load.stop();
    std::map<std::string, int> connections = load.expect_losses_on_only(c.address());
    EXPECT_GT(connections[a.address()], 100);
    EXPECT_GT(connections[b.address()], 100);
    EXPECT_GE(connections[c.address()], 100);
    EXPECT_EQ(connections.size(), 3U) << "every connection had a server";
}

// --- kill -9 -------------------------------------------------------------------------------------------------------------

// Three commands at a time on each of nine connections, as pgbench does it. Who connects when nobody listens on that server any
// more is refused there at once, and goes to another.
TEST(GatewayLoad, KillingAServerFailsItsConnectionsOnly) {
    const Redis a, c;
    Redis b;
    Gatehouse host(gateway_to_all({a.tcp(), b.tcp(), c.tcp()}));
    std::atomic<int> talking = 0;
    Load load(host, 9, [&](Client& client) {
        for (int i = 0; i < 100; ++i) {
            client.send("PING\r\nSET key value\r\nGET key\r\n");
            EXPECT_EQ(client.recv_exactly(23), "+PONG\r\n+OK\r\n$5\r\nvalue\r\n");
            ++talking;
        }
    });
    eventually("all talk", [&] { return talking > 1000; });
    b.kill();
    eventually("nobody listens there", [&] { return refused(b.tcp()); });
    load.mark();
    eventually("many connect afterwards", [&] { return load.ended_afterwards() > 100; });
    load.stop();
    EXPECT_EQ(load.expect_losses_on_only(b.tcp()).size(), 3U) << "every connection had a server";
}

} // namespace
