#include "abi/discovery.hpp"

#include "abi/callback.hpp"
#include "abi/handles.hpp"
#include "abi/status.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "dns/name_watch.hpp"

using namespace gatehouse::host;

// A watch that reports to a plugin's callback.
struct gatehouse_watch final : NameWatch {
    gatehouse_watch(const gatehouse_instance& instance, const WatchedName& name, gatehouse_found callback, void* data)
        : NameWatch(instance.facilities.watches, name), log_(instance.facilities.log), plugin_(instance.name), name_(name.text),
          callback_(callback), data_(data) {}

  private:
    void found(std::span<const FoundServer> endpoints) override {
        std::vector<gatehouse_endpoint> list;
        list.reserve(endpoints.size());
        for (const FoundServer& endpoint : endpoints)
            list.push_back({{endpoint.address.data(), endpoint.address.size()}, endpoint.priority, endpoint.weight, 0});
        call(list.data(), list.size(), GATEHOUSE_OK, "");
    }
    void lost(Lookup lookup, std::string_view why) override { call(nullptr, 0, status_of(lookup), why); }

    void left_out(std::string_view what) override {
        log_.warning("a watched name leads to more servers than the host takes",
                     {{"plugin", plugin_}, {"name", name_}, {"what", what}});
    }

    void call(const gatehouse_endpoint* list, std::size_t count, gatehouse_status status, std::string_view why) noexcept {
        call_back(log_, plugin_, GATEHOUSE_EXT_DISCOVERY,
                  [&] { callback_(data_, list, count, sizeof(gatehouse_endpoint), status, str(why)); });
    }

    Log& log_; // constant after construction, as are the next four
    const std::string plugin_, name_;
    const gatehouse_found callback_;
    void* const data_;
};

namespace gatehouse::host {
namespace {

gatehouse_status watch(gatehouse_instance* instance, gatehouse_str name, gatehouse_found found, void* data,
                       gatehouse_watch** watch) noexcept {
    if (too_early(*instance, "watch()")) return GATEHOUSE_INVALID;
    try {
        const std::string text(name.data, name.size);
        std::string error;
        std::optional<WatchedName> parsed = parse_watched_name(text, error);
        if (!parsed) {
            refuse(*instance, "watch of " + printable(text) + ": " + error);
            return GATEHOUSE_INVALID;
        }
        NameWatches& watches = instance->facilities.watches;
        auto made = std::make_shared<gatehouse_watch>(*instance, std::move(*parsed), found, data);
        gatehouse_watch* const handle = made.get();
        if (watches.start(std::move(made))) {
            *watch = handle;
            return GATEHOUSE_OK;
        }
        refuse(*instance, "watch of " + printable(text) + ": no memory or thread for it, or too many of them");
    } catch (const std::bad_alloc&) { // the status alone says so
    }
    return GATEHOUSE_EXHAUSTED;
}

void unwatch(gatehouse_watch* watch) noexcept { watch->unwatch(); }

} // namespace

const gatehouse_discovery_v1 discovery_table{sizeof(gatehouse_discovery_v1), 0, watch, unwatch};

} // namespace gatehouse::host
