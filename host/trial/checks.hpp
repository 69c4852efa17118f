// The checks of `gatehouse plugin check`: each makes a child process, looks at it from outside, and says what it has found.
#pragma once

#include "trial/dialogue.hpp"
#include "trial/finding.hpp"
#include "trial/host_process.hpp"
#include "trial/inputs.hpp"
#include "trial/plugin_trial.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// What is checked. Constant while checks run.
struct Subject {
    PluginTrial trial;         // the file, by its absolute path, and the settings
    std::vector<Input> inputs; // the author's first
    std::string folder;        // for temporary files
};

struct Check {
    std::string_view name;
    std::string_view meaning; // one line for people
    void (*run)(const Subject& subject, CheckResult& result);
};

// Of the library and of create(). The first two come before all others: if they fail there is nothing more to check. [any]
void check_load(const Subject& subject, CheckResult& result);
void check_create(const Subject& subject, CheckResult& result);
std::span<const Check> all_checks();

// Of create().
void check_effects(const Subject& subject, CheckResult& result);
void check_keys(const Subject& subject, CheckResult& result);
// Of single dialogues.
void check_bytes(const Subject& subject, CheckResult& result);
void check_close(const Subject& subject, CheckResult& result);
void check_reset(const Subject& subject, CheckResult& result);
void check_timeout(const Subject& subject, CheckResult& result);
void check_drain(const Subject& subject, CheckResult& result);
void check_noise(const Subject& subject, CheckResult& result);
// Of many of them, and of the instance.
void check_many(const Subject& subject, CheckResult& result);
void check_leave(const Subject& subject, CheckResult& result);
void check_idle(const Subject& subject, CheckResult& result);
void check_leaks(const Subject& subject, CheckResult& result);
void check_instances(const Subject& subject, CheckResult& result);
void check_commands(const Subject& subject, CheckResult& result);
void check_stop(const Subject& subject, CheckResult& result);

// --- What the checks share --------------------------------------------------------------------------------------------------

inline constexpr Nanoseconds ms = 1'000'000;

// "1 client", "2 clients".
inline std::string count_of(std::size_t count, std::string_view noun) {
    return std::to_string(count) + ' ' + std::string(noun) + (count == 1 ? "" : "s");
}

// The configuration of a host with these instances of the plugin, each with a listener of its name. `listener` are further
// lines of each listener, `host` of [host].
std::string trial_configuration(const Subject& subject, const std::vector<std::string>& instances,
                                const std::string& listener = "", const std::string& host = "");

// A client for each cut of each input, after 0, 1, 2, ... bytes; the whole input is the last. At most 64 bytes of an input are
// cut.
std::vector<Dialogue> every_cut(const Subject& subject, std::uint16_t port, Dialogue::Then then);
// `count` clients that say whole inputs, one after the other.
std::vector<Dialogue> clients(const Subject& subject, std::uint16_t port, std::size_t count, Dialogue::Then then);

// As converse(), for this long; the host is told who the clients are.
void converse_with(HostProcess& host, std::span<Dialogue> dialogues, Nanoseconds time, std::size_t enough = most_answered);

// What a client that says this is answered by the listener "a"; nothing if the server does not end the dialogue in this time.
std::optional<std::string> answer_to(HostProcess& host, const Input& input, Nanoseconds within, bool one_at_a_time = false);
// For dialogues that may have no end, and for those that had one before.
inline constexpr Nanoseconds short_wait = 800 * ms;
inline constexpr Nanoseconds long_wait = 4000 * ms;

// When all clients have gone: the connections end, and the host stops. `dialogues` are those that a crash may have come of:
// they are tried again one by one. Returns how long the stop took.
Nanoseconds end_trial(const Subject& subject, HostProcess& host, const std::vector<Dialogue>& dialogues, CheckResult& result);

} // namespace gatehouse::host
