// The negotiation of a client with the plugin.
#include "../../passwords/turns.hpp"
#include "wire.hpp"

#include <gatehouse/testing.hpp>

#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <unistd.h>
#include <utility>

using namespace gatehouse::kit;
using namespace socks5::wire;
using passwords::Turns;

namespace {

const std::string server_address = "\xc6\x33\x64\7"; // 198.51.100.7
const std::string server_endpoint = "198.51.100.7:80";
const Table ann{{"users", List{Table{{"name", "ann"}, {"password", "secret"}}}}};

std::vector<std::string> lines(Plugin& plugin) {
    std::vector<std::string> texts;
    for (const LogLine& line : plugin.log()) texts.push_back(text_of(line));
    return texts;
}

TEST(Socks5, ConnectsAndRelays) {
    Plugin socks;
    socks.upstream(server_endpoint, {"welcome", end});
    const Outcome outcome = socks.serve({greeting, request(server_address, 80), "hello", end});
    EXPECT_EQ(outcome.output, no_authentication + succeeded + "welcome");
    EXPECT_EQ(outcome.reason, "peer_closed");
    ASSERT_EQ(outcome.upstreams.size(), 1U);
    EXPECT_TRUE(outcome.upstreams[0].relayed);
    EXPECT_EQ(outcome.upstreams[0].received, "hello");
    EXPECT_FALSE(outcome.deadline) << "a relay has times of its own";
}

// A client may send everything without waiting for an answer (RFC 1928 does not forbid it): the bytes after the request go to
// the destination.
TEST(Socks5, ItMakesNoDifferenceHowTheBytesArrive) {
    for (const bool password : {false, true}) {
        Plugin socks(password ? ann : Table{});
        socks.upstream(server_endpoint, {"welcome", end});
        const std::string start = password ? password_greeting + credentials("ann", "secret") : greeting;
        const std::string input = start + request(server_address, 80) + "optimistic";
        const std::string answer = password ? wants_password + right_password : no_authentication;
        EXPECT_EQ(socks.serve_every_split(input), answer + succeeded + "welcome");
        for_each_split(input, [&](const Script& script) {
            const Outcome outcome = socks.serve(script);
            ASSERT_EQ(outcome.upstreams.size(), 1U);
            EXPECT_EQ(outcome.upstreams[0].received, "optimistic");
            EXPECT_EQ(outcome.reason, "peer_closed");
        });
    }
}

TEST(Socks5, ParksBetweenTheBytesOfAMessage) {
    Plugin socks;
    Client client = socks.connect();
    for (const char byte : greeting + request(server_address, 80).substr(0, 9)) {
        client.say({std::string(1, byte)});
        EXPECT_TRUE(client.outcome().open);
        EXPECT_EQ(client.outcome().next, GATEHOUSE_NEXT_PARK);
    }
    EXPECT_EQ(client.heard(), no_authentication);
    EXPECT_EQ(client.outcome().deadline, std::chrono::seconds(10)) << "set once, and not moved by what arrives";
}

TEST(Socks5, TheWholeNegotiationHasOneDeadline) {
    Plugin socks({{"negotiation_timeout", "3s"}});
    const Outcome outcome = socks.serve({"\5", pass(milliseconds(1500)), "\1", pass(milliseconds(1500)), "\0", end});
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(outcome.reason, "deadline");
}

TEST(Socks5, EndsWithTheClientAndWithTheHost) {
    Plugin socks;
    const std::string input = greeting + request(server_address, 80);
    for (std::size_t size = 1; size < input.size(); ++size) {
        EXPECT_EQ(socks.serve({input.substr(0, size), end}).reason, "peer_closed") << size;
        EXPECT_EQ(socks.serve({input.substr(0, size), reset}).reason, "peer_reset") << size;
    }
    EXPECT_EQ(socks.serve({"\5", stopping}).reason, "drained");
}

TEST(Socks5, ChoosesTheMethodOfItsConfiguration) {
    Plugin open;
    EXPECT_EQ(open.serve({"\5\3\1\2\0"s}).output, no_authentication);
    for (const std::string& bad : {"\5\0"s, "\5\1\2"s, "\5\2\1\2"s, "\5\1\xff"s}) {
        const Outcome outcome = open.serve({bad, request(server_address, 80)});
        EXPECT_EQ(outcome.output, no_method);
        EXPECT_EQ(outcome.reason, "done");
    }
    Plugin closed(ann);
    EXPECT_EQ(closed.serve({"\5\3\1\2\0"s}).output, wants_password);
    for (const std::string& bad : {"\5\0"s, "\5\1\0"s, "\5\2\1\0"s}) EXPECT_EQ(closed.serve({bad}).output, no_method);
    EXPECT_EQ(lines(closed).back(), "refused: it does not offer user name and password peer=192.0.2.1:40123");
    EXPECT_EQ(lines(open).back(), "refused: it does not offer access without authentication peer=192.0.2.1:40123");
}

TEST(Socks5, RefusesWhatIsNotSocks5) {
    Plugin socks;
    for (const std::string& other : {"\4\1\0\x50\xc6\x33\x64\7\0"s, "GET / HTTP/1.1\r\n\r\n"s, "\x16\3\1\2\0"s, "\0"s}) {
        EXPECT_EQ(socks.serve_every_split(other), no_method);
        EXPECT_EQ(socks.serve({other}).reason, "done");
    }
    EXPECT_EQ(lines(socks).back(), "refused: it does not speak SOCKS version 5 peer=192.0.2.1:40123");
}

TEST(Socks5, ChecksThePassword) {
    Plugin socks(ann);
    socks.upstream(server_endpoint, {end});
    EXPECT_EQ(socks.serve_every_split(password_greeting + credentials("ann", "secret") + request(server_address, 80)),
              wants_password + right_password + succeeded);
    for (const std::string& bad : {credentials("ann", "Secret"), credentials("ann", ""), credentials("bob", "secret"),
                                   credentials("", ""), credentials("", "secret"), credentials("ann", "secret\0"s),
                                   credentials(std::string(255, 'a'), std::string(255, 'b'))}) {
        const Outcome outcome = socks.serve({password_greeting, bad, request(server_address, 80)});
        EXPECT_EQ(outcome.output, wants_password + wrong_password);
        EXPECT_TRUE(outcome.upstreams.empty());
        EXPECT_EQ(outcome.reason, "done");
    }
    EXPECT_EQ(socks.serve({password_greeting, "\5\3ann\6secret"}).output, wants_password + wrong_password);
    EXPECT_EQ(lines(socks).back(), "refused: its authentication is malformed peer=192.0.2.1:40123");
    static_cast<void>(socks.serve({password_greeting, credentials("bob", "secret")}));
    EXPECT_EQ(lines(socks).back(), "refused: wrong user name or password peer=192.0.2.1:40123 user=bob");
}

// --- turns -----------------------------------------------------------------------------------------------------------------

// "secret" by bcrypt, the cheapest there is.
const Table hashed{
    {"users", List{Table{{"name", "ann"}, {"hash", "$2y$04$hvmEVqjma7DSKl0lo.b7BuMWMqJtuXNuhB3yhWB5QxobVUK64nyRe"}}}}};
const std::string login = password_greeting + credentials("ann", "secret");

// All turns of this process that are to be had.
class AllTurns {
  public:
    AllTurns() {
        do turns_.push_back(std::make_unique<Turns::Turn>(Turns::of_library(), [] {}));
        while (turns_.back()->state() == Turns::Turn::State::here);
        turns_.pop_back();
    }
    void give_back_one() { turns_.pop_back(); }

  private:
    std::vector<std::unique_ptr<Turns::Turn>> turns_;
};

// The fake host serves the connections that were woken when it is called.
void let_run(Plugin& plugin) { static_cast<void>(plugin.serve({greeting, end})); }

TEST(Socks5, ALoginWaitsForItsTurnWithoutAThread) {
    Plugin socks(hashed);
    Plugin other(hashed); // turns are of the process
    AllTurns taken;
    Client first = socks.connect(), second = other.connect(), third = socks.connect();
    for (Client* client : {&first, &second, &third}) {
        client->say({login});
        EXPECT_EQ(client->heard(), wants_password);
        EXPECT_EQ(client->outcome().next, GATEHOUSE_NEXT_WAIT);
    }
    taken.give_back_one(); // each passes its turn on to the next
    for (const auto& [plugin, client] : {std::pair(&socks, &first), std::pair(&other, &second), std::pair(&socks, &third)}) {
        EXPECT_EQ(client->heard(), "");
        let_run(*plugin);
        EXPECT_EQ(client->heard(), right_password);
    }
}

TEST(Socks5, ALoginThatWaitsHearsItsDeadlineTheDrainAndTheEnd) {
    Plugin socks(hashed);
    AllTurns taken;
    EXPECT_EQ(socks.serve({login, pass(std::chrono::seconds(11))}).reason, "deadline");
    EXPECT_EQ(socks.serve({login, stopping}).reason, "drained");
    EXPECT_EQ(socks.serve({login, reset}).reason, "peer_reset");
    Client next = socks.connect();
    next.say({login});
    taken.give_back_one(); // those before it have gone
    let_run(socks);
    EXPECT_EQ(next.heard(), wants_password + right_password);
}

TEST(Socks5, APasswordInPlainTextNeedsNoTurn) {
    Plugin socks(ann);
    const AllTurns taken;
    EXPECT_EQ(socks.serve({login, end}).output, wants_password + right_password);
}

TEST(Turns, AreLimitedAndSoAreThoseThatWait) {
    using State = Turns::Turn::State;
    Turns turns(1, 2);
    std::vector<int> woken;
    auto one = std::make_unique<Turns::Turn>(turns, [&] { woken.push_back(1); });
    auto two = std::make_unique<Turns::Turn>(turns, [&] { woken.push_back(2); });
    auto three = std::make_unique<Turns::Turn>(turns, [&] { woken.push_back(3); });
    auto four = std::make_unique<Turns::Turn>(turns, [&] { woken.push_back(4); });
    EXPECT_EQ(one->state(), State::here);
    EXPECT_EQ(two->state(), State::waiting);
    EXPECT_EQ(three->state(), State::waiting);
    EXPECT_EQ(four->state(), State::refused);
    four.reset();
    two.reset();
    auto five = std::make_unique<Turns::Turn>(turns, [&] { woken.push_back(5); });
    EXPECT_EQ(five->state(), State::waiting);
    one.reset();
    EXPECT_EQ(woken, std::vector{3});
    EXPECT_EQ(three->state(), State::here);
    three.reset();
    five.reset();
    EXPECT_EQ(woken, (std::vector{3, 5}));
    EXPECT_EQ(Turns::Turn(turns, [] {}).state(), State::here);
}

TEST(Socks5, RefusesWhatItDoesNotDo) {
    Plugin socks;
    for (int command = 0; command < 256; ++command) {
        if (command == 1) continue;
        const Outcome outcome = socks.serve({greeting, request(server_address, 80, static_cast<char>(command))});
        EXPECT_EQ(outcome.output, no_authentication + refusal(7)) << command;
        EXPECT_EQ(outcome.reason, "done");
    }
    EXPECT_EQ(socks.serve_every_split(greeting + request_name("example.com", 80, 2)), no_authentication + refusal(7));
    EXPECT_EQ(lines(socks).back(), "refused: BIND is not supported peer=192.0.2.1:40123");
    EXPECT_EQ(socks.serve_every_split(greeting + request(std::string(16, '\7'), 80, 3)), no_authentication + refusal(7));
    EXPECT_EQ(lines(socks).back(), "refused: UDP ASSOCIATE is not supported peer=192.0.2.1:40123");
    EXPECT_EQ(socks.serve_every_split(greeting + "\5\1\0\2\1\1\1\1\0\x50"s), no_authentication + refusal(8));
    EXPECT_EQ(lines(socks).back(), "refused: its request has an unknown address type peer=192.0.2.1:40123");
    for (const std::string& bad : {"\4\1\0\1\1\1\1\1\0\x50"s, "\5\1\7\1\1\1\1\1\0\x50"s, request_name("", 80),
                                   request_name("unix:/run/docker.sock", 80)})
        EXPECT_EQ(socks.serve_every_split(greeting + bad), no_authentication + refusal(1));
    EXPECT_EQ(lines(socks).back(), "refused: its request is malformed peer=192.0.2.1:40123");
}

// The plugin's output is empty, or a method, the result of an authentication and a reply, in this order.
bool is_dialogue(std::string_view output) {
    if (output.empty() || output == no_method) return true;
    const bool password = output.starts_with(wants_password);
    if (!password && !output.starts_with(no_authentication)) return false;
    output.remove_prefix(2);
    if (password && (output.empty() || output == wrong_password)) return true;
    if (password && !output.starts_with(right_password)) return false;
    if (password) output.remove_prefix(2);
    if (output.empty() || output == succeeded) return true;
    return output.size() == 10 && output[1] >= 1 && output[1] <= 8 && output == refusal(output[1]);
}

// The test changes, adds and removes bytes of what a client sends. There must be an answer of the protocol, an end with one of
// these reasons, and nothing left open (the fake host looks).
TEST(Socks5, MutatedInputIsRefusedClearly) {
    std::mt19937 random(1928);
    const auto below = [&](std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random); };
    for (const bool password : {false, true}) {
        Plugin socks(password ? ann : Table{});
        socks.upstream(server_endpoint, {end});
        const std::string start = password ? password_greeting + credentials("ann", "secret") : greeting;
        for (int round = 0; round < 4'000; ++round) {
            std::string input = start + (round % 2 == 0 ? request(server_address, 80) : request_name("198.51.100.7", 80));
            for (std::size_t changes = 1 + below(3); changes > 0 && !input.empty(); --changes) {
                const std::size_t at = below(input.size());
                if (const std::size_t kind = below(4); kind == 0)
                    input.resize(at);
                else if (kind == 1)
                    input.insert(at, 1 + below(3), static_cast<char>(below(256)));
                else
                    input[at] = static_cast<char>(kind == 2 ? below(256) : below(8));
            }
            if (input.empty()) continue;
            const std::size_t cut = below(input.size());
            const Outcome outcome = socks.serve({input.substr(0, cut), input.substr(cut), end});
            ASSERT_TRUE(is_dialogue(outcome.output)) << testing::PrintToString(input);
            ASSERT_TRUE(outcome.reason == "done" || outcome.reason == "peer_closed" || outcome.reason == "upstream_failed")
                << outcome.reason;
            ASSERT_FALSE(outcome.open);
        }
    }
}

TEST(Socks5, LetsGoOfAClientThatTakesNoAnswer) {
    Plugin socks(ann);
    socks.upstream(server_endpoint, {end});
    const std::string input = password_greeting + credentials("ann", "secret") + request(server_address, 80);
    for (std::size_t taken = 0; taken < 14; ++taken)
        EXPECT_EQ(socks.serve({input, end}, {.write_limit = taken}).reason, "peer_reset") << taken;
}

TEST(Socks5, RecognisesItsProtocol) {
    Plugin socks;
    EXPECT_EQ(socks.probe(""), GATEHOUSE_MATCH_MORE);
    EXPECT_EQ(socks.probe("\5"), GATEHOUSE_MATCH_MORE);
    EXPECT_EQ(socks.probe("\5\1"), GATEHOUSE_MATCH_YES);
    EXPECT_EQ(socks.probe("\5\2\0\2"s), GATEHOUSE_MATCH_YES);
    EXPECT_EQ(socks.probe("\5\x10"), GATEHOUSE_MATCH_YES);
    for (const std::string& other : {"\4\1"s, "G"s, "\x16\3"s, "\5\0"s, "\5\x11"s, "\5\xff"s})
        EXPECT_EQ(socks.probe(other), GATEHOUSE_MATCH_NO);
}

TEST(Socks5, ChecksItsConfiguration) {
    EXPECT_EQ(Plugin::refusal({{"negotiation_timeout", "0s"}}),
              "negotiation_timeout: out of range: \"0s\" (expected a duration of at least 1ms)");
    EXPECT_EQ(Plugin::refusal({{"connect_timeout", "0s"}}),
              "connect_timeout: out of range: \"0s\" (expected a duration of at least 1ms)");
    EXPECT_EQ(
        Plugin::refusal({{"allow", List{"10.0.0.0/8", "x"}}}),
        "allow[1]: \"x\" is not a network (expected one such as \"10.0.0.0/8\", \"10.0.0.1:22\", \"[fd00::/8]:443\" or \"*\")");
    EXPECT_EQ(Plugin::refusal({{"deny", List{"*:0"}}}),
              "deny[0]: \"*:0\" has wrong ports (expected numbers and ranges, such as \":22,8000-8999\")");
    const auto users = [](const Table& user) { return Plugin::refusal({{"users", List{user}}}); };
    EXPECT_EQ(users({{"password", "x"}}), "users[0].name: missing (expected a string)");
    EXPECT_EQ(users({{"name", "ann"}}), "users[0].name: a user has either a password or a hash");
    EXPECT_EQ(users({{"name", "ann"}, {"password", "x"}, {"hash", "$6$x"}}),
              "users[0].name: a user has either a password or a hash");
    EXPECT_EQ(
        users({{"name", "ann"}, {"hash", "secret"}}),
        "users[0].name: the hash of \"ann\" is not one that crypt(3) knows (expected one such as \"$y$...\" or \"$2b$...\")");
}

// A unit test's own file.
class UsersFile {
  public:
    explicit UsersFile(std::string_view text) : path_(testing::TempDir() + "socks5-users-XXXXXX") {
        const int fd = ::mkstemp(path_.data());
        EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
        ::close(fd);
    }
    ~UsersFile() { ::unlink(path_.c_str()); }
    UsersFile(const UsersFile&) = delete;
    UsersFile& operator=(const UsersFile&) = delete;
    const std::string& path() const noexcept { return path_; }

  private:
    std::string path_;
};

TEST(Socks5, TakesUsersFromAFile) {
    const UsersFile file("ann:$2y$04$hvmEVqjma7DSKl0lo.b7BuMWMqJtuXNuhB3yhWB5QxobVUK64nyRe\n");
    Plugin socks({{"users_file", file.path()}});
    EXPECT_EQ(socks.serve({password_greeting, credentials("ann", "secret")}).output, wants_password + right_password);
    EXPECT_EQ(socks.serve({password_greeting, credentials("ann", "Secret")}).output, wants_password + wrong_password);
    const UsersFile wrong("ann\n");
    EXPECT_EQ(Plugin::refusal({{"users_file", wrong.path()}}),
              "users_file: " + wrong.path() + ", line 1: expected \"name:hash\"");
    const UsersFile nobody("# nobody\n");
    EXPECT_EQ(Plugin::refusal({{"users_file", nobody.path()}}), "users_file: " + nobody.path() + ": it has no users");
    EXPECT_EQ(Plugin::refusal({{"users_file", "/nonexistent/users"}}), "users_file: /nonexistent/users: cannot be read");
    EXPECT_EQ(Plugin::refusal({{"users_file", "/"}}), "users_file: /: cannot be read");
}

} // namespace
