#include "plugin_creation.hpp"

#include "base/printable.hpp"
#include "config/load.hpp"
#include "idle_host.hpp"
#include "plugin/instance.hpp"
#include "plugin/library.hpp"
#include "plugin/runtime_folder.hpp"
#include "process/effects.hpp"
#include "threads/crash_report.hpp"
#include "trial/key_trials.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <malloc.h>
#include <memory>
#include <set>
#include <string_view>
#include <sys/prctl.h>
#include <system_error>

namespace gatehouse::host {
namespace {

void say(std::string_view kind, const std::string& what) {
    std::cout << kind << ' ' << printable(what, 1000) << '\n' << std::flush;
}

void say_with_advice(std::string_view kind, const std::string& what, const std::string& advice) {
    say(kind, what);
    say("advice", advice);
}

class Creator {
  public:
    Creator(const PluginTrial& trial, PluginLibrary&& library)
        : trial_(trial), library_(std::make_shared<PluginLibrary>(std::move(library))) {}

    std::unique_ptr<PluginInstance> create(const std::vector<std::string>& settings) {
        const Config config = parse_config(
            configuration_of({.plugin = trial_.plugin, .port = 0, .settings = settings, .watch = false, .dev_cert = ""}),
            "the command line");
        return std::make_unique<PluginInstance>(config.plugins.at(0), library_, host_.facilities());
    }
    std::unique_ptr<PluginInstance> create() { return create(trial_.settings); }

    const std::vector<ConfigKey>* keys() const { return library_->keys() ? &*library_->keys() : nullptr; }
    const std::vector<std::string>& settings() const { return trial_.settings; }

  private:
    const PluginTrial& trial_;
    const std::shared_ptr<const PluginLibrary> library_;
    IdleHost host_{HostConfig(), [](const std::string&) -> TlsServer* { return nullptr; }};
};

std::set<std::string> entries_of(const char* folder) {
    std::set<std::string> entries;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) entries.insert(entry.path().filename());
    return entries;
}

// How many of them are new.
std::ptrdiff_t added(const std::set<std::string>& before, const std::set<std::string>& after) {
    return std::ranges::count_if(after, [&](const std::string& entry) { return !before.contains(entry); });
}

void try_creation(Creator& creator) {
    constexpr const char* advice = "instances live side by side, and share nothing that one of them owns (gatehouse.h, create)";
    const std::set<std::string> descriptors = entries_of("/proc/self/fd");
    const std::set<std::string> threads = entries_of("/proc/self/task");
    const Nanoseconds begin = monotonic_now();
    Nanoseconds took = 0;
    std::size_t counted = 1; // creations in a round
    std::unique_ptr<PluginInstance> one;
    try { // an instance has been made and destroyed before
        say("at", "a second create(), after a destroy()");
        one = creator.create();
        took = monotonic_now() - begin;
        if (took < 50'000'000) counted = 20;
        say("at", "create() of an instance beside another");
        std::unique_ptr<PluginInstance> two = creator.create();
        say("at", "destroy() of one of two instances");
        one.reset();
        one = creator.create();
        one.reset();
        say("at", "create() and destroy() again and again");
        std::size_t least = SIZE_MAX; // bytes that two rounds have left; the first fills what is kept for the next
        for (int round = 0; round < 3; ++round) {
            const std::size_t before = ::mallinfo2().uordblks;
            for (std::size_t i = 0; i < counted; ++i) creator.create();
            const std::size_t after = ::mallinfo2().uordblks;
            if (round > 0) least = std::min(least, after - std::min(before, after));
        }
        if (const std::size_t each = least / counted; each >= 16)
            say_with_advice("fail", "create() and destroy() leave " + std::to_string(each) + " bytes of memory each time",
                            "destroy() frees all that belongs to the instance");
    } catch (const std::exception& error) {
        say_with_advice("fail", "another instance is refused: " + std::string(error.what()), advice);
    }
    say("at", "destroy()");
    one.reset();
    if (const auto more = added(descriptors, entries_of("/proc/self/fd")); more != 0)
        say_with_advice("fail", "destroy() leaves descriptors open: " + std::to_string(more),
                        "what create() opens, destroy() closes");
    if (const auto more = added(threads, entries_of("/proc/self/task")); more != 0)
        say_with_advice("fail", "destroy() leaves threads: " + std::to_string(more),
                        "destroy() waits for the plugin's threads");
    if (took > 1'000'000'000)
        say_with_advice("warn", "create() takes " + std::to_string(took / 1'000'000) + " ms", "start() is for what takes long");
    say("pass",
        "created " + std::to_string(3 * counted + 4) + " times, two at once, in " + std::to_string(took / 1'000) + " us each");
}

void try_effects(Creator& creator) {
    constexpr const char* advice =
        "create() only reads its configuration, and start() does the rest (writing-a-plugin.md, Checks)";
    std::vector<std::string> effects;
    try {
        effects = effects_of([&] {
            prepare_thread_for_crash_report();
            say("at", "create()");
            try {
                creator.create();
            } catch (const PluginError&) { // because of what it was denied, or it says so to another check
            }
        });
    } catch (const std::system_error& error) {
        say("skipped", "this system cannot watch what a process does: " + std::string(error.what()));
        return;
    }
    for (const std::string& effect : effects) say_with_advice("fail", "create() " + effect, advice);
    say("pass", "create() opens nothing for writing, and makes no socket, thread or process");
}

void try_keys(Creator& creator) {
    static const std::vector<ConfigKey> none;
    const std::vector<ConfigKey>* keys = creator.keys();
    const std::vector<KeyTrial> trials = key_trials(creator.settings(), keys != nullptr ? *keys : none);
    for (const KeyTrial& trial : trials) {
        say("at", "create() with " + trial.what);
        std::string problem;
        bool taken = true;
        try {
            creator.create(trial.settings);
        } catch (const std::exception& error) {
            problem = error.what();
            taken = false;
        }
        if (taken && trial.expected == KeyTrial::Expected::refused)
            say_with_advice("fail", trial.what + " is accepted", "say the key's type and range in its schema");
        if (!taken && trial.expected == KeyTrial::Expected::accepted)
            say_with_advice("fail", trial.what + ", its default, is refused: " + problem,
                            "the schema's default is what holds without the key");
        if (!taken && problem.find("it did not say why") != std::string::npos)
            say_with_advice("fail", trial.what + " is refused without a word", "say why with set_error() or config_reject()");
        if (!taken && trial.expected == KeyTrial::Expected::refused && problem.find(trial.key) == std::string::npos)
            say_with_advice("warn", trial.what + " is refused, and the message does not name the key: " + problem,
                            "use config_reject(), which says file and line");
    }
    say("pass", "unknown, wrong and extreme values are accepted or refused as they should, " + std::to_string(trials.size()) +
                    " of them" + (keys == nullptr ? "; it does not say which keys it has (gatehouse.schema/1)" : ""));
}

} // namespace

void run_plugin_creation(const std::string& what, const PluginTrial& trial) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // whoever has asked has gone
    try {
        install_crash_report();
        RuntimeFolder folder;
        Creator creator(trial, PluginLibrary(trial.plugin, folder));
        bool is_created = what == "effects"; // its attempt is the check itself
        try {
            if (!is_created) {
                say("at", "create()");
                creator.create();
                is_created = true;
            }
        } catch (const PluginError& error) {
            say("refused", error.what());
        }
        if (is_created && what == "create") try_creation(creator);
        if (is_created && what == "effects") try_effects(creator);
        if (is_created && what == "keys") try_keys(creator);
        folder.remove();
        std::_Exit(0); // without the library's destructors: the host never runs them either
    } catch (const std::exception& error) {
        say("fail", error.what());
        std::_Exit(1);
    }
}

} // namespace gatehouse::host
