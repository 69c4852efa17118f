// A real name server (dnsmasq) on 127.0.0.1 for the domain "test", whose records change while it runs. Their time to live is a
// second. It knows nothing else and asks nobody.
#pragma once

#include "clients.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::support {

class NameServer {
  public:
    // `hosts`: A and AAAA records, lines of "ADDRESS NAME". `options`: dnsmasq's own, such as "--srv-host=...". Throws if it
    // does not start.
    explicit NameServer(const std::string& hosts, const std::vector<std::string>& options = {});

    std::string address() const { return reserved_->address(); }
    std::string resolvers() const { return "resolvers = [\"" + address() + "\"]\n"; } // for the [host] section

    void set_hosts(const std::string& hosts);
    void stop();
    // On the same port, with other options; also after stop().
    void restart(const std::vector<std::string>& options = {});

  private:
    bool start(const std::vector<std::string>& options);

    TempDir dir_;
    std::optional<ReservedAddress> reserved_;
    std::unique_ptr<Process> process_;
};

} // namespace gatehouse::support
