// Greetings, passwords and requests that break off or are altered at every byte, to the real host: each gets the answer that
// RFC 1928 and 1929 have for it, and nothing is left of it.
#include "clients.hpp"
#include "gatehouse.hpp"
#include "name_server.hpp"
#include "named_server.hpp"
#include "proc.hpp"

#include <gtest/gtest.h>
#include <list>
#include <optional>
#include <set>

using namespace gatehouse::support;
using namespace std::string_literals;

namespace {

std::string refusal(char code) { return "\5"s + code + "\0\1\0\0\0\0\0\0"s; }

std::string hexadecimal(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += {"0123456789abcdef"[byte >> 4U], "0123456789abcdef"[byte & 15U], ' '};
    }
    return text;
}

// Takes a text with its length before it from the front of `input`; nothing if it is not all there.
std::optional<std::string> take_counted(std::string& input) {
    if (input.empty() || input.size() - 1 < static_cast<unsigned char>(input[0])) return std::nullopt;
    const std::string text = input.substr(1, static_cast<unsigned char>(input[0]));
    input.erase(0, 1 + text.size());
    return text;
}

// A proxy that leads to one server and to nowhere else, and what it has to answer, read off the RFCs.
class HostileSocks5 : public testing::Test {
  public:
    void start(const std::string& users) {
        host_.emplace("[host]\ndrain_timeout = \"2s\"\n" + names_.resolvers() + "[plugins.socks5.config]\nallow = [\"" +
                      allowed_ + "\"]\ndeny = [\"*\"]\n" + users + listener("socks5", "socks5"));
        with_users_ = !users.empty();
    }

    // The address and the port of the server, as a request has them.
    std::string ipv4() const { return "\1\x7f\0\0\1"s + port(); }
    std::string ipv6() const { return "\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"s + port(); }
    std::string name() const { return "\3\7up.test"s + port(); }

    // How the answer to `input` begins; and whether the reply to a request follows, with what it asks for.
    struct Expected {
        std::string begin;
        std::optional<std::string> destination;
    };
    Expected expected(std::string input) const {
        Expected result;
        const auto ends = [&](const std::string& last) {
            result.begin += last;
            return result;
        };
        if (input.empty()) return result;
        if (input[0] != 5) return ends("\5\xff");
        input.erase(0, 1);
        const auto methods = take_counted(input);
        if (!methods) return result;
        const char method = with_users_ ? '\2' : '\0';
        if (methods->find(method) == std::string::npos) return ends("\5\xff");
        result.begin += "\5"s + method;
        if (with_users_) {
            if (input.empty()) return result;
            if (input[0] != 1) return ends("\1\1");
            input.erase(0, 1);
            const auto user = take_counted(input);
            const auto password = user ? take_counted(input) : std::nullopt;
            if (!password) return result;
            if (user != "ann" || password != "secret") return ends("\1\1");
            result.begin += "\1\0"s;
        }
        if (!input.empty() && input[0] != 5) return ends(refusal(1));
        if (input.size() > 2 && input[2] != 0) return ends(refusal(1));
        if (input.size() < 4) return result;
        const char type = input[3];
        if (type != 1 && type != 3 && type != 4) return ends(refusal(8));
        std::size_t size = type == 1 ? 4 : 16;
        if (type == 3) {
            std::string rest = input.substr(4);
            const auto name = take_counted(rest);
            if (!name) return result;
            const auto allowed = [](char c) {
                return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
            };
            if (name->empty() || !std::all_of(name->begin(), name->end(), allowed)) return ends(refusal(1));
            size = 1 + name->size();
        }
        if (input.size() < 4 + size + 2) return result;
        if (input[1] != 1) return ends(refusal(7));
        result.destination = input.substr(3, 1 + size + 2);
        return result;
    }

    // Whether this is the whole answer to what was sent.
    bool is_right(const Expected& right, std::string answer) const {
        if (!answer.starts_with(right.begin)) return false;
        answer.erase(0, right.begin.size());
        if (!right.destination) return answer.empty();
        const bool connected = answer.starts_with("\5\0\0\1\x7f\0\0\1"s) && answer.substr(10) == "up\n";
        if (*right.destination == ipv4()) return connected;
        if (right.destination->front() != 3) return answer == refusal(2);
        return connected || answer == refusal(2) || answer == refusal(4) || answer == refusal(1); // names are the name server's
    }

    void try_out(const std::string& input) {
        Client client(host_->port("socks5"));
        client.send(input);
        client.finish();
        const Client::Rest rest = client.rest();
        EXPECT_TRUE(is_right(expected(input), rest.bytes)) << hexadecimal(input) << "was answered " << hexadecimal(rest.bytes);
        EXPECT_FALSE(rest.reset) << hexadecimal(input);
    }

    void attack(const std::string& dialogue) {
        ASSERT_TRUE(expected(dialogue).destination);
        try_out(dialogue); // what comes with the first connection, such as threads, is no leak
        nothing_is_open();
        const unsigned before = descriptors(host_->pid());
        std::list<Client> silent;
        for (std::size_t size = 0; size < dialogue.size(); ++size) {
            try_out(dialogue.substr(0, size));
            Client reset(host_->port("socks5"));
            reset.send(dialogue.substr(0, size));
            reset.reset();
            silent.emplace_back(host_->port("socks5")).send(dialogue.substr(0, size));
        }
        for (std::size_t at = 0; at < dialogue.size(); ++at) {
            std::set<char> values{'\0', '\1', '\2', '\3', '\4', '\5', '\x7f', '\x80', '\xfe', '\xff'};
            for (unsigned bit = 0; bit < 8; ++bit) values.insert(static_cast<char>(dialogue[at] ^ (1 << bit)));
            for (const char value : values) {
                std::string altered = dialogue;
                altered[at] = value;
                try_out(altered);
            }
        }
        silent.clear();
        const Record status = nothing_is_open();
        EXPECT_EQ(status["reasons"].find("plugin_"), std::string::npos) << status.line;
        eventually("no descriptor is left", [&] { return descriptors(host_->pid()) == before; });
    }

    Record nothing_is_open() {
        return host_->wait_for_status("socks5", "nothing is open", [](const Record& now) { return now["open"] == "0"; });
    }

  private:
    std::string port() const {
        const auto number = static_cast<unsigned>(std::stoul(server_.address().substr(server_.address().rfind(':') + 1)));
        return {static_cast<char>(number >> 8U), static_cast<char>(number & 0xffU)};
    }

    const NamedServer server_{"up"};
    const NameServer names_{"127.0.0.1 up.test\n"};
    const std::string allowed_ = "127.0.0.1" + server_.address().substr(server_.address().rfind(':'));
    std::optional<Gatehouse> host_;
    bool with_users_ = false;
};

TEST_F(HostileSocks5, AddressesOfIPv4) {
    start("");
    attack("\5\2\1\0\5\1\0"s + ipv4());
}

TEST_F(HostileSocks5, AddressesOfIPv6) {
    start("");
    attack("\5\1\0\5\1\0"s + ipv6());
}

TEST_F(HostileSocks5, Names) {
    start("");
    attack("\5\1\0\5\1\0"s + name());
}

TEST_F(HostileSocks5, UsersAndPasswords) {
    start("users = [ { name = \"ann\", password = \"secret\" } ]\n");
    attack("\5\2\0\2\1\3ann\6secret\5\1\0"s + ipv4());
}

} // namespace
