// Redis and PostgreSQL behind the gateway, and their own clients in front of it.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "real_servers.hpp"

#include <gtest/gtest.h>
#include <regex>

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
    EXPECT_EQ(reasons.find("upstream"), std::string::npos) << reasons;
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
    EXPECT_EQ(status["reasons"].find("upstream"), std::string::npos) << status.line;
}

} // namespace
