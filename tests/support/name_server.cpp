#include "name_server.hpp"

#include <csignal>
#include <stdexcept>
#include <unistd.h>

namespace gatehouse::support {

NameServer::NameServer(const std::string& hosts, const std::vector<std::string>& options) {
    dir_.write("hosts", hosts);
    for (int attempt = 0; attempt < 5; ++attempt) { // the port is reserved for TCP, but somebody may have it for UDP
        reserved_.emplace();
        if (start(options)) return;
    }
    throw std::runtime_error("dnsmasq does not start: " + process_->err());
}

void NameServer::set_hosts(const std::string& hosts) {
    dir_.write("hosts", hosts);
    process_->signal(SIGHUP);
}

void NameServer::stop() {
    process_->signal(SIGTERM);
    process_->wait();
}

void NameServer::restart(const std::vector<std::string>& options) {
    if (!process_->ended()) stop();
    if (!start(options)) throw std::runtime_error("dnsmasq does not start again: " + process_->err());
}

bool NameServer::start(const std::vector<std::string>& options) {
    std::vector<std::string> argv{"/usr/sbin/dnsmasq",
                                  "--keep-in-foreground",
                                  "--conf-file=/dev/null",
                                  "--no-resolv",
                                  "--no-hosts",
                                  "--no-ping",
                                  "--log-facility=-",
                                  "--pid-file=",
                                  "--port=" + reserved_->port(),
                                  "--listen-address=127.0.0.1",
                                  "--bind-interfaces",
                                  "--local-ttl=1",
                                  "--local=/test/",
                                  "--addn-hosts=" + dir_ / "hosts"};
    if (::geteuid() == 0) argv.insert(argv.end(), {"--user=root", "--group=root"}); // the folder is nobody else's
    argv.insert(argv.end(), options.begin(), options.end());
    process_ = std::make_unique<Process>(argv);
    const std::string ready = "read " + dir_ / "hosts";
    return process_->wait_output(
        [&](const std::string&, const std::string& err) { return err.find(ready) != std::string::npos; });
}

} // namespace gatehouse::support
