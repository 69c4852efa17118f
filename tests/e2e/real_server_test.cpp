// Redis and PostgreSQL behind the gateway, and their own clients in front of it.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <optional>
#include <pwd.h>
#include <regex>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

// A port that nobody has at the moment. Somebody may take it before the server does, which then has to be tried again.
std::string free_port() {
    const Server server;
    return server.address().substr(server.address().rfind(':') + 1);
}

// --- Redis -----------------------------------------------------------------------------------------------------------

class Redis {
  public:
    Redis() {
        for (int attempt = 0; attempt < 5; ++attempt) {
            const std::string port = free_port();
            process_ = std::make_unique<Process>(std::vector<std::string>{
                "redis-server", "--port", port, "--bind", "127.0.0.1", "--unixsocket", dir_ / "redis", "--dir",
                dir_.path().string(), "--save", "", "--appendonly", "no", "--daemonize", "no"});
            tcp_ = "127.0.0.1:" + port;
            if (process_->wait_output([](const std::string& out, const std::string&) {
                    return out.find("connections at " /* ... the unix socket, which comes last */) != std::string::npos;
                }))
                return;
        }
        throw std::runtime_error("redis-server does not start: " + process_->out() + process_->err());
    }

    const std::string& tcp() const noexcept { return tcp_; }
    std::string unix_socket() const { return "unix:" + dir_ / "redis"; }

  private:
    TempDir dir_;
    std::unique_ptr<Process> process_;
    std::string tcp_;
};

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

// A database cluster of its own, which is reached over a unix socket.
class Postgres {
  public:
    Postgres() {
        std::filesystem::permissions(dir_.path(), std::filesystem::perms::all);
        const Result init = run(as_user({"initdb", "-D", dir_ / "data", "-A", "trust", "-U", "postgres", "--no-sync"}));
        if (init.status != 0) throw std::runtime_error("initdb: " + init.out + init.err);
        process_ = std::make_unique<Process>(
            as_user({"postgres", "-D", dir_ / "data", "-k", dir_.path().string(), "-c", "listen_addresses=", "-c", "fsync=off",
                     "-c", "dynamic_shared_memory_type=mmap", "-c", "shared_buffers=16MB"}));
        if (!process_->wait_output([](const std::string&, const std::string& err) {
                return err.find("ready to accept connections") != std::string::npos;
            }))
            throw std::runtime_error("postgres does not start: " + process_->err());
    }

    // An orderly end, or its shared memory stays.
    ~Postgres() {
        try {
            process_->signal(SIGINT);
            process_->wait();
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }

    std::string address() const { return "unix:" + dir_ / ".s.PGSQL.5432"; }

    // A program of the same version.
    static std::string program(const std::string& name) {
        std::string found;
        if (std::filesystem::is_directory("/usr/lib/postgresql"))
            for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql"))
                if (std::filesystem::exists(version.path() / "bin" / name)) found = version.path() / "bin" / name;
        if (found.empty()) throw std::runtime_error("there is no " + name + "; scripts/deps test installs postgresql-15");
        return found;
    }

  private:
    // PostgreSQL does not run as root, so root runs it as the user that its package has made.
    static std::vector<std::string> as_user(std::vector<std::string> argv) {
        argv.front() = program(argv.front());
        if (::geteuid() != 0) return argv;
        std::vector<std::string> result{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL"};
        result.insert(result.end(), argv.begin(), argv.end());
        return result;
    }

    TempDir dir_;
    std::unique_ptr<Process> process_;
};

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
