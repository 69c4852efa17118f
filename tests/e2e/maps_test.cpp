// Many names on one port: a map says where each goes, the gateway takes it there, and the map changes while the host runs.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "temp_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace gatehouse::support;

namespace {

// A ClientHello (RFC 8446, 4.1.2) that asks for a name (RFC 6066, 3).
std::string hello_for(const std::string& name) {
    const auto number = [](std::size_t value, int bytes) {
        std::string text;
        while (bytes-- > 0) text += static_cast<char>(value >> (8 * bytes) & 0xff);
        return text;
    };
    const auto sized = [&](const std::string& text, int bytes) { return number(text.size(), bytes) + text; };
    const std::string names = sized(std::string(1, '\0') + sized(name, 2), 2);
    const std::string extensions = sized(number(0, 2) + sized(names, 2), 2);
    const std::string ciphers = sized("\x13\x01", 2);
    const std::string hello =
        "\x03\x03" + std::string(32, 'r') + sized("", 1) + ciphers + sized(std::string(1, '\0'), 1) + extensions;
    return "\x16\x03\x01" + sized('\x01' + sized(hello, 3), 2);
}

class Maps : public testing::Test {
  protected:
    // In one step, as the manual says.
    void write_map(const std::string& text) const {
        std::ofstream(folder_ / "next") << text;
        std::filesystem::rename(folder_ / "next", file());
    }
    std::string file() const { return folder_ / "sites.map"; }
    std::string map_text() const {
        std::ifstream in(file());
        return {std::istreambuf_iterator<char>(in), {}};
    }

    std::string config() const {
        return "[host]\ncontrol = \"control.sock\"\n[maps.sites]\nfile = \"" + file() +
               "\"\n[plugins.sites]\nlibrary = \"gateway\"\nconfig = { upstream_from = \"route\" }\n"
               "[[listeners]]\nname = \"front\"\naddress = \"127.0.0.1:0\"\n"
               "[[listeners.routes]]\nsni_map = \"sites\"\nplugin = \"sites\"\n";
    }

    // A client that asks for this name, and what it says to its server.
    struct Pair {
        Client client, server;
    };
    static Pair reach(const Gatehouse& host, const std::string& name, Server& server) {
        Client client(host.port("front"));
        client.send(hello_for(name));
        Client accepted = server.accept();
        EXPECT_EQ(accepted.recv_exactly(hello_for(name).size()), hello_for(name));
        return {std::move(client), std::move(accepted)};
    }
    static bool talks(Pair& pair) {
        pair.server.send("welcome");
        return pair.client.recv_exactly(7) == "welcome";
    }
    static void end(Pair& pair) {
        pair.client.close();
        pair.server.close();
    }
    static Result map(const Gatehouse& host, std::vector<std::string> words) {
        words.insert(words.begin(), {"map", "sites"});
        words.insert(words.end(), {"--socket", host.dir() / "control.sock"});
        return run_gatehouse(std::move(words));
    }

    const TempDir folder_;
    Server one_, two_;
};

TEST_F(Maps, LeadEachNameToItsServerAndMayChange) {
    write_map("a.example  " + one_.address() + "\n*.b.example  " + two_.address() + " # all of b\n");
    Gatehouse host(config());
    Pair a = reach(host, "a.example", one_);
    Pair b = reach(host, "www.B.example", two_);
    EXPECT_TRUE(talks(a) && talks(b));

    write_map("a.example  " + two_.address() + "\n");
    host.wait_for_log("map reloaded", {{"map", "sites"}, {"names", "1"}});
    Pair later = reach(host, "a.example", two_);
    EXPECT_TRUE(talks(later));
    EXPECT_TRUE(talks(a)) << "a connection stays with its server";

    Client lost(host.port("front"));
    const std::string peer = lost.local_address();
    lost.send(hello_for("www.b.example"));
    EXPECT_EQ(lost.rest().bytes, "");
    EXPECT_EQ(host.wait_for_closed("front", peer)["reason"], "no_match");

    write_map("a.example  10.0.0.1\n");
    EXPECT_EQ(host.wait_for_log("map not reloaded, the old one stays")["problem"].substr(0, file().size() + 3), file() + ":1:");
    Pair still = reach(host, "a.example", two_);
    EXPECT_TRUE(talks(still));
    const std::string who = still.client.local_address();
    end(still);
    const Record closed = host.wait_for_closed("front", who);
    EXPECT_EQ(closed["map_line"], file() + ":1");
    EXPECT_EQ(closed["upstream"], two_.address());
    for (Pair* pair : {&a, &b, &later}) end(*pair);
    EXPECT_EQ(host.terminate(), 0);
}

TEST_F(Maps, AreChangedByCommandsTogetherWithTheirFiles) {
    write_map("# sites\na.example  " + one_.address() + " # the first\n");
    Gatehouse host(config());
    EXPECT_EQ(map(host, {"get", "A.example."}).out, one_.address() + "  (" + file() + ":2)\n");
    const Result unknown = map(host, {"get", "b.example"});
    EXPECT_EQ(unknown.status, 1);
    EXPECT_NE(unknown.err.find("the map has no value for \"b.example\""), std::string::npos) << unknown.err;

    EXPECT_EQ(map(host, {"set", "B.example", two_.address()}).out, "sites has 2 names now\n");
    EXPECT_EQ(map_text(), "# sites\na.example  " + one_.address() + " # the first\nb.example  " + two_.address() + '\n');
    Pair b = reach(host, "b.example", two_); // at once: nobody has to wait for the file to be noticed
    EXPECT_TRUE(talks(b));
    end(b);
    host.wait_for_log("command", {{"command", "map.set"}, {"result", "ok"}});
    EXPECT_EQ(map(host, {"remove", "a.example"}).out, "sites has 1 name now\n");
    EXPECT_EQ(map_text(), "# sites\nb.example  " + two_.address() + '\n');

    const Result wrong = map(host, {"set", "c.example", "10.0.0.1"});
    EXPECT_EQ(wrong.status, 1);
    EXPECT_NE(wrong.err.find("\"10.0.0.1\" has no port"), std::string::npos) << wrong.err;
    std::ofstream(folder_ / "other") << "secret\n";
    const Result bad = map(host, {"load", folder_ / "other"});
    EXPECT_EQ(bad.status, 1);
    EXPECT_NE(bad.err.find("/other:1: is no name with its value"), std::string::npos) << bad.err;
    EXPECT_EQ(bad.err.find("secret"), std::string::npos) << bad.err;
    std::ofstream(folder_ / "other") << "c.example " + one_.address() + "\nd.example " + two_.address() + '\n';
    EXPECT_EQ(map(host, {"load", folder_ / "other"}).out, "sites has 2 names now\n");
    const std::string list = map(host, {"list", "--limit", "1"}).out;
    EXPECT_NE(list.find("c.example"), std::string::npos) << list;
    EXPECT_EQ(list.find("d.example"), std::string::npos) << list;
    EXPECT_EQ(host.terminate(), 0);
}

} // namespace
