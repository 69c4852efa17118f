// Whom clients' certificates are from: a root, an issuing authority below it, and their lists of revoked certificates.
#include "tls_fixture.hpp"

#include <filesystem>
#include <fstream>

using namespace gatehouse::support;

namespace {

class TlsAuthorities : public Tls {
  protected:
    TlsAuthorities() {
        // The folder of an authority has its key, its certificate, and the index of what it has signed.
        shell(R"(
            sign() { # NAME ISSUER EXTENSIONS
                openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=$1 -keyout $1.key -out $1.csr
                echo "$3" > extensions
                openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -days 30 -set_serial 0x$(openssl rand -hex 8) \
                    -extfile extensions -out $1.pem
            }
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=root -keyout root.key -out root.pem
            sign issuing root basicConstraints=critical,CA:TRUE
            sign other root basicConstraints=critical,CA:TRUE
            for name in alice bob; do sign $name issuing basicConstraints=CA:FALSE; done
            sign carol other basicConstraints=CA:FALSE
            for name in alice bob; do cat $name.pem issuing.pem > $name.chain; done
            cat carol.pem other.pem > carol.chain
        )");
        for (const std::string name : {"root", "issuing", "other"}) list(name, {});
    }

    void shell(const std::string& script) const {
        const Result result = run({"sh", "-ec", "cd " + certificates_.dir().path().string() + "; exec 2>&1;" + script});
        if (result.status != 0) throw std::runtime_error(result.out);
    }
    // Makes AUTHORITY.crl with these certificates in it.
    void list(const std::string& authority, const std::vector<std::string>& revoked,
              const std::string& days = "-crldays 30") const {
        std::string script = "printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=sha256\n' > ca.cnf; : > index\n";
        const std::string ca = "openssl ca -config ca.cnf -cert " + authority + ".pem -keyfile " + authority + ".key ";
        for (const std::string& name : revoked) script += ca + "-revoke " + name + ".pem -crl_reason keyCompromise\n";
        shell(script + ca + "-gencrl " + days + " -out " + authority + ".new; mv " + authority + ".new " + authority + ".crl");
    }
    // Makes a file of several, in one step.
    void join(const std::vector<std::string>& parts, const std::string& into) const {
        std::string script = "cat";
        for (const std::string& part : parts) script += ' ' + part;
        shell(script + " > joined; mv joined " + into);
    }
    std::unique_ptr<Gatehouse> demanding(const std::string& ca, const std::string& crl = "") const {
        return host("facts", "client = \"required\"\nclient_ca = \"" + certificates_ / ca + "\"\n" +
                                 (crl.empty() ? "" : "client_crl = \"" + certificates_ / crl + "\"\n"));
    }
    std::vector<std::string> shows(const std::string& name) const {
        return {"-cert", certificates_ / (name + ".chain"), "-cert_chain", certificates_ / (name + ".chain"),
                "-key",  certificates_ / (name + ".key")};
    }
    // "", or why the host refuses.
    std::string refused(Gatehouse& server, const std::string& name, const std::vector<std::string>& more = {}) const {
        const std::size_t from = server.log_size();
        std::vector<std::string> options = shows(name);
        options.insert(options.end(), more.begin(), more.end());
        if (s_client(server, options).has("subject=CN=" + name)) return "";
        return server.wait_for_log("TLS handshake failed", {}, from)["error"];
    }
};

constexpr auto revoked = "certificate verify failed: certificate revoked";

TEST_F(TlsAuthorities, TheIssuingOneAloneIsEnough) {
    for (const std::string version : {"-tls1_3", "-tls1_2"}) {
        const auto server = demanding("issuing.pem");
        EXPECT_EQ(refused(*server, "alice", {version}), "");
        EXPECT_EQ(refused(*server, "carol", {version}), "certificate verify failed: unable to get local issuer certificate");
    }
    const auto by_root = demanding("root.pem");
    EXPECT_EQ(refused(*by_root, "alice"), "");
    EXPECT_EQ(refused(*by_root, "carol"), "");
}

TEST_F(TlsAuthorities, ARevokedClientIsRefused) {
    list("issuing", {"bob"});
    for (const std::string ca : {"issuing", "root"}) {
        const auto server = demanding(ca + ".pem", "issuing.crl");
        for (const std::string version : {"-tls1_3", "-tls1_2"}) {
            EXPECT_EQ(refused(*server, "alice", {version}), "") << ca;
            EXPECT_EQ(refused(*server, "bob", {version}), revoked) << ca;
        }
    }
}

TEST_F(TlsAuthorities, ListsOfTheAuthoritiesAboveAreUsedIfTheyAreThere) {
    join({"issuing.crl", "root.crl", "other.crl"}, "all.crl");
    for (const std::string ca : {"issuing.pem", "root.pem"}) EXPECT_EQ(refused(*demanding(ca, "all.crl"), "alice"), "") << ca;
    list("root", {"other"});
    join({"issuing.crl", "root.crl", "other.crl"}, "all.crl");
    const auto server = demanding("root.pem", "all.crl");
    EXPECT_EQ(refused(*server, "alice"), "");
    EXPECT_EQ(refused(*server, "carol"), revoked);
}

TEST_F(TlsAuthorities, WithoutTheListOfItsAuthorityAClientIsRefused) {
    const auto server = demanding("root.pem", "issuing.crl");
    EXPECT_EQ(refused(*server, "alice"), "");
    EXPECT_EQ(refused(*server, "carol"), "certificate verify failed: unable to get certificate CRL");
}

TEST_F(TlsAuthorities, AListThatIsOutOfDateRefusesAndIsSaid) {
    list("issuing", {}, "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200102000000Z");
    const auto server = demanding("issuing.pem", "issuing.crl");
    EXPECT_EQ(refused(*server, "alice"), "certificate verify failed: CRL has expired");
    EXPECT_TRUE(server->wait_for_log("certificate")["problem"].ends_with(
        "issuing.crl: the list of CN=issuing is out of date since 2020-01-02; its clients are refused"));
}

// A client that has been revoked cannot come back with a ticket either.
TEST_F(TlsAuthorities, ANewListCountsForResumedSessionsToo) {
    const auto server = demanding("issuing.pem", "issuing.crl");
    const std::string session = certificates_ / "session";
    EXPECT_EQ(refused(*server, "bob", {"-sess_out", session}), "");
    EXPECT_TRUE(s_client(*server, {"-sess_in", session}).has("Reused, TLSv1.3"));
    list("issuing", {"bob"});
    server->wait_for_log("certificates reloaded");
    EXPECT_EQ(refused(*server, "bob"), revoked);
    EXPECT_EQ(refused(*server, "bob", {"-sess_in", session}), revoked);
    EXPECT_EQ(refused(*server, "alice"), "");

    // A bad one leaves the old one in force.
    const std::size_t from = server->log_size();
    shell("echo nothing > bad; mv bad issuing.crl");
    const Record kept = server->wait_for_log("certificates not reloaded, the old ones stay", {}, from);
    EXPECT_TRUE(kept["problem"].ends_with("tls.web.client_crl: " + certificates_ / "issuing.crl" +
                                          ": has no revocation list (expected PEM text with -----BEGIN X509 CRL-----)"))
        << kept.line;
    EXPECT_EQ(refused(*server, "bob"), revoked);
}

} // namespace
