#include "config/tls_section.hpp"

#include "base/did_you_mean.hpp"
#include "base/printable.hpp"
#include "config/values.hpp"
#include "config/words.hpp"
#include "net/server_name.hpp"

#include <algorithm>

namespace gatehouse::host {
namespace {

constexpr std::chrono::hours most_ticket_lifetime(7 * 24); // RFC 8446 4.6.1

Place place_with_key(const ConfigTable& table, std::string_view key) {
    Place place = table.place(key);
    place.text += ": " + table.path() + '.' + std::string(key);
    return place;
}

TlsFile read_file_name(ConfigTable& table, std::string_view key) {
    TlsFile file;
    std::filesystem::path path;
    if (read_path(table, key, path)) file = {path.native(), place_with_key(table, key)};
    return file;
}

void read_list(ConfigTable& table, std::string_view key, TlsList& list) {
    std::string_view text;
    table.describe(key, [&](ConfigKey& of) { of.fallback = in_quotes(list.text); });
    if (read_text(table, key, text)) list.text = text;
    list.where = place_with_key(table, key);
}

TlsPairConfig read_pair(ConfigTable& table) {
    TlsPairConfig pair;
    if (!table.has("certificate")) table.missing("certificate", "a PEM file with the certificate and its chain");
    pair.certificate = read_file_name(table, "certificate");
    pair.key = read_file_name(table, "key");
    if (pair.key == pair.certificate) pair.key = {};
    pair.ocsp = read_file_name(table, "ocsp");
    return pair;
}

// RFC 7301 3.1: names of 1 to 255 bytes; a ClientHello holds 64 KiB of them.
void read_alpn(ConfigTable& table, std::vector<std::string>& names) {
    constexpr std::size_t most = 16;
    for (ConfigTable& item : table.items("alpn", R"(an array of protocol names, such as ["h2", "http/1.1"])")) {
        std::string_view name;
        if (!read_text(item, "", name)) continue;
        if (name.size() > 255) item.reject("", in_quotes(name) + " is too long (expected at most 255 bytes)");
        names.emplace_back(name);
    }
    if (names.size() > most) table.reject("alpn", "too many names (expected at most " + std::to_string(most) + ")");
}

TlsConfig read_section(ConfigTable table) {
    constexpr std::string_view pairs = "an array of { certificate, key, ocsp }";
    TlsConfig tls;
    tls.where = table.place();
    tls.pairs.push_back(read_pair(table));
    for (ConfigTable& item : table.items("sni", pairs)) {
        if (!item.is_table()) {
            item.expect_table("a table with certificate, key and ocsp");
            continue;
        }
        tls.pairs.push_back(read_pair(item));
        item.reject_unknown();
    }
    table.choice("min_version", tls.min_version, tls_version_words);
    read_list(table, "ciphers", tls.ciphers);
    read_list(table, "ciphersuites", tls.ciphersuites);
    read_list(table, "groups", tls.groups);
    read_alpn(table, tls.alpn);
    table.choice("client", tls.client, tls_client_words);
    tls.client_ca = read_file_name(table, "client_ca");
    if (tls.client != TlsClient::none && !table.has("client_ca"))
        table.missing("client_ca", "a PEM file with the authorities that sign the clients' certificates");
    tls.client_crl = read_file_name(table, "client_crl");
    for (const std::string_view key : {"client_ca", "client_crl"})
        if (tls.client == TlsClient::none && table.has(key) && !table.has("client"))
            table.reject(key, R"(without effect (expected client = "optional" or "required" beside it))");
    table.duration("ticket_lifetime", tls.ticket_lifetime, most_ticket_lifetime);
    table.duration("handshake_timeout", tls.handshake_timeout, std::chrono::hours(1));
    if (tls.handshake_timeout.count() == 0)
        table.reject("handshake_timeout", "0 would let a client hold a handshake for ever (expected at least \"1ms\")");
    table.number("max_handshakes", tls.max_handshakes, 1, 1'000'000);
    tls.max_handshakes_where = table.place("max_handshakes");
    table.choice("truncation", tls.truncation, truncation_words);
    table.reject_unknown();
    return tls;
}

} // namespace

TlsClientConfig read_tls_client(ConfigTable& table, bool has_names) {
    TlsClientConfig client;
    read_path(table, "ca", client.ca);
    std::string_view name;
    if (read_text(table, "server_name", name)) {
        client.server_name = ServerName(name).text();
        if (client.server_name.empty())
            table.reject("server_name",
                         in_quotes(name) + " is not a server name (expected 1 to 253 characters and no dot alone)");
    }
    table.boolean("verify", client.verify);
    read_path(table, "certificate", client.certificate);
    read_path(table, "key", client.key);
    read_alpn(table, client.alpn);
    if (!client.verify && !client.ca.empty()) table.reject("ca", "without effect (verify is false)");
    if (client.certificate.empty() && !client.key.empty())
        table.reject("key", "without effect (expected a certificate beside it)");
    if (client.key.empty()) client.key = client.certificate;
    if (client.verify && client.server_name.empty() && !has_names)
        table.missing("server_name",
                      "the name that the server's certificate has to be for, or verify = false: a unix socket has none");
    return client;
}

std::string no_tls_section(std::string_view name, std::span<const std::string> sections) {
    const std::string near = did_you_mean(name, sections);
    return "there is no [tls." + printable(name) + "]" + (near.empty() ? "" : " (did you mean " + in_quotes(near) + "?)");
}

std::string read_tls_server(ConfigTable& table, std::string_view key) {
    std::string_view name;
    if (!read_text(table, key, name)) return "";
    const std::vector<std::string> sections = table.sections("tls");
    if (std::ranges::count(sections, name) != 0) return std::string(name);
    table.reject(key, no_tls_section(name, sections));
    return "";
}

std::vector<ConfigKey> tls_client_keys() {
    ConfigReading reading(std::make_shared<ConfigDocument>());
    reading.document->files.emplace_back();
    reading.keys.emplace();
    ConfigTable table(nullptr, "", {}, reading);
    read_tls_client(table, true);
    return std::move(*reading.keys);
}

std::vector<TlsConfig> read_tls_sections(ConfigTable table) {
    std::vector<TlsConfig> sections;
    for (const std::string& name : table.keys()) {
        check_section_name(table, name);
        sections.push_back(read_section(table.table(name)));
        sections.back().name = name;
    }
    return sections;
}

} // namespace gatehouse::host
