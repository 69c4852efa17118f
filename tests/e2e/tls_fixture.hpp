// A host with TLS, and how openssl and curl ask it something.
#pragma once

#include "certificates.hpp"
#include "clients.hpp"
#include "gatehouse.hpp"

#include <array>
#include <gtest/gtest.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <ostream>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace gatehouse::support {

inline std::string connect_to(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

// The first bytes of a handshake, of a client that says no more.
inline std::string half_hello() { return std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11); }

// What is said on both outputs.
struct Said {
    int status;
    std::string text;

    bool has(std::string_view what) const { return text.find(what) != std::string::npos; }
};

inline std::ostream& operator<<(std::ostream& out, const Said& said) { return out << said.status << ": " << said.text; }

class Tls : public testing::Test {
  protected:
    Tls() { certificates_.make("web", {"localhost", "127.0.0.1"}); }

    // A host whose listener "tls" has TLS as [tls.web] says, with `more` lines in that section.
    std::unique_ptr<Gatehouse> host(std::string_view plugin, std::string_view more = "", std::string_view for_listener = "",
                                    std::string_view more_sections = "") const {
        return std::make_unique<Gatehouse>(certificates_.section("web", more) + std::string(more_sections) +
                                               listener("tls", plugin, "tls = \"web\"\n" + std::string(for_listener)),
                                           GatehouseOptions{.plugin_path = {fixture_dir()}});
    }

    // openssl s_client, which goes on until the server closes.
    Said s_client(const Gatehouse& host, std::vector<std::string> options = {}, const std::string& input = "?\n") const {
        return s_client(host.port("tls"), std::move(options), input);
    }
    Said s_client(std::uint16_t port, std::vector<std::string> options = {}, const std::string& input = "?\n") const {
        options.insert(options.begin(), {"openssl", "s_client", "-ign_eof", "-verify_return_error", "-CAfile",
                                         certificates_.ca(), "-connect", connect_to(port)});
        const Result result = run(options, {.input = input});
        return {result.status, result.out + result.err};
    }

    std::string curl(const Gatehouse& host, std::vector<std::string> options, std::string_view path = "/") const {
        options.insert(options.begin(),
                       {"curl", "-q", "-sS", "--noproxy", "*", "--max-time", "60", "--cacert", certificates_.ca()});
        options.push_back("https://" + connect_to(host.port("tls")) + std::string(path));
        const Result result = run(options);
        EXPECT_EQ(result.status, 0) << result.err;
        return result.out;
    }

    const Certificates certificates_;
};

// Carries what a client sends to the host one byte at a time.
class Dribble {
  public:
    explicit Dribble(std::uint16_t to) : thread_([this, to] { carry(to); }) {}
    ~Dribble() { thread_.join(); }
    std::string port() const { return server_.address().substr(server_.address().rfind(':') + 1); }

  private:
    void carry(std::uint16_t to) {
        try {
            Client near = server_.accept();
            Client far(to);
            const int on = 1;
            ::setsockopt(far.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            std::array<char, 4096> buffer{};
            bool open = true;
            for (;;) {
                std::array<pollfd, 2> both{{{open ? near.fd() : -1, POLLIN, 0}, {far.fd(), POLLIN, 0}}};
                if (::poll(both.data(), both.size(), Deadline().left()) <= 0) return;
                if (both[0].revents != 0) {
                    const ssize_t size = ::recv(near.fd(), buffer.data(), buffer.size(), 0);
                    open = size > 0;
                    if (!open) far.finish();
                    for (ssize_t i = 0; i < size; ++i) far.send({&buffer[static_cast<std::size_t>(i)], 1});
                }
                if (both[1].revents != 0) {
                    const ssize_t size = ::recv(far.fd(), buffer.data(), buffer.size(), 0);
                    if (size <= 0) return;
                    near.send({buffer.data(), static_cast<std::size_t>(size)});
                }
            }
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }

    Server server_;
    std::thread thread_;
};

} // namespace gatehouse::support
