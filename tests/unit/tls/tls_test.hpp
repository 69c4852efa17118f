// Certificates of a test's own, and two TLS sessions with a wire in between that carries as many bytes at a time as the test
// wants.
#pragma once

#include "tls/certificate.hpp"
#include "tls/context.hpp"
#include "tls/sections.hpp"
#include "tls/session.hpp"

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gatehouse::host {

using Outcome = TlsSession::Outcome;
using Problems = std::map<std::string, std::string, std::less<>>;

class TlsTest : public testing::Test {
  public:
    TlsTest() {
        std::string name = (std::filesystem::temp_directory_path() / "gatehouse-tls-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
        folder_ = name;
        write("ca.pem", authority_.certificate);
        make("web", {"a.example", "*.b.example", "127.0.0.1", "::1"});
        server_ = server(Truncation::accept);
    }
    ~TlsTest() override { std::filesystem::remove_all(folder_); }

  protected:
    void write(const std::string& name, const std::string& text, unsigned mode = 0600) const {
        std::ofstream(folder_ / name, std::ios::binary) << text;
        ::chmod((folder_ / name).c_str(), mode);
    }
    void make(const std::string& name, const std::vector<std::string>& names) const {
        const MadeCertificate made = make_certificate(authority_, names);
        write(name + ".pem", made.certificate);
        write(name + ".key", made.key);
    }
    TlsClientConfig config() const {
        TlsClientConfig config;
        config.ca = folder_ / "ca.pem";
        return config;
    }
    std::shared_ptr<const TlsContext> server(Truncation truncation) const {
        TlsConfig config;
        config.pairs.push_back({{folder_ / "web.pem", ""}, {folder_ / "web.key", ""}, {}});
        config.truncation = truncation;
        return TlsServer(config, nullptr, log_).context();
    }
    static std::shared_ptr<const TlsContext> good(const TlsClientConfig& config) {
        return TlsContext::client(config,
                                  [](std::string_view key, const std::string& why) { ADD_FAILURE() << key << ": " << why; });
    }
    Problems problems(const TlsClientConfig& config) const {
        Problems found;
        const auto made = TlsContext::client(config, [&](std::string_view key, const std::string& why) {
            found.emplace(key, why.substr(why.find(": ") + 2)); // without the path
        });
        EXPECT_EQ(made == nullptr, !found.empty());
        return found;
    }

    mutable Log log_{[] {
        LogConfig errors;
        errors.level = LogLevel::error;
        return errors;
    }()};
    const MadeCertificate authority_ = make_authority("a test");
    std::filesystem::path folder_;
    std::shared_ptr<const TlsContext> server_;
};

// Two sessions, and what is between them.
class Wire {
  public:
    Wire(std::shared_ptr<const TlsContext> client_context, std::shared_ptr<const TlsContext> server_context,
         const std::string& name, std::size_t at_once = 65536)
        : at_once_(at_once) {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, near_.data()) != 0 ||
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, far_.data()) != 0)
            throw std::runtime_error("socketpair");
        client = TlsSession::client(std::move(client_context), near_[0], name);
        server = TlsSession::server(std::move(server_context), far_[0], handshakes_);
    }
    ~Wire() {
        for (const int fd : {near_[0], near_[1], far_[0], far_[1]})
            if (fd >= 0) ::close(fd);
    }
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    // Some bytes each way, if there are any.
    void carry() {
        for (const auto& [from, to] : {std::pair(near_[1], far_[1]), std::pair(far_[1], near_[1])}) {
            std::array<char, 65536> buffer{};
            const ssize_t size = ::recv(from, buffer.data(), at_once_, 0);
            if (size > 0 && ::send(to, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) != size)
                ADD_FAILURE() << "the wire is full";
            if (size == 0) ::shutdown(to, SHUT_WR);
        }
    }

    // Until the client is done or has failed; so is the server then, as far as it can be.
    Outcome shake_hands() {
        Outcome ours = Outcome::want_read, theirs = Outcome::want_read;
        const auto open = [](Outcome outcome) { return outcome == Outcome::want_read || outcome == Outcome::want_write; };
        for (int i = 0; i < 100'000 && (open(ours) || (ours == Outcome::done && open(theirs))); ++i) {
            if (open(ours)) ours = client->handshake();
            if (open(theirs)) theirs = server->handshake();
            carry();
        }
        return ours;
    }

    std::string read(TlsSession& session, Outcome& outcome) {
        std::string text;
        for (int i = 0; i < 100'000; ++i) {
            std::array<char, 100> buffer{};
            std::size_t size = 0;
            outcome = session.read(buffer.data(), buffer.size(), size);
            if (outcome == Outcome::done)
                text.append(buffer.data(), size);
            else if (outcome != Outcome::want_read)
                break;
            carry();
        }
        return text;
    }

    void cut() { ::shutdown(far_[1], SHUT_RDWR), ::shutdown(near_[1], SHUT_WR); }

    // Both sessions find their peer gone: from now on the kernel answers each write with EPIPE.
    void vanish() {
        for (int* fd : {&near_[1], &far_[1]}) ::close(std::exchange(*fd, -1));
    }

    std::unique_ptr<TlsSession> client, server;

  private:
    const std::size_t at_once_;
    std::array<int, 2> near_{}, far_{};
    std::atomic<std::uint32_t> handshakes_{1};
};

} // namespace gatehouse::host
