// Loading certificates: what is said of files that do not fit, and what is kept.
#include "tls/certificate.hpp"
#include "tls/sections.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

class TlsFilesTest : public testing::Test {
  public:
    TlsFilesTest() {
        std::string name = (fs::temp_directory_path() / "gatehouse-tls-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
        folder_ = name;
        make("web", {"a.example", "*.a.example"});
    }
    ~TlsFilesTest() override { fs::remove_all(folder_); }

  protected:
    void write(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / name, std::ios::binary) << text;
        ::chmod((folder_ / name).c_str(), 0600);
    }
    void make(const std::string& name, const std::vector<std::string>& names) {
        const MadeCertificate made = make_certificate(authority_, names);
        write(name + ".pem", made.certificate);
        write(name + ".key", made.key);
    }
    std::string contents(const fs::path& file) {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    TlsConfig config(const std::string& certificate = "web.pem", const std::string& key = "web.key") const {
        TlsConfig config;
        config.name = "web";
        config.pairs.push_back({{folder_ / certificate, "C"}, {folder_ / key, "K"}, {}});
        config.ciphers.where.text = "L";
        config.ciphersuites.where.text = "S";
        config.groups.where.text = "G";
        return config;
    }
    // What is wrong, with the folder left out.
    std::string problem(const TlsConfig& config) {
        try {
            const TlsServer server(config, nullptr, log_);
            return "none";
        } catch (const TlsError& error) {
            return without_folder(error.what());
        }
    }
    // The problems after all files have been loaded again.
    std::string refreshed(TlsServer& server) const {
        for (std::size_t part = 0; part < count_parts(server.config()); ++part) server.refresh(part);
        return without_folder(server.publish(true));
    }
    static std::string crlf(const std::string& text) {
        std::string with;
        for (const char c : text) (c == '\n' ? with += '\r' : with) += c;
        return with;
    }
    std::string without_folder(std::string text) const {
        const std::string path = folder_.string() + "/";
        for (std::size_t at = 0; (at = text.find(path)) != std::string::npos;) text.erase(at, path.size());
        return text;
    }
    std::vector<std::string> warnings(const TlsConfig& config) {
        const auto context = TlsServer(config, nullptr, log_).context();
        std::vector<std::string> lines;
        for (const std::string& line : context->warnings()) lines.push_back(without_folder(line));
        return lines;
    }

    fs::path folder_;
    const MadeCertificate authority_ = make_authority("Test authority");
    const fs::path data_ = fs::path(GATEHOUSE_SOURCE_DIR) / "tests/unit/tls/files";
    Log log_{[] {
        LogConfig config;
        config.level = LogLevel::error;
        return config;
    }()};
};

TEST_F(TlsFilesTest, AGoodPair) {
    EXPECT_EQ(problem(config()), "none");
    EXPECT_TRUE(warnings(config()).empty());
    write("both.pem", contents(folder_ / "web.key") + contents(folder_ / "web.pem"));
    EXPECT_EQ(problem(config("both.pem", "both.pem")), "none");
}

TEST_F(TlsFilesTest, WhatIsWrongStandsWithItsPlace) {
    EXPECT_EQ(problem(config("none.pem")), "C: none.pem: cannot be opened: No such file or directory");
    EXPECT_EQ(problem(config("web.key")),
              "C: web.key: has no certificate (expected PEM text with -----BEGIN CERTIFICATE-----)");
    EXPECT_EQ(problem(config("web.pem", "web.pem")),
              "K: web.pem: has no private key (expected PEM text with -----BEGIN PRIVATE KEY-----)");
    make("other", {"b.example"});
    EXPECT_EQ(problem(config("web.pem", "other.key")), "K: other.key: the key is not the certificate's: key values mismatch");
    fs::create_directory(folder_ / "folder");
    EXPECT_EQ(problem(config("folder")), "C: folder: is a directory (expected a PEM file, or DER for OCSP)");
    write("large", std::string((4 << 20) + 1, 'x'));
    EXPECT_EQ(problem(config("large")), "C: large: is too large (expected at most 4 MiB)");
}

TEST_F(TlsFilesTest, EditorsMayLeaveAMarkAndTheirOwnEndsOfLines) {
    for (const char* name : {"web.pem", "web.key"}) {
        std::string pem = contents(folder_ / name);
        for (std::size_t at = 0; (at = pem.find('\n', at)) != std::string::npos; at += 2) pem.replace(at, 1, "\r\n");
        write(std::string("dos-") + name, "\xef\xbb\xbf" + pem);
    }
    EXPECT_EQ(problem(config("dos-web.pem", "dos-web.key")), "none");
}

TEST_F(TlsFilesTest, DamagedFiles) {
    std::string pem = contents(folder_ / "web.pem");
    write("cut.pem", pem.substr(0, pem.size() / 2));
    EXPECT_TRUE(problem(config("cut.pem")).starts_with("C: cut.pem: certificate 1 is damaged: ")) << problem(config("cut.pem"));
    pem[pem.size() / 2] = pem[pem.size() / 2] == '!' ? '?' : '!';
    write("changed.pem", pem);
    EXPECT_TRUE(problem(config("changed.pem")).starts_with("C: changed.pem: certificate 1 is damaged: "));
    write("second.pem", contents(folder_ / "web.pem") + pem);
    EXPECT_TRUE(problem(config("second.pem")).starts_with("C: second.pem: certificate 2 is damaged: "));
    const std::string key = contents(folder_ / "web.key");
    write("cut.key", key.substr(0, key.size() / 2));
    EXPECT_TRUE(problem(config("web.pem", "cut.key")).starts_with("K: cut.key: the private key is damaged: "));
    write("zeros", std::string(1000, '\0'));
    EXPECT_TRUE(problem(config("zeros")).starts_with("C: zeros: has no certificate"));
    write("empty", "");
    EXPECT_TRUE(problem(config("empty")).starts_with("C: empty: has no certificate"));
    // Cut at every byte: refused or, where only the end of the text is missing, loaded; never a crash.
    const std::string whole = contents(folder_ / "web.pem");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        try {
            EXPECT_EQ(parse_certificates(whole.substr(0, size)).size(), 1U);
        } catch (const CertificateError&) {
        }
    }
}

TEST_F(TlsFilesTest, AKeyWithAPassphraseIsRefusedAtOnce) {
    EXPECT_EQ(problem([&] {
                  TlsConfig with = config();
                  with.pairs[0].key.path = data_ / "passphrase.key";
                  return with;
              }()),
              "K: " + (data_ / "passphrase.key").string() +
                  ": the key has a passphrase (expected one without: openssl pkey -in FILE -out NEW)");
}

TEST_F(TlsFilesTest, ListsOfOpenssl) {
    TlsConfig bad = config();
    bad.ciphers.text = "NONSENSE";
    EXPECT_EQ(problem(bad), "L: \"NONSENSE\": no cipher match");
    bad = config();
    bad.ciphersuites.text = "NONSENSE";
    EXPECT_EQ(problem(bad), "S: \"NONSENSE\": no cipher match");
    bad = config();
    bad.groups.text = "NONSENSE";
    EXPECT_EQ(problem(bad), "G: \"NONSENSE\": passed invalid argument (group 'NONSENSE' cannot be set)");
}

TEST_F(TlsFilesTest, AllProblemsAtOnce) {
    TlsConfig bad = config("none.pem");
    bad.pairs.push_back({{folder_ / "nor.pem", "C2"}, {folder_ / "web.key", "K2"}, {}});
    bad.client = TlsClient::required;
    bad.client_ca = {folder_ / "web.key", "A"};
    EXPECT_EQ(problem(bad), "C: none.pem: cannot be opened: No such file or directory\n"
                            "C2: nor.pem: cannot be opened: No such file or directory\n"
                            "A: web.key: has no certificate (expected PEM text with -----BEGIN CERTIFICATE-----)");
    make("none", {"n.example"});
    bad.pairs[1].certificate.path = folder_ / "none.pem";
    EXPECT_EQ(problem(bad), "K: web.key: the key is not the certificate's: key values mismatch\n"
                            "K2: web.key: the key is not the certificate's: key values mismatch\n"
                            "A: web.key: has no certificate (expected PEM text with -----BEGIN CERTIFICATE-----)");
}

TEST_F(TlsFilesTest, Warnings) {
    ::chmod((folder_ / "web.key").c_str(), 0644);
    EXPECT_EQ(
        warnings(config()),
        std::vector<std::string>{"K: web.key: every user of this machine may use the key (chmod o= it, or better chmod 600)"});
    ::chmod((folder_ / "web.key").c_str(), 0640);
    EXPECT_TRUE(warnings(config()).empty());

    TlsConfig expired = config();
    expired.pairs = {{{data_ / "expired.pem", "C"}, {folder_ / "expired.key", "K"}, {}}};
    write("expired.key", contents(data_ / "expired.key"));
    EXPECT_EQ(warnings(expired),
              std::vector<std::string>{"C: " + (data_ / "expired.pem").string() + ": expired on 2021-01-01"});

    TlsConfig twice = config();
    make("again", {"b.example", "a.example"});
    twice.pairs.push_back({{folder_ / "again.pem", "C2"}, {folder_ / "again.key", "K2"}, {}});
    EXPECT_EQ(warnings(twice), std::vector<std::string>{"C2: again.pem: an earlier certificate is used for a.example"});
}

TEST_F(TlsFilesTest, OcspOfSomethingElseIsRefused) {
    TlsConfig with = config();
    with.pairs[0].ocsp = {folder_ / "web.pem", "O"};
    EXPECT_TRUE(problem(with).starts_with("O: web.pem: is not an OCSP response in DER: ")) << problem(with);
}

TEST_F(TlsFilesTest, APairIsLoadedAgainAsAWhole) {
    const TlsConfig files = config();
    TlsServer server(files, nullptr, log_);
    const auto before = server.context();
    EXPECT_EQ(refreshed(server), "");
    EXPECT_EQ(server.context(), before); // nothing has changed
    make("other", {"b.example"});
    fs::rename(folder_ / "other.pem", folder_ / "web.pem");
    EXPECT_EQ(refreshed(server), "K: web.key: the key is not the certificate's: key values mismatch");
    EXPECT_EQ(server.context(), before);
    fs::rename(folder_ / "other.key", folder_ / "web.key");
    EXPECT_EQ(refreshed(server), "");
    EXPECT_NE(server.context(), before);
    EXPECT_TRUE(summary(server.context()->pairs()).starts_with("b.example (EC, until "));
    const auto after = server.context();
    EXPECT_EQ(refreshed(server), "");
    EXPECT_EQ(server.context(), after);
}

TEST_F(TlsFilesTest, ABadPairKeepsNoOtherFromBeingRenewed) {
    TlsConfig files = config();
    for (const std::string name : {"bad", "good", "same"}) {
        make(name, {name + ".example"});
        files.pairs.push_back({{folder_ / (name + ".pem"), "C"}, {folder_ / (name + ".key"), "K"}, {}});
    }
    files.client = TlsClient::required;
    write("ca.pem", authority_.certificate);
    files.client_ca = {folder_ / "ca.pem", "A"};
    TlsServer server(files, nullptr, log_);
    const auto before = server.context();
    write("bad.key", "nothing");
    write("ca.pem", "nothing");
    make("good", {"good.example"});
    make("web", {"new.example"});
    EXPECT_EQ(refreshed(server), "K: bad.key: has no private key (expected PEM text with -----BEGIN PRIVATE KEY-----)\n"
                                 "A: ca.pem: has no certificate (expected PEM text with -----BEGIN CERTIFICATE-----)");
    const auto after = server.context();
    for (const std::size_t i : {0U, 2U}) EXPECT_NE(after->pairs()[i], before->pairs()[i]);
    for (const std::size_t i : {1U, 3U}) EXPECT_EQ(after->pairs()[i], before->pairs()[i]);
}

// Most certificates of a host have been signed by the same few.
TEST_F(TlsFilesTest, IssuersAreKeptOnce) {
    TlsConfig files = config();
    const MadeCertificate other = make_authority("Other authority");
    for (const std::string name : {"one", "two", "three"}) {
        const MadeCertificate& authority = name == "three" ? other : authority_;
        const MadeCertificate made = make_certificate(authority, {name + ".example"});
        write(name + ".pem", made.certificate + authority.certificate);
        write(name + ".key", made.key);
        files.pairs.push_back({{folder_ / (name + ".pem"), "C"}, {folder_ / (name + ".key"), "K"}, {}});
    }
    TlsServer server(files, nullptr, log_);
    const auto& pairs = server.context()->pairs();
    EXPECT_EQ(pairs[0]->issuers, nullptr);
    EXPECT_NE(pairs[1]->issuers, nullptr);
    EXPECT_EQ(pairs[1]->issuers, pairs[2]->issuers);
    EXPECT_NE(pairs[1]->issuers, pairs[3]->issuers);
    write("one.pem", contents(folder_ / "one.pem") + authority_.certificate);
    write("two.pem", contents(folder_ / "two.pem").substr(0, 900) + "\n-----BEGIN CERTIFICATE-----\nAAAA\n");
    EXPECT_TRUE(refreshed(server).starts_with("C: two.pem: certificate ")) << refreshed(server);
}

TEST_F(TlsFilesTest, ManyPairsHaveAShortSummary) {
    TlsConfig files = config();
    for (int i = 0; i < 30; ++i) files.pairs.push_back(files.pairs[0]);
    EXPECT_TRUE(summary(TlsServer(files, nullptr, log_).context()->pairs()).ends_with(", and 11 more"));
}

TEST_F(TlsFilesTest, KeysOfAllKinds) {
    KeyReader reader; // of many
    for (const auto& [file, type] :
         {std::pair("rsa.key", "RSA"), {"pkcs1.key", "RSA"}, {"sec1.key", "EC"}, {"ed25519.key", "ED25519"}}) {
        const std::string text = contents(data_ / file);
        for (const std::string& shape : {text, "a comment\n" + text, contents(folder_ / "web.pem") + text, crlf(text)})
            EXPECT_TRUE(reader.read(shape)) << file << " " << type;
        EXPECT_THROW(reader.read(text.substr(0, text.size() / 2)), CertificateError) << file;
        EXPECT_THROW(reader.read(contents(data_ / "passphrase.key")), CertificateError);
    }
}

TEST_F(TlsFilesTest, WhatIsPassedOverIsSaid) {
    TlsConfig files = config();
    const std::string good = contents(folder_ / "web.pem");
    write("web.pem", good + "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n" +
                         contents(folder_ / "web.key"));
    files.client = TlsClient::required;
    write("ca.pem", "A comment\n\xef\xbb\xbf" + authority_.certificate + "  " + authority_.certificate +
                        authority_.certificate + contents(data_ / "expired.pem") + contents(folder_ / "web.key"));
    files.client_ca = {folder_ / "ca.pem", "A"};
    const std::vector<std::string> said = warnings(files);
    const auto has = [&](std::string_view what) {
        return std::any_of(said.begin(), said.end(), [&](const std::string& line) { return line.find(what) != line.npos; });
    };
    const std::string expected = " is passed over (expected -----BEGIN CERTIFICATE----- at the start of a line)";
    EXPECT_TRUE(has("C: web.pem: line ")) << said.size();
    EXPECT_TRUE(has(": \"-----BEGIN TRUSTED CERTIFICATE-----\"" + expected));
    EXPECT_TRUE(has("A: ca.pem: line 2: \"\xef\xbb\xbf-----BEGIN CERTIFICATE-----\"" + expected));
    EXPECT_TRUE(has(": \"  -----BEGIN CERTIFICATE-----\"" + expected));
    EXPECT_TRUE(has(": \"-----BEGIN PRIVATE KEY-----\"" + expected));
    EXPECT_TRUE(has("A: ca.pem: certificate 2 (")) << testing::PrintToString(said);
    EXPECT_EQ(said.size(), 5U) << testing::PrintToString(said);
}

TEST_F(TlsFilesTest, HandshakesAreCounted) {
    TlsConfig few = config();
    few.max_handshakes = 2;
    TlsServer server(few, nullptr, log_);
    Reason refused{};
    auto first = server.session(-1, refused);
    auto second = server.session(-1, refused);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(server.handshakes(), 2U);
    EXPECT_FALSE(server.session(-1, refused));
    EXPECT_EQ(refused, Reason::handshakes_full);
    first.reset();
    EXPECT_EQ(server.handshakes(), 1U);
    EXPECT_TRUE(server.session(-1, refused));
}

TEST(Certificate, SaysWhoItIsFor) {
    const MadeCertificate authority = make_authority("Test, authority\\");
    const MadeCertificate made = make_certificate(authority, {"A.example", "127.0.0.1", "::1", "*.b.example"});
    const std::vector<Certificate> parsed = parse_certificates(made.certificate + authority.certificate);
    ASSERT_EQ(parsed.size(), 2U);
    EXPECT_EQ(dns_names(*parsed[0]), (std::vector<std::string>{"a.example", "*.b.example"}));
    EXPECT_EQ(alternative_names(*parsed[0]), "DNS:A.example, IP:127.0.0.1, IP:::1, DNS:*.b.example");
    EXPECT_EQ(subject(*parsed[0]), "CN=A.example");
    EXPECT_EQ(subject(*parsed[1]), "CN=Test\\, authority\\\\");
    EXPECT_EQ(key_type(*parsed[0]), "EC");
    EXPECT_LT(not_before(*parsed[0]), std::time(nullptr));
    EXPECT_GT(not_after(*parsed[0]), std::time(nullptr) + 396 * 86'400);
    EXPECT_THROW(make_certificate(authority, {"a,IP:1.2.3.4"}), CertificateError);
    EXPECT_THROW(make_certificate(authority, {""}), CertificateError);
}

} // namespace
} // namespace gatehouse::host
