// A host that never serves: what instances are made with that are to say whether their configuration is right.
#pragma once

#include "abi/host_table.hpp"
#include "base/log.hpp"
#include "base/shortages.hpp"
#include "config/config.hpp"
#include "dns/lookups.hpp"
#include "dns/name_watch.hpp"
#include "dns/resolver.hpp"
#include "plugin/facilities.hpp"
#include "threads/background.hpp"
#include "threads/drain.hpp"

#include <functional>
#include <string>
#include <utility>

namespace gatehouse::host {

class IdleHost {
  public:
    using FindTls = std::function<TlsServer*(const std::string& name)>;

    // `find_tls`: see Facilities::tls_server.
    IdleHost(const HostConfig& config, FindTls find_tls)
        : find_tls_(std::move(find_tls)), log_(warnings()), background_(config.scheduling), resolver_(config.resolvers),
          lookups_(background_, resolver_, config.resolvers), watches_(background_, config.resolvers), shortages_(log_) {
        background_.end(); // nothing goes on here
    }

    Log& log() noexcept { return log_; }
    const Facilities& facilities() const noexcept { return facilities_; }

  private:
    static LogConfig warnings() {
        LogConfig config;
        config.level = LogLevel::warning;
        return config;
    }
    static gatehouse_status none(const PluginInstance&, std::uint64_t) noexcept { return GATEHOUSE_NOT_FOUND; }

    const FindTls find_tls_;
    Log log_;
    const Drain drain_;
    Background background_;
    Resolver resolver_;
    Lookups lookups_;
    NameWatches watches_;
    Shortages shortages_;
    const Facilities facilities_{host_table, log_, drain_, resolver_, lookups_,  background_, watches_, shortages_, none,
                                 {},         {},   none,   {},        find_tls_, {},          {},       [] {}};
};

} // namespace gatehouse::host
