// A real Prometheus scrapes the admin plugin while there is traffic and a reload, and its queries give the ledger's numbers.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "real_servers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace gatehouse::support;

namespace {

class Prometheus {
  public:
    // It scrapes this address, five times a second, and evaluates the alerts that ship.
    explicit Prometheus(const std::string& target)
        : server_({"prometheus", "--config.file=CONFIG", "--storage.tsdb.path=DIR/data", "--web.listen-address=127.0.0.1:PORT"},
                  "global: { scrape_interval: 200ms, evaluation_interval: 200ms }\n"
                  "rule_files: [\"" GATEHOUSE_SOURCE_DIR "/conf/prometheus/alerts.yml\"]\n"
                  "scrape_configs: [{ job_name: gatehouse, static_configs: [{ targets: [\"" +
                      target + "\"] }] }]\n") {
        eventually("Prometheus is ready",
                   [&] { return run({"curl", "-sS", at_ + "/-/ready"}).out.find("Ready") != std::string::npos; });
    }

    std::string get(const std::string& path, std::vector<std::string> more = {}) const {
        more.insert(more.begin(), {"curl", "-sS", "-G", at_ + "/api/v1/" + path});
        return run(more).out;
    }
    // The one value that a query gives now. Nothing: it gives none.
    std::optional<double> value(const std::string& query) const {
        const std::string answer = get("query", {"--data-urlencode", "query=" + query});
        if (answer.find(R"("status":"success")") == std::string::npos) throw std::runtime_error(query + ": " + answer);
        std::smatch found;
        if (!std::regex_search(answer, found, std::regex(R"rx("value":\[[^,]*,"([^"]*)"\])rx"))) return std::nullopt;
        return std::stod(found[1]);
    }
    void wait_for(const std::string& query, double wanted) const {
        std::optional<double> last;
        try {
            eventually(query, [&] { return (last = value(query)) == wanted; });
        } catch (const TooLate& late) {
            ADD_FAILURE() << late.what() << " to be " << wanted << "; it is " << (last ? std::to_string(*last) : "not there");
        }
    }

  private:
    ConfiguredServer server_;
    const std::string at_ = "http://127.0.0.1:" + server_.port();
};

// Clients that come one after the other; the last few stay.
class Load {
  public:
    explicit Load(std::uint16_t port) : thread_([this, port] { run(port); }) {}
    ~Load() { stop(); }
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    std::vector<Client> stop() {
        stopped_.store(true);
        if (thread_.joinable()) thread_.join();
        return std::exchange(open_, {});
    }
    int made() const noexcept { return made_; } // after stop()

  private:
    void run(std::uint16_t port) {
        try {
            while (!stopped_.load()) {
                open_.emplace_back(port);
                ++made_;
                EXPECT_TRUE(open_.back().echoes("hello"));
                if (open_.size() > 7) open_.erase(open_.begin());
                std::this_thread::sleep_for(std::chrono::milliseconds(1)); // so many are enough
            }
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }

    std::atomic<bool> stopped_{false};
    int made_ = 0;
    std::vector<Client> open_;
    std::thread thread_; // last: it uses the others
};

TEST(RealServer, PrometheusHasTheLedger) {
    if (run({"sh", "-c", "command -v prometheus"}).status != 0)
        GTEST_SKIP() << "prometheus is missing: scripts/deps test installs it";
    Server server;
    const std::string config = "[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n[plugins.admin]\ngrants = [\"host\"]\n" +
                               gateway_to(server.address()) + listener("admin", "admin") + listener("echo", "echo");
    Gatehouse host(config);
    const Prometheus prometheus(host.address("admin"));
    const auto wait_for_scrapes = [&](int count) {
        eventually("scrapes", [&] { return prometheus.value("sum_over_time(up[5m])") >= count; });
    };
    Load load(host.port("echo"));
    wait_for_scrapes(4);
    EXPECT_EQ(host.reload(config + "max_connections = 500\n")["result"], "applied");
    constexpr int relays = 12;
    for (int i = 0; i < relays; ++i) {
        const Client client(host.port("gateway"));
        const Client accepted = server.accept();
    }
    wait_for_scrapes(8);
    std::vector<Client> open = load.stop();
    const int echoes = load.made();

    const auto left = static_cast<double>(open.size());
    prometheus.wait_for(R"(gatehouse_connections_accepted_total{listener="echo"})", echoes);
    prometheus.wait_for(R"(sum(gatehouse_connections_open{listener="echo"}))", left);
    prometheus.wait_for(R"(sum(gatehouse_connections_closed_total{listener="echo"}))", echoes - left);
    prometheus.wait_for(R"(gatehouse_bytes_received_total{listener="echo"})", 5 * echoes);
    open.clear();
    prometheus.wait_for(R"(gatehouse_connections_closed_total{listener="echo",reason="peer_closed"})", echoes);
    prometheus.wait_for(R"(sum(gatehouse_connections_closed_total{listener="echo"}))", echoes);
    prometheus.wait_for(R"(gatehouse_connection_duration_seconds_count{listener="echo"})", echoes);
    prometheus.wait_for(R"(sum(gatehouse_connections_open{listener="echo"}))", 0);
    prometheus.wait_for(R"(gatehouse_connections_accepted_total{listener="gateway"})", relays);
    prometheus.wait_for(R"(sum(gatehouse_connections_closed_total{listener="gateway"}))", relays);
    prometheus.wait_for(R"(gatehouse_gateway_connects_total{outcome="connected"})", relays);
    prometheus.wait_for(R"(sum(gatehouse_gateway_server_connects_total))", relays);
    prometheus.wait_for(R"(sum(gatehouse_gateway_server_connections))", 0);
    prometheus.wait_for("gatehouse_config_generation", 2);
    prometheus.wait_for("gatehouse_config_file_changed", 0);
    EXPECT_EQ(host.status("echo")["accepted"], std::to_string(echoes));

    // Of each scrape since the beginning: what was accepted is what is open and what has ended; and no counter has fallen.
    const std::string accepted = "sum by (listener) (gatehouse_connections_accepted_total)";
    const std::string closed = "(sum by (listener) (gatehouse_connections_closed_total) or 0 * " + accepted + ")";
    const std::string missing = accepted + " - " + closed + " - sum by (listener) (gatehouse_connections_open)";
    EXPECT_EQ(prometheus.value("count(" + missing + ")"), 3) << "listeners";
    EXPECT_EQ(prometheus.value("max(max_over_time(abs(" + missing + ")[5m:200ms]))"), 0);
    const std::string counters =
        R"x(label_replace({__name__=~"(gatehouse|process)_.+_total"}, "name", "$1", "__name__", "(.+)"))x";
    EXPECT_GT(prometheus.value("count(resets(" + counters + "[5m:200ms]))"), 20);
    EXPECT_EQ(prometheus.value("count(resets(" + counters + "[5m:200ms]) > 0)"), std::nullopt);

    const std::string rules = prometheus.get("rules");
    EXPECT_NE(rules.find(R"("name":"GatehouseNotReady")"), std::string::npos) << rules;
    EXPECT_NE(rules.find(R"("health":"ok")"), std::string::npos) << rules;
    EXPECT_EQ(rules.find(R"("health":"err")"), std::string::npos) << rules;
}

} // namespace
