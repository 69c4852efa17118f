// An instance's handle and all that it may ask for, without a plugin.
#pragma once

#include "abi/host_table.hpp"
#include "base/log.hpp"
#include "base/shortages.hpp"
#include "dns/lookups.hpp"
#include "dns/name_watch.hpp"
#include "dns/resolver.hpp"
#include "plugin/instance.hpp"
#include "plugin/libraries.hpp"
#include "threads/background.hpp"
#include "threads/drain.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

struct TestFacilities {
    explicit TestFacilities(const std::vector<std::string>& resolvers = {}, Nanoseconds second = 1'000'000'000)
        : resolver(resolvers), lookups(background, resolver, resolvers), watches(background, resolvers, second) {}

    static LogConfig quiet() {
        LogConfig config;
        config.level = LogLevel::error;
        return config;
    }
    static gatehouse_status none(const PluginInstance& /*instance*/, std::uint64_t /*id*/) { return GATEHOUSE_NOT_FOUND; }

    Log log{quiet()};
    Drain drain;
    Resolver resolver;
    Background background{Scheduling::other};
    Lookups lookups;
    NameWatches watches;
    Shortages shortages{log};
    PluginLibraries libraries;                                           // for Plugins
    std::function<std::optional<CellTable>(std::string_view name)> show; // for those who ask for it
    const Facilities facilities{
        host_table, log, drain, resolver, lookups, background, watches, shortages,
        none,       {},  {},    none,     {},      {},         {},      [this](std::string_view name) { return show(name); },
        [] {}};
    gatehouse_instance instance{"test", facilities, nullptr, true};
};

} // namespace gatehouse::host
