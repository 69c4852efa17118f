// Certificates that change while the host serves.
#include "tls_fixture.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace gatehouse::support;

namespace {

std::string serial_of(const Said& said) { // of the certificate that was shown
    const std::size_t at = said.text.find("-----BEGIN CERTIFICATE-----");
    return at == std::string::npos ? said.text : said.text.substr(at, said.text.find("-----END", at) - at);
}

TEST_F(Tls, ReloadedWhenTheFilesChange) {
    const auto server = host("facts");
    const std::string before = serial_of(s_client(*server));
    certificates_.make("web", {"localhost", "127.0.0.1"}); // renames both files over the old ones
    EXPECT_EQ(server->wait_for_log("certificates reloaded")["tls"], "web");
    const std::string after = serial_of(s_client(*server));
    EXPECT_NE(before, after);

    // Written in place.
    certificates_.make("next", {"localhost"});
    std::size_t from = server->log_size();
    ASSERT_EQ(run({"sh", "-c",
                   "cat " + certificates_ / "next.pem" + " > " + certificates_ / "web.pem" + " && cat " +
                       certificates_ / "next.key" + " > " + certificates_ / "web.key"})
                  .status,
              0);
    server->wait_for_log("certificates reloaded", {}, from);
    EXPECT_NE(serial_of(s_client(*server)), after);
}

TEST_F(Tls, ABadPairKeepsTheOldOne) {
    const auto server = host("facts");
    const std::string before = serial_of(s_client(*server));
    certificates_.make("other", {"localhost"});
    std::filesystem::rename(certificates_ / "other.pem", certificates_ / "web.pem"); // without its key
    const Record kept = server->wait_for_log("certificates not reloaded, the old ones stay");
    EXPECT_EQ(kept["tls"], "web");
    EXPECT_NE(kept["problem"].find("gatehouse.toml:"), std::string::npos) << kept.line; // the line depends on what precedes it
    EXPECT_NE(kept["problem"].find(":7: tls.web.key: " + certificates_ / "web.key" +
                                   ": the key is not the certificate's: key values mismatch"),
              std::string::npos)
        << kept.line;
    EXPECT_EQ(serial_of(s_client(*server)), before);

    std::size_t from = server->log_size();
    std::filesystem::remove(certificates_ / "web.key");
    const Record gone = server->wait_for_log("certificates not reloaded, the old ones stay", {}, from);
    EXPECT_NE(gone["problem"].find("cannot be opened: No such file or directory"), std::string::npos) << gone.line;
    from = server->log_size();
    std::filesystem::rename(certificates_ / "other.key", certificates_ / "web.key");
    server->wait_for_log("certificates reloaded", {}, from);
    EXPECT_NE(serial_of(s_client(*server)), before);
}

TEST_F(Tls, ReloadedByCommand) {
    const auto server = host("facts", "", "", "[host]\ncontrol = \"control.sock\"\n");
    const auto control = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"control", server->dir() / "gatehouse.toml"});
        return run_gatehouse(std::move(words));
    };
    EXPECT_NE(control({}).out.find("change  loads the files of all [tls.NAME] sections anew\n"), std::string::npos);
    EXPECT_EQ(control({"host", "--json"}).out.find("facts"), std::string::npos);

    const Result done = control({"host", "reload-certificates"});
    EXPECT_EQ(done.status, 0) << done.err;
    EXPECT_TRUE(done.out.starts_with("tls  certificates\nweb  localhost (EC, until 20")) << done.out;
    server->wait_for_log("command", {{"command", "reload-certificates"}, {"result", "ok"}});

    EXPECT_NE(control({"host", "certs", "--json"}).out.find("{\"tls\": \"web\", \"names\": \"localhost\", \"issuer\": \"CN="),
              std::string::npos)
        << control({"host", "certs", "--json"}).out;

    const std::string before = serial_of(s_client(*server));
    certificates_.make("other", {"localhost"});
    std::filesystem::rename(certificates_ / "other.pem", certificates_ / "web.pem"); // without its key
    const Result kept = control({"host", "reload-certificates"});
    EXPECT_EQ(kept.status, 1);
    EXPECT_TRUE(kept.err.starts_with("gatehouse: not all certificates were reloaded, old ones stay: ")) << kept.err;
    EXPECT_NE(kept.err.find("tls.web.key: " + certificates_ / "web.key" + ": the key is not the certificate's"),
              std::string::npos)
        << kept.err;
    EXPECT_EQ(serial_of(s_client(*server)), before);

    EXPECT_EQ(control({"host", "reload-certificate"}).err,
              "gatehouse: there is no command of the host named \"reload-certificate\" (did you mean reload-certificates?)\n");
    EXPECT_EQ(control({"host", "reload-certificates", "web"}).err,
              "gatehouse: reload-certificates: there is no argument \"web\"\n");
}

TEST_F(Tls, AFolderIsExchangedByTurningALink) { // as Kubernetes does it
    const std::filesystem::path folder = certificates_.dir().path();
    const auto fill = [&](const std::string& version) {
        certificates_.make("linked", {"localhost"});
        std::filesystem::create_directory(folder / version);
        std::filesystem::rename(folder / "linked.pem", folder / version / "pem");
        std::filesystem::rename(folder / "linked.key", folder / version / "key");
        std::filesystem::create_directory_symlink(version, folder / "data.new");
        std::filesystem::rename(folder / "data.new", folder / "data");
    };
    fill("1");
    std::filesystem::create_symlink("data/pem", folder / "linked.crt");
    Gatehouse server("[tls.web]\ncertificate = \"" + certificates_ / "linked.crt" + "\"\nkey = \"" +
                         certificates_ / "data/key" + "\"\n" + listener("tls", "facts", "tls = \"web\""),
                     {.plugin_path = {fixture_dir()}});
    const std::string before = serial_of(s_client(server));
    fill("2");
    server.wait_for_log("certificates reloaded");
    EXPECT_NE(serial_of(s_client(server)), before);
}

TEST_F(Tls, ChangingUnderLoadFailsNoHandshake) {
    const auto server = host("facts");
    const std::uint16_t port = server->port("tls"); // Gatehouse is for one thread
    std::atomic<bool> stop{false};
    std::atomic<int> handshakes{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 3; ++i)
        clients.emplace_back([&] {
            while (!stop) {
                const Said said = s_client(port);
                if (!said.has("version=TLSv1.3\n")) ADD_FAILURE() << said;
                ++handshakes;
            }
        });
    for (int i = 0; i < 8; ++i) {
        const std::size_t from = server->log_size();
        certificates_.make("web", {"localhost", "127.0.0.1"});
        server->wait_for_log("certificates reloaded", {}, from);
    }
    stop = true;
    for (std::thread& client : clients) client.join();
    EXPECT_GT(handshakes, 20);
    for (const Record& record : server->log()) EXPECT_NE(record.message(), "TLS handshake failed") << record.line;
}

TEST_F(Tls, FilesThatAreReplacedAllTheTimeAreNeverMixed) {
    certificates_.make("a", {"localhost", "127.0.0.1"});
    certificates_.make("b", {"localhost", "127.0.0.1"});
    const auto server = host("facts");
    std::atomic<bool> stop{false};
    std::thread replacing([&] { // each pair in one file, so that there is no moment at which they do not fit
        for (int i = 0; !stop; ++i) {
            const std::string name = certificates_ / (i % 2 == 0 ? "a" : "b");
            std::ofstream(certificates_ / "both") << read_file(name + ".pem") << read_file(name + ".key");
            std::filesystem::rename(certificates_ / "both", certificates_ / "web.pem");
            std::filesystem::copy_file(certificates_ / "web.pem", certificates_ / "web.key.new",
                                       std::filesystem::copy_options::overwrite_existing);
        }
    });
    for (int i = 0; i < 30; ++i) {
        server->signal(SIGHUP);
        EXPECT_TRUE(s_client(*server).has("version=TLSv1.3\n"));
    }
    stop = true;
    replacing.join();
}

} // namespace
