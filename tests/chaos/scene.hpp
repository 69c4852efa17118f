// The host and all around it: the files that it serves, its certificates, the servers behind it, and their names.
#pragma once

#include "certificates.hpp"
#include "clients.hpp"
#include "host.hpp"
#include "name_server.hpp"
#include "random.hpp"
#include "temp_dir.hpp"

#include <array>
#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::chaos {

// How long the host may take to end its connections.
inline constexpr std::chrono::seconds drain_timeout{3};

// Where the servers of one kind listen: on the same port of several addresses.
struct Ports {
    std::string plain, tls, proxied;
};

// One of the servers behind the host. It is a host itself, of the same build: an echo, plain, with TLS, and behind PROXY
// headers.
class BackServer {
  public:
    BackServer(std::string ip, const Ports& ports, const support::Certificates& certificates);

    const std::string& ip() const noexcept { return ip_; }
    void start(); // in a thread that outlives it
    void kill();
    void pause() const { process_->signal(SIGSTOP); }
    void resume() const { process_->signal(SIGCONT); }

  private:
    std::string ip_; // constant after construction
    support::TempDir dir_;
    std::string file_;
    std::unique_ptr<support::Process> process_;
};

class Scene {
  public:
    Scene();

    // A new host, which has all bundled plugins.
    void start_host();
    Host& host() { return *host_; }

    const std::string& address(std::string_view listener) const { return addresses_.find(listener)->second; }
    support::Client connect(std::string_view listener) const { return support::Client(address(listener)); }

    const std::string& ca() const noexcept { return ca_; }
    const Ports& ports() const noexcept { return ports_; }

    // What the web server has.
    struct File {
        std::string path;
        std::string bytes;
    };
    const std::array<File, 3>& files() const noexcept { return files_; }

    // For disturbances. All of them undo what they do.
    std::array<BackServer, 3>& servers() noexcept { return servers_; }
    support::NameServer& names() noexcept { return *names_; }
    std::string all_names() const; // the records of a name server that knows all servers
    // Replaces certificate and key of [tls.web] by those of this name: "first", "second".
    void use_certificate(const std::string& name) const;
    const support::Certificates& certificates() const noexcept { return certificates_; }

  private:
    // Lines of a listener's section: where it listens, and that its threads leave soon.
    std::string on(const std::string& name);

    support::TempDir www_;
    support::Certificates certificates_;
    std::string ca_;
    std::array<File, 3> files_;
    std::array<std::unique_ptr<support::ReservedAddress>, 9> reserved_;
    Ports ports_;
    std::array<BackServer, 3> servers_;
    std::unique_ptr<support::NameServer> names_;
    // The host's listeners, the same for each host. When one has ended, its addresses are nobody else's.
    std::map<std::string, std::string, std::less<>> addresses_;
    std::vector<std::unique_ptr<support::ReservedAddress>> listeners_;
    std::unique_ptr<Host> host_;
};

} // namespace gatehouse::chaos
