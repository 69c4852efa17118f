// Redis and PostgreSQL behind the gateway, and their own clients in front of it.
#include "clients.hpp"
#include "gatehouse.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <optional>
#include <pwd.h>
#include <regex>
#include <sys/ipc.h>
#include <sys/shm.h>
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
        if (killed_) return;
        try {
            process_->signal(SIGINT);
            process_->wait();
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }

    std::string address() const { return "unix:" + dir_ / ".s.PGSQL.5432"; }
    std::string folder() const { return dir_.path().string(); } // of the socket, as clients want it

    // As a crash would: its other processes go when they notice.
    void kill() {
        killed_ = true;
        std::ifstream file(dir_ / "data/postmaster.pid");
        std::string line;
        for (int number = 0; number < 7; ++number) std::getline(file, line);
        process_->signal(SIGKILL);
        process_->wait();
        // The seventh line ends with the number of its shared memory, which nobody else would remove.
        if (const std::size_t blank = line.rfind(' '); blank != std::string::npos)
            ::shmctl(std::stoi(line.substr(blank)), IPC_RMID, nullptr);
    }

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
    bool killed_ = false;
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

// One of two is killed while pgbench runs: its four connections fail, the other four and all that come later do not.
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
                   "\" }]\nhealth = { interval = \"50ms\", fall = 2 }\n" + listener("gateway", "gateway"));
    const std::string port = std::to_string(host.port("gateway"));

    Process load(pgbench("127.0.0.1", port, {"-n", "-c", "8", "-j", "2", "-T", "4", "-P", "1"}), database);
    ASSERT_TRUE(load.wait_output([](const std::string&, const std::string& err) {
        return err.find("progress: 1.") != std::string::npos;
    })) << load.err();
    two.kill();
    host.wait_for_log([](const Record& record) { return record.message().starts_with("server two "); }, "two is gone");
    const Result later = run(pgbench("127.0.0.1", port, {"-n", "-c", "6", "-C", "-t", "20"}), database); // a connection each
    EXPECT_EQ(later.status, 0) << later.out << later.err;
    EXPECT_NE(later.out.find("number of transactions actually processed: 120/120"), std::string::npos) << later.out;

    const Result result = load.wait();
    EXPECT_EQ(result.status, 2) << "some clients were aborted";
    const std::regex aborted("pgbench: error: client [0-9]+ aborted|pgbench: error: client [0-9]+ script [0-9]+ aborted");
    EXPECT_EQ(std::distance(std::sregex_iterator(result.err.begin(), result.err.end(), aborted), std::sregex_iterator()), 4)
        << result.err;
    EXPECT_NE(result.err.find("Run was aborted"), std::string::npos) << result.out + result.err;
}

} // namespace
