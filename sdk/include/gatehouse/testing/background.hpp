// The fake host's side of gatehouse.check/1 and gatehouse.discovery/1. Nothing happens by itself: the test says what a server
// answers and which servers a name stands for.
#ifndef GATEHOUSE_TESTING_BACKGROUND_HPP
#define GATEHOUSE_TESTING_BACKGROUND_HPP

#include "../ext/check.h"
#include "../ext/discovery.h"
#include "host.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::kit {

// A check that a plugin has started and not stopped.
struct CheckRecord {
    std::string address;
    std::string send;
    milliseconds first{};
    milliseconds interval{};
    milliseconds jitter{};
    milliseconds timeout{};
    // NOLINTBEGIN(readability-redundant-member-init): as in Background
    std::string preface{};
    const gatehouse_tls_client* tls = nullptr;
    std::string server_name{};
    // NOLINTEND(readability-redundant-member-init)
    bool orderly = false;
};

// One of the servers behind a name, as a test says it.
struct EndpointRecord {
    std::string address;
    std::uint16_t priority = 0;
    std::uint16_t weight = 0;
};

namespace detail {

// The plugin knows it as a gatehouse_check*.
struct FakeCheck {
    Host* host;
    CheckRecord record;
    gatehouse_check_request request; // its texts are in the record
};

// The plugin knows it as a gatehouse_watch*.
struct FakeWatch {
    Host* host;
    std::string name;
    gatehouse_found found;
    void* data;
};

inline gatehouse_status start_check(gatehouse_instance* instance, const gatehouse_check_request* request,
                                    gatehouse_check** check) noexcept {
    Host* host = host_of(instance);
    if (host->too_early("check start()")) return GATEHOUSE_INVALID;
    const std::string_view address = view(request->address);
    const bool good = request->size >= sizeof *request && request->result != nullptr && !address.empty() &&
                      request->interval_milliseconds >= 10 && request->jitter_milliseconds <= request->interval_milliseconds &&
                      request->timeout_milliseconds >= 1 && request->send.size <= 65536 && request->preface.size <= 65536 &&
                      (request->flags & ~GATEHOUSE_CHECK_FIN) == 0;
    if (!good) {
        host->violation("check start() for \"" + std::string(address) + "\": the request breaks a rule of ext/check.h");
        return GATEHOUSE_INVALID;
    }
    auto made = std::make_shared<FakeCheck>();
    made->host = host;
    made->record = {std::string(address),
                    std::string(view(request->send)),
                    milliseconds(request->first_milliseconds),
                    milliseconds(request->interval_milliseconds),
                    milliseconds(request->jitter_milliseconds),
                    milliseconds(request->timeout_milliseconds),
                    std::string(view(request->preface)),
                    request->tls,
                    std::string(view(request->server_name)),
                    (request->flags & GATEHOUSE_CHECK_FIN) != 0};
    made->request = *request;
    *check = reinterpret_cast<gatehouse_check*>(made.get());
    const std::lock_guard lock(host->mutex);
    host->checks.push_back(std::move(made));
    return GATEHOUSE_OK;
}

template <class Fake>
void erase(Host& host, std::vector<std::shared_ptr<Fake>>& list, const void* which, const char* function) {
    const std::lock_guard lock(host.mutex);
    const auto gone = std::ranges::remove_if(list, [which](const auto& item) { return item.get() == which; });
    if (gone.empty()) host.violations.push_back(std::string(function) + ": the plugin has ended it before");
    list.erase(gone.begin(), gone.end());
}

inline void stop_check(gatehouse_check* check) noexcept {
    Host& host = *reinterpret_cast<FakeCheck*>(check)->host;
    erase(host, host.checks, check, "check stop()");
}

inline gatehouse_status start_watch(gatehouse_instance* instance, gatehouse_str name, gatehouse_found found, void* data,
                                    gatehouse_watch** watch) noexcept {
    Host* host = host_of(instance);
    if (host->too_early("watch()")) return GATEHOUSE_INVALID;
    const std::string_view text = view(name);
    if (text.find(':') == text.npos) return GATEHOUSE_INVALID;
    auto made = std::make_shared<FakeWatch>(FakeWatch{host, std::string(text), found, data});
    *watch = reinterpret_cast<gatehouse_watch*>(made.get());
    const std::lock_guard lock(host->mutex);
    host->watches.push_back(std::move(made));
    return GATEHOUSE_OK;
}

inline void stop_watch(gatehouse_watch* watch) noexcept {
    Host& host = *reinterpret_cast<FakeWatch*>(watch)->host;
    erase(host, host.watches, watch, "unwatch()");
}

// Callbacks may start and stop checks and watches, so they run over a copy of the list, without the lock.
template <class Fake, class Visit>
bool visit(Host& host, const std::vector<std::shared_ptr<Fake>>& list, Visit matches_and_runs) {
    std::vector<std::shared_ptr<Fake>> copy;
    {
        const std::lock_guard lock(host.mutex);
        copy = list;
    }
    bool any = false;
    for (const auto& item : copy) {
        bool there = false;
        {
            const std::lock_guard lock(host.mutex);
            there = std::ranges::find(list, item) != list.end();
        }
        if (there && matches_and_runs(*item)) any = true;
    }
    return any;
}

// One attempt of a check whose server answers `answer`, byte by byte, whatever it is asked, and then closes.
inline void answer(const FakeCheck& check, std::string_view answer) {
    const gatehouse_check_request request = check.request; // the callbacks may end the check
    const auto judge = [&](std::size_t size, std::int32_t at_end) {
        gatehouse_match match = request.judge(request.data, answer.data(), size, at_end);
        gatehouse_str more{"", 0};
        while (match == GATEHOUSE_MATCH_YES && request.next != nullptr && request.next(request.data, &more) != 0)
            match = request.judge(request.data, answer.data(), size, at_end);
        return match;
    };
    gatehouse_match match = request.judge == nullptr ? GATEHOUSE_MATCH_YES : GATEHOUSE_MATCH_MORE;
    for (std::size_t size = 1; match == GATEHOUSE_MATCH_MORE && size <= answer.size(); ++size) match = judge(size, 0);
    if (match == GATEHOUSE_MATCH_MORE) match = judge(answer.size(), 1);
    const std::string_view why = match == GATEHOUSE_MATCH_YES  ? ""
                                 : match == GATEHOUSE_MATCH_NO ? "the answer is wrong"
                                                               : "it ended before it could be judged";
    const gatehouse_status status = match == GATEHOUSE_MATCH_YES  ? GATEHOUSE_OK
                                    : match == GATEHOUSE_MATCH_NO ? GATEHOUSE_INVALID
                                                                  : GATEHOUSE_END;
    request.result(request.data, status, {why.data(), why.size()});
}

} // namespace detail
} // namespace gatehouse::kit

#endif
