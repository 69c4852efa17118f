// A host with ten thousand certificates: what its start and a renewal cost, and that nothing waits for them.
#include "proc.hpp"
#include "tls_fixture.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

using namespace gatehouse::support;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string decode_base64(std::string_view text) {
    std::string bytes;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::size_t value = alphabet.find(c);
        if (value == alphabet.npos) continue; // line ends, and the filling at the end
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) bytes += static_cast<char>((bits >> static_cast<unsigned>(count -= 8)) & 0xffU);
    }
    return bytes;
}

std::string encode_base64(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t bits = 0;
        for (std::size_t j = i; j < i + 3; ++j)
            bits = (bits << 8U) | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j)
            text += j <= bytes.size() - i ? alphabet[(bits >> (18U - 6U * static_cast<unsigned>(j))) & 0x3fU] : '=';
        if (i % 48 == 45) text += '\n';
    }
    return text + (text.ends_with('\n') ? "" : "\n");
}

// Files for h00000.example, h00001.example, ..., each with a certificate, the authority's, and the key, which is the same in
// all. The certificates They are made from one by writing another name into it: its signature is wrong then, but only clients
// look at that.
class SlowCertificates : public Tls {
  protected:
    static constexpr int count = 10'000;

    SlowCertificates() {
        certificates_.make("h", {"h00000.example"});
        const std::string pem = read_file(certificates_ / "h.pem");
        const std::size_t begin = pem.find('\n');
        original_ = decode_base64(std::string_view(pem).substr(begin, pem.find("-----END") - begin));
        rest_ = read_file(certificates_.ca()) + read_file(certificates_ / "h.key");
        sections_ = certificates_.section("h");
        for (int i = 0; i < count; ++i) {
            write(i);
            sections_ += "[[tls.h.sni]]\ncertificate = \"" + file(i) + "\"\n";
        }
    }

    static std::string name(int i) { return "h" + std::to_string(100'000 + i).substr(1) + ".example"; }
    std::string file(int i) const { return certificates_ / name(i); }

    void write(int i, char last_of_signature = '\0') const {
        std::string bytes = original_;
        bytes.back() = last_of_signature;
        const std::string wanted = name(i);
        for (std::size_t at = 0; (at = bytes.find("h00000.example", at)) != bytes.npos; at += wanted.size())
            bytes.replace(at, wanted.size(), wanted);
        const std::string fresh = certificates_.dir().write("fresh", "-----BEGIN CERTIFICATE-----\n" + encode_base64(bytes) +
                                                                         "-----END CERTIFICATE-----\n" + rest_);
        std::filesystem::permissions(fresh, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        std::filesystem::rename(fresh, file(i));
    }

    std::string shown(const Gatehouse& host, int i) const {
        const Result result = run({"openssl", "s_client", "-connect", connect_to(host.port("tls")), "-servername", name(i)});
        const std::size_t at = result.out.find("subject=");
        return result.out.substr(at, result.out.find('\n', at) - at);
    }

    std::string original_, rest_, sections_;
};

TEST_F(SlowCertificates, TenThousand) {
    const auto begin = Clock::now();
    Gatehouse host(sections_ + listener("tls", "facts", "tls = \"h\"") +
                       listener("plain", "echo", "first_byte_timeout = \"1s\""),
                   {.plugin_path = {fixture_dir()}});
    EXPECT_LE(Clock::now() - begin, 4s); // a slow machine needs 2.5 s, nearly all of it in OpenSSL
    EXPECT_LE(resident_kib(host.pid()), 100 * 1024U);
    for (const int i : {0, 4711, count - 1}) EXPECT_EQ(shown(host, i), "subject=CN = " + name(i));

    // One is renewed.
    eventually("it is quiet", [&] { return is_quiet(host.pid(), 100ms); });
    const auto before = cpu_time(host.pid());
    write(4711, '\1');
    EXPECT_EQ(host.wait_for_log("certificates reloaded")["certificates"].substr(0, 14), name(4711));
    eventually("it is quiet", [&] { return is_quiet(host.pid(), 100ms); });
    EXPECT_LE(cpu_time(host.pid()) - before, 50ms);

    // All are loaded again, and two of them are bad.
    std::filesystem::remove(file(1));
    certificates_.dir().write(name(2), "nothing");
    eventually("the missing ones are noticed", [&] {
        return host.logged("h00001.example: cannot be opened") && host.logged("h00002.example: has no certificate");
    });
    const std::size_t from = host.log_size();
    Client silent(host.port("plain"));
    const auto connected = Clock::now();
    host.signal(SIGHUP);
    EXPECT_TRUE(silent.ends());
    EXPECT_LE(Clock::now() - connected, 1050ms);
    const auto asked = Clock::now();
    host.signal(SIGUSR1);
    host.wait_for_log("status", {}, from);
    EXPECT_LE(Clock::now() - asked, 50ms);
    const Record bad = host.wait_for_log("certificates not reloaded, the old ones stay", {}, from);
    for (const int i : {1, 2}) EXPECT_NE(bad["problem"].find(file(i)), std::string::npos) << bad.line;
    for (const int i : {1, 2, count - 1}) EXPECT_EQ(shown(host, i), "subject=CN = " + name(i));
}

} // namespace
