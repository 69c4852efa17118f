#include "tls/certificate.hpp"

#include "base/printable.hpp"
#include "base/text_file.hpp"
#include "net/server_name.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <openssl/bio.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <utility>

namespace gatehouse::host {

void FreeX509::operator()(x509_st* certificate) const noexcept { ::X509_free(certificate); }
void FreeX509Stack::operator()(stack_st_X509* certificates) const noexcept { sk_X509_pop_free(certificates, ::X509_free); }
void FreeCrl::operator()(X509_crl_st* list) const noexcept { ::X509_CRL_free(list); }
void FreeKey::operator()(evp_pkey_st* key) const noexcept { ::EVP_PKEY_free(key); }

namespace {

template <auto free>
struct Free {
    template <class Object>
    void operator()(Object* object) const noexcept {
        free(object);
    }
};
template <class Object, auto free>
using Owned = std::unique_ptr<Object, Free<free>>;
using Bio = Owned<BIO, ::BIO_free_all>;

constexpr std::size_t most_certificates = 1'000; // in one file; a system's authorities are some 150

[[noreturn]] void fail(const std::string& what) { throw CertificateError(what); }
[[noreturn]] void fail_with_words(const std::string& what) { fail(what + ": " + openssl_words()); }

// Throws if a call of OpenSSL has failed: one that returns a pointer, and one that returns a number.
template <class Object>
Object* made(Object* object) {
    if (object == nullptr) fail_with_words("cannot make the certificate");
    return object;
}
void done(int result) {
    if (result <= 0) fail_with_words("cannot make the certificate");
}

// PEM is told from what is around it by how its lines begin, so a byte order mark would hide the first one.
Bio reader(std::string_view text) {
    text = without_mark(text);
    Bio bio(::BIO_new_mem_buf(text.data(), static_cast<int>(std::min<std::size_t>(text.size(), 1U << 30U))));
    if (!bio) throw std::bad_alloc();
    return bio;
}

std::string taken_from(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

// As in RFC 2253.
std::string name_text(const X509_NAME* name) {
    const Bio bio(::BIO_new(::BIO_s_mem()));
    if (!bio) throw std::bad_alloc();
    ::X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
    return taken_from(bio.get());
}

// OpenSSL would ask for a passphrase on a terminal, and wait for ever.
int no_passphrase(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

// Whether the last reader has failed for want of a further part, and for nothing else.
bool at_end() { return ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE; }

std::time_t seconds(const ASN1_TIME* time) {
    std::tm parts{};
    return time != nullptr && ::ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

std::string_view view(const ASN1_STRING* string) {
    return {reinterpret_cast<const char*>(::ASN1_STRING_get0_data(string)),
            static_cast<std::size_t>(::ASN1_STRING_length(string))};
}

using Names = Owned<GENERAL_NAMES, ::GENERAL_NAMES_free>;

Names names_of(const x509_st& certificate) {
    return Names(static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
}

void append_escaped(std::string& text, std::string_view name) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f && c != ',' && c != '\\')
            text += c;
        else
            (text += '\\').append({digits[byte >> 4U], digits[byte & 0xfU]});
    }
}

std::string address_text(std::string_view bytes) {
    char text[INET6_ADDRSTRLEN];
    const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
    const bool known = bytes.size() == 4 || bytes.size() == 16;
    return known && ::inet_ntop(family, bytes.data(), text, sizeof text) != nullptr ? text : "?";
}

} // namespace

std::string openssl_words(std::string_view fallback) {
    std::string words;
    const char* detail = nullptr;
    int flags = 0;
    // The innermost error comes first and has the reason. The others only say that something within them failed.
    for (unsigned long code = 0; (code = ::ERR_get_error_all(nullptr, nullptr, nullptr, &detail, &flags)) != 0;) {
        if (!words.empty()) continue;
        const char* reason = ERR_SYSTEM_ERROR(code) ? nullptr : ::ERR_reason_error_string(code);
        char buffer[256];
        if (reason == nullptr) ::ERR_error_string_n(code, buffer, sizeof buffer);
        words = reason != nullptr ? reason : buffer;
        if ((flags & ERR_TXT_STRING) != 0 && detail != nullptr && *detail != '\0') words += std::string(" (") + detail + ")";
    }
    return words.empty() ? std::string(fallback) : words;
}

// --- reading --------------------------------------------------------------------------------------------------------------

CertificateReader::CertificateReader(std::string_view pem) : pem_(pem), bio_(reader(pem).release()) {}

void CertificateReader::FreeBio::operator()(bio_st* bio) const noexcept { ::BIO_free_all(bio); }

Certificate CertificateReader::first() {
    Certificate certificate = next();
    if (!certificate) fail("has no certificate (expected PEM text with -----BEGIN CERTIFICATE-----)");
    return certificate;
}

Certificate CertificateReader::next() {
    ::ERR_clear_error();
    Certificate certificate(::PEM_read_bio_X509(bio_.get(), nullptr, nullptr, nullptr));
    if (!certificate && !at_end()) fail_with_words("certificate " + std::to_string(read_ + 1) + " is damaged");
    ::ERR_clear_error();
    if (certificate && ++read_ > most_certificates)
        fail("too many certificates (expected at most " + std::to_string(most_certificates) + ")");
    return certificate;
}

std::string_view CertificateReader::rest() const noexcept { return pem_.substr(pem_.size() - ::BIO_ctrl_pending(bio_.get())); }

std::vector<Certificate> parse_certificates(std::string_view pem) {
    CertificateReader reader(pem);
    std::vector<Certificate> certificates;
    for (Certificate certificate = reader.first(); certificate; certificate = reader.next())
        certificates.push_back(std::move(certificate));
    return certificates;
}

std::vector<RevocationList> parse_revocation_lists(std::string_view pem) {
    const Bio bio = reader(pem);
    std::vector<RevocationList> lists;
    ::ERR_clear_error();
    while (X509_CRL* list = ::PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)) {
        lists.emplace_back(list);
        if (lists.size() > most_certificates)
            fail("too many revocation lists (expected at most " + std::to_string(most_certificates) + ")");
    }
    if (!at_end()) fail_with_words("revocation list " + std::to_string(lists.size() + 1) + " is damaged");
    ::ERR_clear_error();
    if (lists.empty()) fail("has no revocation list (expected PEM text with -----BEGIN X509 CRL-----)");
    return lists;
}

std::vector<std::string> passed_over(std::string_view pem, std::string_view label, bool similar_only) {
    constexpr std::size_t most = 5;
    const std::string expected = "-----BEGIN " + std::string(label) + "-----";
    std::vector<std::string> lines;
    for_each_line(without_mark(pem), [&](std::string_view line, std::size_t number) {
        while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
        const bool begins = line.find("--BEGIN ") != line.npos && (!similar_only || line.find(label) != std::string_view::npos);
        // OpenSSL reads the old label as well.
        if (!begins || line == expected || line == "-----BEGIN X509 " + std::string(label) + "-----") return;
        if (lines.size() < most)
            lines.push_back("line " + std::to_string(number) + ": " + in_quotes(line) + " is passed over (expected " +
                            expected + " at the start of a line)");
    });
    return lines;
}

KeyReader::KeyReader()
    : decoder_(::OSSL_DECODER_CTX_new_for_pkey(&found_, "PEM", nullptr, nullptr, EVP_PKEY_KEYPAIR, nullptr, nullptr)) {
    // Only keys without a passphrase get here, but OpenSSL must not ask whatever it finds.
    static bool asked = false;
    if (decoder_ != nullptr) ::OSSL_DECODER_CTX_set_pem_password_cb(decoder_, no_passphrase, &asked);
}

KeyReader::~KeyReader() { ::OSSL_DECODER_CTX_free(decoder_); }

// A key without a passphrase; null: there is none, or it is damaged.
PrivateKey KeyReader::read_plain(std::string_view pem) noexcept {
    for (const std::string_view begin :
         {"-----BEGIN PRIVATE KEY-----\n", "-----BEGIN EC PRIVATE KEY-----\n", "-----BEGIN RSA PRIVATE KEY-----\n"}) {
        const std::size_t at = pem.find(begin);
        if (decoder_ == nullptr || at == std::string_view::npos || (at != 0 && pem[at - 1] != '\n')) continue;
        const std::size_t end = pem.find("\n-----END ", at);
        const std::string_view body = pem.substr(at + begin.size(), end - std::min(end, at + begin.size()));
        if (end == std::string_view::npos || body.find(':') != std::string_view::npos) continue; // encrypted, RFC 1421
        const auto* bytes = reinterpret_cast<const unsigned char*>(pem.data() + at);
        std::size_t left = std::min(pem.find('\n', end + 1), pem.size()) - at;
        found_ = nullptr;
        if (::OSSL_DECODER_from_data(decoder_, &bytes, &left) == 1) return PrivateKey(std::exchange(found_, nullptr));
    }
    return nullptr;
}

PrivateKey KeyReader::read(std::string_view pem) {
    ::ERR_clear_error();
    if (PrivateKey key = read_plain(pem)) {
        ::ERR_clear_error();
        return key;
    }
    // All else by OpenSSL's own function, whose reasons are better.
    const Bio bio = reader(pem);
    bool asked = false;
    ::ERR_clear_error();
    PrivateKey key(::PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &asked));
    if (key) {
        ::ERR_clear_error();
        return key;
    }
    if (asked) fail("the key has a passphrase (expected one without: openssl pkey -in FILE -out NEW)");
    if (pem.find("PRIVATE KEY-----") == std::string_view::npos)
        fail("has no private key (expected PEM text with -----BEGIN PRIVATE KEY-----)");
    fail_with_words("the private key is damaged");
}

void check_match(const std::vector<Certificate>& chain, const evp_pkey_st& key) {
    ::ERR_clear_error();
    if (::X509_check_private_key(chain.front().get(), &key) == 1) return;
    const std::string words = openssl_words();
    for (std::size_t i = 1; i < chain.size(); ++i)
        if (::X509_check_private_key(chain[i].get(), &key) == 1) {
            ::ERR_clear_error();
            fail("the key is that of certificate " + std::to_string(i + 1) + " of the certificate's file, " +
                 subject(*chain[i]) + ", and not of the first, " + subject(*chain.front()) +
                 " (expected the server's own certificate first, and those of its issuers behind it)");
        }
    ::ERR_clear_error();
    fail("the key is not the certificate's: " + words);
}

void check_chain(std::vector<const x509_st*> others) { // those that the way up has not met
    const x509_st* at = others.front();
    const auto is_named = [](const x509_st* certificate, X509_NAME* name) {
        return ::X509_NAME_cmp(::X509_get_subject_name(certificate), name) == 0;
    };
    // A certificate may be there several times, signed by different authorities.
    for (std::erase_if(others, [&](const auto* other) { return is_named(other, ::X509_get_subject_name(at)); });
         !others.empty();) {
        X509_NAME* const issuer = ::X509_get_issuer_name(at);
        if (is_named(at, issuer)) return; // an authority's own
        const auto next =
            std::find_if(others.begin(), others.end(), [&](const auto* other) { return is_named(other, issuer); });
        if (next == others.end())
            fail("the chain has a gap: no certificate in the file is that of " + name_text(issuer) +
                 ", who has issued that of " + subject(*at) +
                 ", but there are others (expected its issuer's certificate, or none behind it)");
        at = *next;
        std::erase_if(others, [&](const auto* other) { return is_named(other, issuer); });
    }
}

std::time_t check_ocsp(std::string_view der, const x509_st& certificate) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    ::ERR_clear_error();
    const Owned<OCSP_RESPONSE, ::OCSP_RESPONSE_free> response(
        ::d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der.size())));
    if (!response) fail_with_words("is not an OCSP response in DER");
    if (const int status = ::OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        fail(std::string("the OCSP responder has failed: ") + ::OCSP_response_status_str(status));
    const Owned<OCSP_BASICRESP, ::OCSP_BASICRESP_free> basic(::OCSP_response_get1_basic(response.get()));
    if (!basic) fail_with_words("is not a basic OCSP response");
    for (int i = 0; i < ::OCSP_resp_count(basic.get()); ++i) {
        OCSP_SINGLERESP* single = ::OCSP_resp_get0(basic.get(), i);
        ASN1_INTEGER* serial = nullptr;
        ::OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, const_cast<OCSP_CERTID*>(::OCSP_SINGLERESP_get0_id(single)));
        if (serial == nullptr || ::ASN1_INTEGER_cmp(serial, ::X509_get0_serialNumber(&certificate)) != 0) continue;
        ASN1_GENERALIZEDTIME* next = nullptr;
        const int status = ::OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &next);
        if (status != V_OCSP_CERTSTATUS_GOOD)
            fail(std::string("the OCSP response says that the certificate is ") + ::OCSP_cert_status_str(status));
        return seconds(next);
    }
    fail("the OCSP response is about another certificate");
}

// --- contents -------------------------------------------------------------------------------------------------------------

std::vector<std::string> dns_names(const x509_st& certificate) {
    std::vector<std::string> names;
    if (const Names all = names_of(certificate)) {
        for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
            const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
            if (name->type == GEN_DNS) names.emplace_back(ServerName(view(name->d.dNSName)).text());
        }
        return names;
    }
    X509_NAME* subject_name = ::X509_get_subject_name(&certificate);
    const int at = ::X509_NAME_get_index_by_NID(subject_name, NID_commonName, -1);
    if (at >= 0)
        names.emplace_back(ServerName(view(::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject_name, at)))).text());
    return names;
}

std::time_t not_before(const x509_st& certificate) { return seconds(::X509_get0_notBefore(&certificate)); }
std::time_t not_after(const x509_st& certificate) { return seconds(::X509_get0_notAfter(&certificate)); }

std::string key_type(const x509_st& certificate) {
    const char* name = ::EVP_PKEY_get0_type_name(::X509_get0_pubkey(&certificate));
    return name != nullptr ? name : "unknown";
}

std::time_t next_update(const X509_crl_st& list) { return seconds(::X509_CRL_get0_nextUpdate(&list)); }

std::string subject(const x509_st& certificate) { return name_text(::X509_get_subject_name(&certificate)); }

std::string issuer(const x509_st& certificate) { return name_text(::X509_get_issuer_name(&certificate)); }

std::string issuer(const X509_crl_st& list) { return name_text(::X509_CRL_get_issuer(&list)); }

std::string alternative_names(const x509_st& certificate) {
    std::string text;
    const Names all = names_of(certificate);
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
        const std::string_view separator = text.empty() ? "" : ", ";
        switch (name->type) {
        case GEN_DNS:
            append_escaped(text.append(separator).append("DNS:"), view(name->d.dNSName));
            break;
        case GEN_EMAIL:
            append_escaped(text.append(separator).append("email:"), view(name->d.rfc822Name));
            break;
        case GEN_URI:
            append_escaped(text.append(separator).append("URI:"), view(name->d.uniformResourceIdentifier));
            break;
        case GEN_IPADD:
            text.append(separator).append("IP:").append(address_text(view(name->d.iPAddress)));
            break;
        default: // plugins cannot compare directory names, registered ids and the like
            break;
        }
    }
    return text;
}

// --- making ---------------------------------------------------------------------------------------------------------------

namespace {

using X509Owned = Certificate;

std::string pem_of(x509_st& certificate) {
    const Bio bio(made(::BIO_new(::BIO_s_mem())));
    done(::PEM_write_bio_X509(bio.get(), &certificate));
    return taken_from(bio.get());
}

std::string pem_of(evp_pkey_st& key) {
    const Bio bio(made(::BIO_new(::BIO_s_mem())));
    done(::PEM_write_bio_PKCS8PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr));
    return taken_from(bio.get());
}

void add_extension(x509_st& certificate, x509_st& issuer, int which, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
    const Owned<X509_EXTENSION, ::X509_EXTENSION_free> extension(
        made(::X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str())));
    done(::X509_add_ext(&certificate, extension.get(), -1));
}

// A certificate without extensions and signature.
X509Owned blank(const std::string& common_name, evp_pkey_st& key, long days) {
    X509Owned certificate(made(::X509_new()));
    done(::X509_set_version(certificate.get(), X509_VERSION_3));
    unsigned char serial[16];
    done(::RAND_bytes(serial, sizeof serial));
    serial[0] &= 0x7fU; // positive
    const Owned<BIGNUM, ::BN_free> number(made(::BN_bin2bn(serial, sizeof serial, nullptr)));
    made(::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(certificate.get())));
    made(::X509_gmtime_adj(::X509_getm_notBefore(certificate.get()), -3600)); // clocks differ
    made(::X509_gmtime_adj(::X509_getm_notAfter(certificate.get()), days * 86'400));
    done(::X509_set_pubkey(certificate.get(), &key));
    X509_NAME* name = ::X509_get_subject_name(certificate.get());
    done(::X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0));
    return certificate;
}

PrivateKey new_key() { return PrivateKey(made(::EVP_EC_gen("P-256"))); }

// "DNS:localhost,IP:::1"
std::string alternatives(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        in6_addr address{};
        const bool numeric =
            ::inet_pton(AF_INET, name.c_str(), &address) == 1 || ::inet_pton(AF_INET6, name.c_str(), &address) == 1;
        const bool plain = !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '*';
        });
        if (!numeric && !plain) fail("\"" + name + "\" is neither a host name nor an address");
        if (!text.empty()) text += ',';
        text.append(numeric ? "IP:" : "DNS:").append(name);
    }
    return text;
}

} // namespace

MadeCertificate make_authority(const std::string& common_name) {
    ::ERR_clear_error();
    const PrivateKey key = new_key();
    const X509Owned certificate = blank(common_name, *key, 3650);
    done(::X509_set_issuer_name(certificate.get(), ::X509_get_subject_name(certificate.get())));
    add_extension(*certificate, *certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(*certificate, *certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(*certificate, *certificate, NID_subject_key_identifier, "hash");
    done(::X509_sign(certificate.get(), key.get(), ::EVP_sha256()));
    return {pem_of(*certificate), pem_of(*key)};
}

MadeCertificate make_certificate(const MadeCertificate& authority, const std::vector<std::string>& names) {
    const std::vector<Certificate> issuers = parse_certificates(authority.certificate);
    const PrivateKey issuer_key = parse_key(authority.key);
    x509_st& issuer = *issuers.front();
    check_match(issuers, *issuer_key);
    const PrivateKey key = new_key();
    // RFC 5280 allows 64 bytes for a common name. Clients ignore it where there are alternative names.
    const X509Owned certificate = blank(names.front().substr(0, 64), *key, 397);
    done(::X509_set_issuer_name(certificate.get(), ::X509_get_subject_name(&issuer)));
    add_extension(*certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(*certificate, issuer, NID_key_usage, "critical,digitalSignature");
    add_extension(*certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth");
    add_extension(*certificate, issuer, NID_subject_key_identifier, "hash");
    add_extension(*certificate, issuer, NID_authority_key_identifier, "keyid:always");
    add_extension(*certificate, issuer, NID_subject_alt_name, alternatives(names));
    done(::X509_sign(certificate.get(), issuer_key.get(), ::EVP_sha256()));
    return {pem_of(*certificate), pem_of(*key)};
}

} // namespace gatehouse::host
