// Redis, PostgreSQL, OpenSSH and iperf3 behind the gateway, and their own clients in front of it.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "random_bytes.hpp"
#include "real_servers.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>
#include <regex>
#include <set>

using namespace gatehouse::support;

namespace {

// --- Redis -----------------------------------------------------------------------------------------------------------

void expect_redis_through(Gatehouse& host) {
    const std::string port = std::to_string(host.port("gateway"));
    EXPECT_EQ(run({"redis-cli", "-p", port, "set", "key", "value"}).out, "OK\n");
    EXPECT_EQ(run({"redis-cli", "-p", port, "get", "key"}).out, "value\n");
    // It ends with an error as soon as one request has failed. -P: pipelined, -k 0: a new connection for each request.
    const Result kept = run({"redis-benchmark", "-p", port, "-t", "set,get,lrange_600", "-n", "5000", "-c", "50", "-q"});
    EXPECT_EQ(kept.status, 0) << kept.out << kept.err;
    EXPECT_NE(kept.out.find("LRANGE_600"), std::string::npos) << kept.out;
    const Result piped = run({"redis-benchmark", "-p", port, "-t", "set,get", "-n", "20000", "-c", "20", "-P", "32", "-q"});
    EXPECT_EQ(piped.status, 0) << piped.out << piped.err;
    const Result fresh = run({"redis-benchmark", "-p", port, "-t", "get", "-n", "2000", "-c", "20", "-k", "0", "-q"});
    EXPECT_EQ(fresh.status, 0) << fresh.out << fresh.err;
    for (const Result& result : {kept, piped, fresh}) EXPECT_EQ((result.out + result.err).find("rror"), std::string::npos);
    const std::string reasons =
        host.wait_for_status("gateway", "all closed", [](const Record& now) { return now["open"] == "0"; })["reasons"];
    for (const char* bad : {"upstream_failed", "upstream_reset"}) EXPECT_EQ(reasons.find(bad), std::string::npos) << reasons;
}

TEST(RealServer, RedisOverTcp) {
    const Redis redis;
    Gatehouse host(gateway_to(redis.tcp()));
    expect_redis_through(host);
}

TEST(RealServer, RedisOverAUnixSocket) {
    const Redis redis;
    Gatehouse host(gateway_to(redis.unix_socket()));
    expect_redis_through(host);
}

// --- PostgreSQL ------------------------------------------------------------------------------------------------------

TEST(RealServer, PostgreSql) {
    const Postgres postgres;
    Gatehouse host(gateway_to(postgres.address()));
    const std::vector<std::string> where{"-h", "127.0.0.1", "-p", std::to_string(host.port("gateway")), "-U", "postgres"};
    auto client = [&](const std::string& program, const std::vector<std::string>& arguments) {
        std::vector<std::string> argv{Postgres::program(program)};
        argv.insert(argv.end(), where.begin(), where.end());
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        const Result result = run(argv, {.environment = {"PGDATABASE=postgres"}});
        EXPECT_EQ(result.status, 0) << program << ": " << result.out << result.err;
        return result.out;
    };
    EXPECT_EQ(client("psql", {"-X", "-A", "-t", "-c", "select 6 * 7"}), "42\n");
    EXPECT_EQ(client("psql", {"-X", "-A", "-t", "-c", "select length(repeat('x', 10000000))"}), "10000000\n");
    EXPECT_EQ(client("psql", {"-X", "-A", "-t", "-c", "select repeat('x', 3000000)"}).size(), 3'000'001U);
    client("pgbench", {"-i", "-q"});
    const std::string report = client("pgbench", {"-c", "8", "-j", "2", "-T", "3"});
    EXPECT_NE(report.find("number of failed transactions: 0 "), std::string::npos) << report;
    std::smatch processed;
    ASSERT_TRUE(std::regex_search(report, processed, std::regex("number of transactions actually processed: ([0-9]+)")))
        << report;
    EXPECT_GT(std::stoi(processed[1]), 8) << report;
    const Record status = host.wait_for_status("gateway", "all closed", [](const Record& now) { return now["open"] == "0"; });
    for (const char* bad : {"upstream_failed", "upstream_reset"}) // either side may be the first to close
        EXPECT_EQ(status["reasons"].find(bad), std::string::npos) << status.line;
}

// One of two is killed while pgbench runs: its four connections fail; the other four do not, nor does any that begins after the
// kill, although the gateway has yet to find out: who is refused by one server goes to the other.
TEST(RealServer, OneOfTwoPostgreSqlServersIsKilled) {
    const Postgres one;
    Postgres two;
    const auto pgbench = [](const std::string& folder, const std::string& port, const std::vector<std::string>& arguments) {
        std::vector<std::string> argv{Postgres::program("pgbench"), "-h", folder, "-p", port, "-U", "postgres"};
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        return argv;
    };
    const ProcessOptions database{.environment = {"PGDATABASE=postgres"}};
    for (const Postgres* server : {&one, static_cast<const Postgres*>(&two)})
        ASSERT_EQ(run(pgbench(server->folder(), "5432", {"-i", "-q"}), database).status, 0);
    Gatehouse host("[plugins.gateway.config]\nservers = [{ name = \"one\", address = \"" + one.address() +
                   "\" }, { name = \"two\", address = \"" + two.address() +
                   "\" }]\nhealth = { interval = \"500ms\", fall = 2 }\n" + listener("gateway", "gateway"));
    const std::string port = std::to_string(host.port("gateway"));

    Process load(pgbench("127.0.0.1", port, {"-n", "-c", "8", "-j", "2", "-T", "4", "-P", "1"}), database);
    ASSERT_TRUE(load.wait_output([](const std::string&, const std::string& err) {
        return err.find("progress: 1.") != std::string::npos;
    })) << load.err();
    two.kill();
    eventually("nobody listens there", [&] { return refused(two.address()); });
    const Result later = run(pgbench("127.0.0.1", port, {"-n", "-c", "6", "-C", "-t", "20"}), database); // a connection each
    EXPECT_EQ(later.status, 0) << later.out << later.err;
    EXPECT_NE(later.out.find("number of transactions actually processed: 120/120"), std::string::npos) << later.out;
    host.wait_for_log([](const Record& record) { return record.message().starts_with("server two "); }, "two is gone");

    const Result result = load.wait();
    EXPECT_EQ(result.status, 2) << "some clients were aborted";
    const std::regex aborted("client ([0-9]+)( script [0-9]+)? aborted"); // other threads' messages may stand in between
    std::set<std::string> clients;
    for (std::sregex_iterator match(result.err.begin(), result.err.end(), aborted), none; match != none; ++match)
        clients.insert((*match)[1]);
    EXPECT_EQ(clients.size(), 4U) << result.err;
    EXPECT_NE(result.err.find("Run was aborted"), std::string::npos) << result.out + result.err;
}

// --- OpenSSH ---------------------------------------------------------------------------------------------------------

// As conf/ssh-gateway.toml has it: the first server is not there, and the check hears what the second says first.
TEST(RealServer, OpenSsh) {
    const Sshd sshd;
    const ReservedAddress first;
    Gatehouse host(instance("ssh", "gateway",
                            "servers = [ { name = \"first\", address = \"" + first.address() +
                                "\" }, { name = \"second\", address = \"" + sshd.address() +
                                "\", backup = true } ], health = { expect = \"SSH-2.0-\", interval = \"100ms\" }"));
    const std::string port = std::to_string(host.port("ssh"));
    const TempDir dir;
    const std::string bytes = random_bytes((64 << 20) + 4711, 22);
    const std::string file = dir.write("file", bytes);
    const Result up = sshd.copy(port, file, "HERE:" + dir / "up");
    ASSERT_EQ(up.status, 0) << up.err;
    const Result down = sshd.copy(port, "HERE:" + dir / "up", dir / "down");
    ASSERT_EQ(down.status, 0) << down.err;
    const auto sha256 = [](const std::string& path) { return run({"sha256sum", path}).out.substr(0, 64); };
    EXPECT_EQ(sha256(dir / "down"), sha256(file));
    EXPECT_EQ(run(sshd.client(port, {Sshd::user() + "@127.0.0.1", "echo", "through"})).out, "through\n");
}

// --- iperf3 ----------------------------------------------------------------------------------------------------------

TEST(RealServer, Iperf3BothWays) {
    const ConfiguredServer server({"iperf3", "-s", "-B", "127.0.0.1", "-p", "PORT"}, "");
    Gatehouse host(gateway_to("127.0.0.1:" + server.port()));
    for (const char* direction : {"--no-delay", "--reverse"}) {
        // The server takes one test at a time, and is busy for a moment after each.
        Result result;
        for (const Deadline deadline; !deadline.passed();) {
            result = run(
                {"iperf3", "-c", "127.0.0.1", "-p", std::to_string(host.port("gateway")), "-P", "3", "-n", "96M", direction});
            if (result.status == 0) break;
        }
        EXPECT_EQ(result.status, 0) << direction << ": " << result.out << result.err;
        EXPECT_NE(result.out.find("iperf Done."), std::string::npos) << result.out;
    }
    const Record status = host.wait_for_status("gateway", "all closed", [](const Record& now) { return now["open"] == "0"; });
    EXPECT_EQ(status["reasons"].find("upstream_failed"), std::string::npos) << status.line;
}

} // namespace
