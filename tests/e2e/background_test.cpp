// Checks and discovery in the real program: real servers that come and go, and a real name server.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "name_server.hpp"

#include <filesystem>
#include <gtest/gtest.h>

using namespace gatehouse::support;

namespace {

class Operated {
  public:
    explicit Operated(const std::string& host_keys = "")
        : host_("[host]\ncontrol = \"c\"\ndrain_timeout = \"2s\"\n" + host_keys + "[plugins.fix]\nlibrary = \"background\"\n" +
                    listener("fix", "fix"),
                options()) {}

    std::string command(std::vector<std::string> words) const {
        words.insert(words.begin(), "fix");
        const Result result = ask(host_, std::move(words));
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
                return row == "{\"what\": \"" + what + "\", \"status\": " + status + ", \"text\": \"" + text + "\"}";
            });
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what() << "; the last is " << row;
        }
    }
    Gatehouse& host() { return host_; }

  private:
    static GatehouseOptions options() {
        GatehouseOptions options;
        options.plugin_path = {fixture_dir()};
        return options;
    }

    Gatehouse host_;
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
    NameServer names("192.0.2.1 db.test\n2001:db8::1 db.test\n");
    Operated operated(names.resolvers());
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
    names.restart();
    operated.wait_for_news("db.test:5432", "0", "192.0.2.9:5432");
}

TEST(Background, ServiceRecordsAreFollowed) {
    NameServer names("192.0.2.1 a.test\n192.0.2.2 b.test\n",
                     {"--srv-host=_web._tcp.test,a.test,8080,1,10", "--srv-host=_web._tcp.test,b.test,8081,2,20"});
    Operated operated(names.resolvers());
    operated.command({"watch", "srv:_web._tcp.test"});
    operated.wait_for_news("srv:_web._tcp.test", "0", "192.0.2.1:8080 192.0.2.2:8081");
    names.restart({"--srv-host=_web._tcp.test,b.test,9090"});
    operated.wait_for_news("srv:_web._tcp.test", "0", "192.0.2.2:9090");
}

// connect() asks the same name servers.
TEST(Background, TheGatewayUsesTheConfiguredResolvers) {
    const NameServer names("127.0.0.1 upstream.test\n");
    Server upstream;
    const std::string port = upstream.address().substr(upstream.address().rfind(':') + 1);
    Gatehouse host("[host]\ndrain_timeout = \"2s\"\n" + names.resolvers() +
                   "[plugins.gateway]\nconfig = { upstream = \"upstream.test:" + port + "\" }\n" +
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
    operated.wait_for_news("stuck", "0", "");
    EXPECT_EQ(operated.host().terminate(), 0);
    operated.host().wait_for_log("the background thread is still in a plugin's code; leaving without it");
}

} // namespace
