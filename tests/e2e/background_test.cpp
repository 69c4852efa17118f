// Checks and discovery in the real program: real servers that come and go, and a real name server (dnsmasq).
#include "clients.hpp"
#include "gatehouse.hpp"
#include "proc.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace gatehouse::support;

namespace {

class Operated {
  public:
    explicit Operated(const std::string& host_keys = "")
        : host_("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" + host_keys + "[plugins.fix]\nlibrary = \"background\"\n" +
                    listener("fix", "fix"),
                options()) {}

    std::string command(std::vector<std::string> words) const {
        words.insert(words.begin(), {"control", host_.dir() / "gatehouse.toml", "fix"});
        const Result result = run_gatehouse(std::move(words));
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out;
    }
    // Waits until the latest news of `what` is this.
    void wait_for_news(const std::string& what, const std::string& status, const std::string& text) const {
        std::string row;
        try {
            eventually(text, [&] {
                const std::string news = command({"news", "--json"});
                const std::size_t last = news.rfind("{\"what\": \"" + what + "\"");
                row = last == std::string::npos ? news : news.substr(last, news.find('}', last) + 1 - last);
                return row == "{\"what\": \"" + what + "\", \"status\": \"" + status + "\", \"text\": \"" + text + "\"}";
            });
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what() << "; the last is " << row;
        }
    }
    Gatehouse& host() { return host_; }

  private:
    static GatehouseOptions options() {
        GatehouseOptions options;
        options.plugin_path = {GATEHOUSE_FIXTURES};
        return options;
    }

    Gatehouse host_;
};

// A name server with these records: lines of a hosts file, and of the configuration.
class Dnsmasq {
  public:
    static bool missing() {
        return run({"sh", "-c", "command -v dnsmasq"}, {{}, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, -1}).status != 0;
    }

    Dnsmasq() : port_(free_port()) {}

    std::string address() const { return "127.0.0.1:" + port_; }

    void serve(const std::string& hosts, const std::string& more = "") {
        stop();
        dir_.write("hosts", hosts);
        dir_.write("conf", "port=" + port_ + "\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nlocal-ttl=1\n" +
                               "addn-hosts=" + (dir_ / "hosts") + "\nlocal=/test/\nlog-facility=-\npid-file=\n" +
                               (::geteuid() == 0 ? "user=root\n" : "") + more);
        process_ = std::make_unique<Process>(
            std::vector<std::string>{"/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=" + (dir_ / "conf")});
        if (!process_->wait_output(
                [](const std::string&, const std::string& err) { return err.find("read ") != std::string::npos; }))
            throw std::runtime_error("dnsmasq: " + process_->err());
    }
    void set_hosts(const std::string& hosts) { // without a restart
        dir_.write("hosts", hosts);
        process_->signal(SIGHUP);
    }
    void stop() {
        if (!process_) return;
        process_->signal(SIGTERM);
        process_->wait();
        process_.reset();
    }

  private:
    static std::string free_port() {
        const NobodyThere nobody;
        return nobody.address().substr(nobody.address().rfind(':') + 1);
    }

    TempDir dir_;
    std::string port_; // constant after construction
    std::unique_ptr<Process> process_;
};

TEST(Background, AHostWithoutChecksAndWatchesHasNoThreadForThem) {
    Operated operated;
    const auto names = [&] {
        std::string all;
        for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(operated.host().pid()) + "/task"))
            all += read_file(task.path() / "comm");
        return all;
    };
    EXPECT_EQ(names().find("background"), std::string::npos);
    operated.command({"watch", "192.0.2.1:80"});
    operated.wait_for_news("192.0.2.1:80", "0", "192.0.2.1:80");
    EXPECT_NE(names().find("background"), std::string::npos);
}

TEST(Background, AServerIsSeenToComeAndGo) {
    Operated operated;
    auto server = std::make_unique<Server>();
    const std::string address = server->address();
    operated.command({"check", address});
    Client first = server->accept();
    EXPECT_EQ(first.recv_exactly(1), "?");
    first.send("!");
    operated.wait_for_news(address, "0", "");
    server.reset();
    operated.wait_for_news(address, "-7", "Connection refused");
    server = std::make_unique<Server>(address);
    server->accept().send("!");
    operated.wait_for_news(address, "0", "");
    operated.command({"stop"});
}

TEST(Background, ARealNameServersRecordsAreFollowed) {
    if (Dnsmasq::missing()) GTEST_SKIP() << "there is no dnsmasq";
    Dnsmasq names;
    names.serve("192.0.2.1 db.test\n2001:db8::1 db.test\n");
    Operated operated("resolvers = [\"" + names.address() + "\"]\n");
    operated.command({"watch", "db.test:5432"});
    operated.wait_for_news("db.test:5432", "0", "192.0.2.1:5432 [2001:db8::1]:5432");
    names.set_hosts("192.0.2.1 db.test\n192.0.2.7 db.test\n");
    operated.wait_for_news("db.test:5432", "0", "192.0.2.1:5432 192.0.2.7:5432");
    names.set_hosts("");
    operated.wait_for_news("db.test:5432", "-6", "cannot resolve db.test: there is no such name");
    names.set_hosts("192.0.2.9 db.test\n");
    operated.wait_for_news("db.test:5432", "0", "192.0.2.9:5432");
    names.stop();
    operated.wait_for_news("db.test:5432", "-10", "cannot resolve db.test: no name server could answer");
    names.serve("192.0.2.9 db.test\n");
    operated.wait_for_news("db.test:5432", "0", "192.0.2.9:5432");
}

TEST(Background, ServiceRecordsAreFollowed) {
    if (Dnsmasq::missing()) GTEST_SKIP() << "there is no dnsmasq";
    Dnsmasq names;
    const std::string hosts = "192.0.2.1 a.test\n192.0.2.2 b.test\n";
    names.serve(hosts, "srv-host=_web._tcp.test,a.test,8080,1,10\nsrv-host=_web._tcp.test,b.test,8081,2,20\n");
    Operated operated("resolvers = [\"" + names.address() + "\"]\n");
    operated.command({"watch", "srv:_web._tcp.test"});
    operated.wait_for_news("srv:_web._tcp.test", "0", "192.0.2.1:8080 192.0.2.2:8081");
    names.serve(hosts, "srv-host=_web._tcp.test,b.test,9090\n");
    operated.wait_for_news("srv:_web._tcp.test", "0", "192.0.2.2:9090");
}

// connect() asks the same name servers.
TEST(Background, TheGatewayUsesTheConfiguredResolvers) {
    if (Dnsmasq::missing()) GTEST_SKIP() << "there is no dnsmasq";
    Dnsmasq names;
    names.serve("127.0.0.1 upstream.test\n");
    Server upstream;
    const std::string port = upstream.address().substr(upstream.address().rfind(':') + 1);
    Gatehouse host("[host]\ndrain_timeout = \"2s\"\nresolvers = [\"" + names.address() +
                   "\"]\n[plugins.gateway]\nconfig = { upstream = \"upstream.test:" + port + "\" }\n" +
                   listener("gateway", "gateway"));
    Client client(host.port("gateway"));
    client.send("hello");
    EXPECT_EQ(upstream.accept().recv_exactly(5), "hello");
}

TEST(Background, DrainEndsWhatGoesOn) {
    Operated operated;
    const Server server; // never answers
    operated.command({"check", server.address()});
    operated.command({"watch", "nobody.invalid:80"});
    EXPECT_EQ(operated.host().terminate(), 0);
}

TEST(Background, ACallbackThatNeverReturnsDoesNotHoldTheEndUp) {
    Operated operated;
    Server server;
    operated.command({"stuck", server.address()});
    server.accept().send("!");
    operated.wait_for_news("stuck", "", "");
    EXPECT_EQ(operated.host().terminate(), 0);
    operated.host().wait_for_log("the background thread is still in a plugin's code; leaving without it");
}

} // namespace
