#include "scene.hpp"

#include "deadline.hpp"
#include "gatehouse.hpp"

#include <csignal>
#include <filesystem>
#include <system_error>

namespace gatehouse::chaos {
namespace {

using support::instance;
using support::listener;

constexpr std::array<const char*, 3> ips{"127.0.0.2", "127.0.0.3", "127.0.0.4"};

// A port that is free on all of the servers' addresses, and stays so.
std::string reserve(std::unique_ptr<support::ReservedAddress>* places) {
    for (int attempt = 0;; ++attempt) {
        try {
            places[0] = std::make_unique<support::ReservedAddress>(std::string(ips[0]) + ":0");
            for (std::size_t i = 1; i < ips.size(); ++i)
                places[i] = std::make_unique<support::ReservedAddress>(std::string(ips[i]) + ":" + places[0]->port());
            return places[0]->port();
        } catch (const std::system_error&) { // somebody has it on one of them
            if (attempt == 20) throw;
        }
    }
}

std::string servers_on(const std::string& port) {
    std::string list;
    for (const char* ip : ips) list += "{ address = \"" + std::string(ip) + ":" + port + "\" }, ";
    return "servers = [" + list + "]\n";
}

// One that finds out quickly who is there and who is not.
std::string gateway(const std::string& name, const std::string& settings, const std::string& more = "") {
    return "[plugins." + name + "]\nlibrary = \"gateway\"\n[plugins." + name + ".config]\n" + settings +
           "connect_timeout = \"1s\"\nretries = 5\nejection = { backoff = \"100ms\", max_backoff = \"500ms\" }\n" +
           listener(name, name, more);
}

} // namespace

BackServer::BackServer(std::string ip, const Ports& ports, const support::Certificates& certificates) : ip_(std::move(ip)) {
    const auto at = [&](const std::string& port) { return "address = \"" + ip_ + ":" + port + "\"\n"; };
    file_ = dir_.write("gatehouse.toml",
                       "[host]\ndrain_timeout = \"1s\"\n[log]\nlevel = \"error\"\naccess = false\n" +
                           certificates.section("server") + listener("plain", "echo", at(ports.plain)) +
                           listener("tls", "echo", at(ports.tls) + "tls = \"server\"") +
                           listener("proxied", "echo", at(ports.proxied) + "proxy_protocol = { from = [\"127.0.0.0/8\"] }"));
    start();
}

void BackServer::start() {
    process_ = std::make_unique<support::Process>(
        std::vector<std::string>{support::gatehouse_binary(), "run", "--plugin-path", support::plugin_dir(), file_});
    // It has printed the table of its listeners when they listen.
    if (!process_->wait_output(
            [](const std::string& out, const std::string&) { return out.find("proxied") != std::string::npos; }))
        throw std::runtime_error("a server does not start: " + process_->err());
}

void BackServer::kill() {
    process_->signal(SIGKILL);
    process_->wait();
}

Scene::Scene()
    : files_{{{"/small", std::string(Random(1).bytes(300))},
              {"/medium", std::string(Random(2).bytes(40'000))},
              {"/large", std::string(Random(3).bytes(3'000'000))}}},
      ports_{reserve(reserved_.data()), reserve(reserved_.data() + 3), reserve(reserved_.data() + 6)}, servers_{[this] {
          for (const char* name : {"server", "first", "second"}) certificates_.make(name, {"localhost", "servers.test"});
          return std::array<BackServer, 3>{BackServer(ips[0], ports_, certificates_), BackServer(ips[1], ports_, certificates_),
                                           BackServer(ips[2], ports_, certificates_)};
      }()} {
    ca_ = certificates_.ca();
    for (const File& file : files_) www_.write(file.path.substr(1), file.bytes);
    names_ = std::make_unique<support::NameServer>(all_names());
    use_certificate("first");
    addresses_["unix"] = "unix:" + certificates_ / "echo.sock";
    start_host();
}

std::string Scene::all_names() const {
    std::string text;
    for (const char* ip : ips) text += std::string(ip) + " servers.test\n";
    return text;
}

void Scene::use_certificate(const std::string& name) const {
    for (const char* end : {".pem", ".key"}) {
        std::filesystem::copy_file(certificates_ / (name + end), certificates_ / "new",
                                   std::filesystem::copy_options::overwrite_existing);
        std::filesystem::rename(certificates_ / "new", certificates_ / ("web" + std::string(end)));
    }
}

std::string Scene::on(const std::string& name) {
    std::string& address = addresses_[name];
    if (address.empty()) {
        listeners_.push_back(std::make_unique<support::ReservedAddress>());
        address = listeners_.back()->address();
    }
    return "address = \"" + address + "\"\nthreads.keep = \"200ms\"\n";
}

void Scene::start_host() {
    host_.reset();
    const std::string to_servers = servers_on(ports_.plain);
    const std::string checked = "health = { interval = \"300ms\", timeout = \"500ms\", rise = 1, fall = 2 }\n";
    host_ = std::make_unique<Host>(
        "drain_timeout = \"" + std::to_string(drain_timeout.count()) + "s\"\n" + names_->resolvers(),
        certificates_.section("web", "ticket_lifetime = \"1m\"\nhandshake_timeout = \"5s\"") +
            // Straight from a plugin.
            listener("echo", "echo", on("echo")) + listener("unix", "echo", on("unix")) +
            listener("discard", "discard", on("discard")) + listener("daytime", "daytime", on("daytime")) +
            listener("time", "time", on("time")) + listener("chargen", "chargen", "threads.max = 16\n" + on("chargen")) +
            instance("http", "http", "root = \"" + www_.path().string() + "\"", on("http")) +
            // TLS.
            listener("tls_echo", "echo", "tls = \"web\"\n" + on("tls_echo")) +
            listener("tls_http", "http", "tls = \"web\"\n" + on("tls_http")) +
            // Limits, PROXY headers, and several protocols on one port.
            listener("limited", "echo", "max_per_source = 8\nmax_connections = 16\nwhen_full = \"refuse\"\n" + on("limited")) +
            listener("proxied", "echo", "proxy_protocol = { from = [\"127.0.0.0/8\"], timeout = \"5s\" }\n" + on("proxied")) +
            listener("silent", "echo", "first_byte_timeout = \"500ms\"\n" + on("silent")) +
            listener("front", "echo",
                     on("front") +
                         "[[listeners.routes]]\ntls = \"web\"\n[[listeners.routes]]\nprobe = true\nplugin = \"http\"\n" +
                         "[[listeners.routes]]\nprobe = \"ssh\"\nplugin = \"pool\"\n") +
            // Relayed.
            gateway("pool", to_servers + checked + "balance = \"least_connections\"\n", on("pool")) +
            gateway("named", "upstream = \"servers.test:" + ports_.plain + "\"\n" + checked, on("named")) +
            gateway("to_tls", servers_on(ports_.tls) + "tls = { ca = \"" + ca_ + "\", server_name = \"servers.test\" }\n",
                    on("to_tls")) +
            gateway("from_tls", to_servers, "tls = \"web\"\n" + on("from_tls")) +
            gateway("to_proxied",
                    servers_on(ports_.proxied) + "proxy_protocol = \"v2\"\nproxy_tlvs = [\"unique_id\", \"crc32c\"]\n",
                    on("to_proxied")) +
            instance("socks5", "socks5",
                     "users = [{ name = \"ann\", password = \"correct-horse\" }], allow = [\"127.0.0.0/8:" + ports_.plain +
                         "\"]",
                     on("socks5")));
}

} // namespace gatehouse::chaos
