// A fake host for the tests of a plugin: no sockets, no threads, no clock. Link the plugin's sources into the test program
// (gatehouse_add_plugin_test() does) and drive it with scripts of what its clients do:
//
//     using namespace gatehouse::kit;
//
//     TEST(Echo, SendsBackWhatItReceives) {
//         Plugin echo;
//         const Outcome outcome = echo.serve({"hello", "world", end});
//         EXPECT_EQ(outcome.output, "helloworld");
//         EXPECT_EQ(outcome.reason, "peer_closed");
//     }
//
//     TEST(Files, NeedsARoot) { EXPECT_EQ(Plugin::refusal({}), "root: missing (expected a string)"); }
//
//     TEST(Chat, TellsTheOthers) {
//         Plugin chat;
//         Client ann = chat.connect(), bob = chat.connect();
//         ann.say({"hello\n"});
//         EXPECT_EQ(bob.heard(), "ann: hello\n");      // the plugin woke bob's connection
//     }
//
// The fake host calls the hooks in the order of the real one: serve() with the first bytes (or at once, if the plugin is
// server_first), serve() again for what arrives while the connection is parked, and closed() once. It also holds the plugin to
// the contract of gatehouse.h. If the plugin breaks it (it writes after a failed write, uses a connection outside of serve(),
// parks without reading what has arrived, ...), the call that ran the plugin throws ContractViolation, which fails the test.
//
// Any test framework will do: this header needs neither GoogleTest nor the host. One test thread at a time may use a Plugin and
// its clients; the plugin may call the [any] functions from threads of its own.
#ifndef GATEHOUSE_TESTING_HPP
#define GATEHOUSE_TESTING_HPP

#include "gatehouse.h"
#include "testing/background.hpp"
#include "testing/callbacks.hpp"
#include "testing/config.hpp"
#include "testing/control.hpp"
#include "testing/effects.hpp"
#include "testing/host.hpp"
#include "testing/metrics.hpp"
#include "testing/run.hpp"
#include "testing/schema.hpp"
#include "testing/script.hpp"
#include "testing/table.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::kit {

// The plugin has broken the host's rules; what() has a line for each breach.
class ContractViolation : public std::logic_error {
    using logic_error::logic_error;
};

// The plugin has refused its configuration, or the host has; what() has the text of the log.
class Refused : public std::runtime_error {
    using runtime_error::runtime_error;
};

// A client that stays connected between the steps of a test, for plugins whose connections affect each other.
// It must not outlive its Plugin.
class Client {
  public:
    // Does what the script says and lets the plugin answer. Then serves the other connections that the plugin has woken. At
    // the end of the script the plugin must have parked or closed: a plugin that goes on reading would wait for ever.
    Client& say(const Script& script);
    // The bytes that the plugin has written to this client since the last call.
    std::string heard() {
        const std::string& output = stream_->output;
        return output.substr(std::exchange(heard_, output.size()));
    }
    Outcome outcome() const { return detail::outcome_of(*stream_); }
    std::uint64_t id() const noexcept { return stream_->id; }

  private:
    friend class Plugin;
    Client(class Plugin& plugin, detail::Client& stream) noexcept : plugin_(&plugin), stream_(&stream) {}

    class Plugin* plugin_;
    detail::Client* stream_;
    std::size_t heard_ = 0;
};

enum class Extensions { all, none };

// The function that gives a plugin's table; see GATEHOUSE_ENTRY.
using EntryPoint = const gatehouse_plugin* (*)() noexcept;

// One instance of a plugin that is linked into the test: that of gatehouse_plugin_v1(), or of another entry.
class Plugin {
  public:
    // Throws Refused.
    explicit Plugin(const Table& config = {}, Extensions extensions = Extensions::all, EntryPoint entry = GATEHOUSE_ENTRY);
    Plugin(const Plugin&) = delete;
    Plugin& operator=(const Plugin&) = delete;
    ~Plugin();

    // Why the plugin or the host refuses this configuration: set_error()'s text, then the problems of the configuration, a line
    // each. Empty if neither does. Starts nothing, as `gatehouse check`.
    static std::string refusal(const Table& config, Extensions extensions = Extensions::all) {
        return refusal(config, extensions, Starts::no);
    }
    // The same, or why the instance does not start.
    static std::string start_failure(const Table& config, Extensions extensions = Extensions::all) {
        return refusal(config, extensions, Starts::yes);
    }

    // One connection from beginning to end. After the script the client finishes sending. If the connection is still parked
    // then, it ends as idle.
    Outcome serve(const Script& script = {}, const Circumstances& circumstances = {});

    // The output for `input`, which must be the same however the input is split; throws ContractViolation otherwise.
    std::string serve_every_split(std::string_view input, const Circumstances& circumstances = {});

    // A client that has just connected.
    Client connect(const Circumstances& circumstances = {});

    // What connect() to `address` finds: a server that follows the script, which ends with `end`, or a failure. An address
    // without either is GATEHOUSE_NOT_FOUND.
    void upstream(std::string_view address, Script script) {
        host_.upstreams.insert_or_assign(std::string(address),
                                         UpstreamScript{GATEHOUSE_OK, std::move(script), GATEHOUSE_OK, {}, {}});
    }
    // A server that reacts: what it does when it has received something, `{}` for nothing. At first it is silent.
    void upstream_answers(std::string_view address, std::function<Script(std::string_view bytes)> answer) {
        host_.upstreams.insert_or_assign(std::string(address),
                                         UpstreamScript{GATEHOUSE_OK, {}, GATEHOUSE_OK, {}, std::move(answer)});
    }
    // A server that another plugin is: each connection is a client of that one, which must outlive this plugin.
    void upstream_is(std::string_view address, Plugin& other, const Circumstances& circumstances = {});
    void upstream_fails(std::string_view address, gatehouse_status status) {
        host_.upstreams.insert_or_assign(std::string(address), UpstreamScript{status, {}, GATEHOUSE_OK, {}, {}});
    }
    // connect() succeeds, but start_tls() fails.
    void upstream_fails_tls(std::string_view address, gatehouse_status status, std::string why) {
        host_.upstreams.insert_or_assign(std::string(address), UpstreamScript{GATEHOUSE_OK, {}, status, std::move(why), {}});
    }

    // connect_now() and start_tls_now() do not know at once what comes of it: first GATEHOUSE_AGAIN, then
    // GATEHOUSE_EVENT_READY. After one of the above.
    void upstream_takes_time(std::string_view address) { host_.upstreams.at(std::string(address)).takes_time = true; }

    // The same for resolve_now() of every name.
    void lookups_take_time() { host_.lookups_take_time = true; }

    // What resolve() finds for a name: its addresses, or GATEHOUSE_NOT_FOUND if there are none. For any other name resolve()
    // finds the name itself.
    void addresses(std::string_view name, std::vector<std::string> addresses) {
        host_.addresses.insert_or_assign(std::string(name), std::move(addresses));
    }

    // The checks that the plugin has started and not stopped. They run only when the test says so:
    std::vector<CheckRecord> checks();
    // One attempt of every check of this address: the server answers, byte by byte, and closes; or the attempt fails.
    // Throws std::logic_error if there is no such check.
    void check_answers(std::string_view address, std::string_view answer = "");
    void check_fails(std::string_view address, gatehouse_status status, std::string_view why = "it failed");

    // What a watched name stands for from now on. Throws std::logic_error if the plugin does not watch it.
    void resolves(std::string_view name, const std::vector<EndpointRecord>& endpoints);
    void does_not_resolve(std::string_view name, gatehouse_status status = GATEHOUSE_NOT_FOUND,
                          std::string_view why = "no such name");

    // Time goes by for all: the plugin's timers expire in their order, each with what it leads to, and then the deadlines of
    // parked connections pass. In a script, pass() is the same for the timers and its own connection.
    void pass(milliseconds time);

    // The descriptors that the plugin watches. None is looked at; they are ready when the test says so:
    std::vector<PollRecord> polls();
    // Calls the plugin if it wants to hear of one of these events. Throws std::logic_error if not.
    void ready(int fd, std::uint32_t events = GATEHOUSE_READABLE);

    // What the plugin has counted for these values of the labels. Throws std::logic_error if there is no such metric; values
    // that it has not counted for are 0.
    std::int64_t metric(std::string_view name, const std::vector<std::string>& labels = {}) {
        return detail::metric_record(host_, name, labels).value;
    }
    MetricRecord histogram(std::string_view name, const std::vector<std::string>& labels = {}) {
        return detail::metric_record(host_, name, labels);
    }

    // What the host tells of itself from now on, in a table of gatehouse.host/1; at first it has none.
    void host_shows(const std::string& table, const std::vector<Column>& columns, std::vector<std::vector<ValueRecord>> rows);

    // What it writes as its metrics from now on, in this format; at first it has none.
    void host_measures(gatehouse_metrics_format format, std::string text);

    // Runs an operator's command: the names of the columns and the rows. Throws Refused with the plugin's explanation. If the
    // answer comes later, it waits for the plugin's thread, some seconds at most.
    Rows command(const std::vector<std::string>& words) { return answer(begin_command(words)); }
    // The same step by step, for an answer that comes when the test has done something.
    RunningCommand begin_command(const std::vector<std::string>& words);
    Rows answer(const RunningCommand& command);

    // Serves the connections that the plugin's own threads have woken. say() and serve() end with it.
    void settle();
    // Begins the drain: calls the hook, then serves the parked connections with GATEHOUSE_EVENT_STOPPING.
    void stop();
    // What the plugin's probe() answers about a connection's first bytes; GATEHOUSE_MATCH_NO if it has none. `needed`: how many
    // bytes it says that it needs in all; 0: it does not say.
    gatehouse_match probe(std::string_view bytes, const Circumstances& circumstances = {}, std::size_t* needed = nullptr);

    const gatehouse_plugin& table() const noexcept { return *host_.plugin; }
    std::vector<LogLine> log() {
        const std::lock_guard lock(host_.mutex);
        return host_.log;
    }

  private:
    friend class Client;
    std::string violations();
    void check_contract();
    enum class Starts { no, yes };
    Plugin(const Table& config, Extensions extensions, EntryPoint entry, Starts starts);
    static std::string refusal(const Table& config, Extensions extensions, Starts starts);
    std::string create(const gatehouse_host& table);
    std::string with_problems(std::string text) const;
    std::string start();
    void destroy() noexcept;

    detail::Host host_;
    detail::ConfigReport report_;
    detail::FakeConfig config_;
    std::vector<std::shared_ptr<detail::FakeAnswer>> answers_; // the plugin may have pointers into them
    bool created_ = false;
    bool started_ = false;
};

inline Client& Client::say(const Script& script) {
    stream_->incoming.insert(stream_->incoming.end(), script.begin(), script.end());
    detail::run(*stream_);
    plugin_->settle();
    return *this;
}

inline void Plugin::upstream_is(std::string_view address, Plugin& other, const Circumstances& circumstances) {
    UpstreamScript server;
    server.accept = [&other, circumstances] {
        const auto client = std::make_shared<Client>(other.connect(circumstances));
        const auto said = [client] {
            Script script;
            if (std::string heard = client->heard(); !heard.empty()) script.emplace_back(std::move(heard));
            if (const Outcome outcome = client->outcome(); outcome.finished || !outcome.open) script.push_back(end);
            return script;
        };
        const auto says = [client, said](Step step) {
            client->say({std::move(step)});
            return said();
        };
        return ServerSide{.greeting = said(),
                          .answer = [says](std::string_view bytes) { return says(Step(std::string(bytes))); },
                          .finished = [says] { return says(end); }};
    };
    host_.upstreams.insert_or_assign(std::string(address), std::move(server));
}

inline Plugin::Plugin(const Table& config, Extensions extensions, EntryPoint entry)
    : Plugin(config, extensions, entry, Starts::yes) {}

inline Plugin::Plugin(const Table& config, Extensions extensions, EntryPoint entry, Starts starts)
    : config_(config, "", report_) {
    host_.plugin = entry();
    std::string refusal = create(extensions == Extensions::all ? detail::full_host : detail::bare_host);
    if (refusal.empty() && starts == Starts::yes) refusal = start();
    const std::string broken = violations();
    if (refusal.empty() && broken.empty()) return;
    destroy();
    if (!broken.empty()) throw ContractViolation(broken);
    throw Refused(refusal);
}

inline std::string Plugin::start() {
    host_.creating = false;
    host_.error.clear();
    if (host_.plugin->start != nullptr && host_.plugin->start(host_.self) != GATEHOUSE_OK)
        return host_.error.empty() ? "start() failed without set_error()" : host_.error;
    started_ = true;
    return "";
}

inline std::string Plugin::create(const gatehouse_host& table) {
    const gatehouse_plugin& plugin = *host_.plugin;
    if (plugin.abi_major != GATEHOUSE_ABI_MAJOR || plugin.needs_minor < GATEHOUSE_ABI_OLDEST ||
        plugin.needs_minor > GATEHOUSE_ABI_MINOR)
        return "the plugin needs another ABI version";
    if (plugin.serve == nullptr) return "the plugin has no serve()";
    if ((plugin.flags & ~std::uint32_t{GATEHOUSE_SERVER_FIRST}) != 0) return "the plugin has unknown flags";
    const std::string_view name = detail::view(plugin.name);
    if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != name.npos)
        return "the plugin's name is not made of lower-case letters, digits, '-' and '_'";
    if (plugin.version.size == 0) return "the plugin has no version";

    std::string refusal;
    const std::optional<detail::Keys> keys = detail::keys_of(plugin, refusal);
    if (keys && refusal.empty()) detail::check_config(config_.values(), report_, *keys);
    if (!refusal.empty() || !report_.problems.empty()) return with_problems(refusal);
    config_ = detail::FakeConfig(config_.values(), "", report_, keys);

    gatehouse_status status = GATEHOUSE_OK;
    const detail::Effects effects;
    if (plugin.create != nullptr)
        status = plugin.create(&table, reinterpret_cast<gatehouse_instance*>(&host_),
                               reinterpret_cast<const gatehouse_config*>(&config_), &host_.self);
    created_ = status == GATEHOUSE_OK;
    if (const std::string made = effects.since(); created_ && !made.empty())
        host_.violation("create() has left " + made + " behind: only start() may");
    if (created_) config_.check_unread();
    report_.creating = false;
    if (!created_) refusal = host_.error.empty() ? "create() failed without set_error()" : host_.error;
    return with_problems(refusal);
}

inline std::string Plugin::with_problems(std::string text) const {
    for (const std::string& problem : report_.problems) text += (text.empty() ? "" : "\n") + problem;
    return text;
}

inline std::string Plugin::refusal(const Table& config, Extensions extensions, Starts starts) {
    try {
        const Plugin plugin(config, extensions, GATEHOUSE_ENTRY, starts);
        return "";
    } catch (const Refused& refused) {
        return refused.what();
    }
}

inline void Plugin::destroy() noexcept {
    if (started_ && !host_.stopping.exchange(true) && host_.plugin->stop != nullptr) host_.plugin->stop(host_.self);
    for (auto& client : host_.clients) detail::close(*client, "drained");
    if (std::exchange(created_, false) && host_.plugin->destroy != nullptr) host_.plugin->destroy(host_.self);
    for (const auto& answer : answers_)
        if (!RunningCommand(answer).is_over()) host_.violation("the plugin has not ended an answer");
    for (const auto& check : host_.checks) host_.violation("the plugin has not stopped the check of " + check->record.address);
    for (const auto& watch : host_.watches) host_.violation("the plugin has not ended the watch of " + watch->name);
    if (!host_.timers.empty())
        host_.violation("the plugin has not stopped " + std::to_string(host_.timers.size()) + " of its timers");
    for (const auto& poll : host_.polls)
        host_.violation("the plugin has not stopped the watch of descriptor " + std::to_string(poll->record.fd));
}

inline Plugin::~Plugin() {
    destroy();
    // A destructor cannot throw, and a rule that the last hooks broke must fail the test.
    if (const std::string left = violations(); !left.empty()) {
        std::fprintf(stderr, "the plugin has broken the host's contract:\n%s\n", left.c_str());
        std::abort();
    }
}

inline std::string Plugin::violations() {
    const std::lock_guard lock(host_.mutex);
    std::string all;
    for (auto* list : {&host_.violations, &report_.violations}) {
        for (const std::string& text : *list) all += (all.empty() ? "" : "\n") + text;
        list->clear();
    }
    return all;
}

inline void Plugin::check_contract() {
    if (const std::string broken = violations(); !broken.empty()) throw ContractViolation(broken);
}

inline Client Plugin::connect(const Circumstances& circumstances) {
    detail::Client& stream = detail::open(host_, circumstances);
    detail::run(stream);
    settle();
    return Client(*this, stream);
}

inline Outcome Plugin::serve(const Script& script, const Circumstances& circumstances) {
    detail::Client& stream = detail::open(host_, circumstances);
    stream.incoming.assign(script.begin(), script.end());
    stream.implied_end = true;
    detail::run(stream);
    detail::close(stream, "idle_timeout");
    settle();
    return detail::outcome_of(stream);
}

inline std::string Plugin::serve_every_split(std::string_view input, const Circumstances& circumstances) {
    std::optional<std::string> whole;
    for_each_split(input, [&](const Script& script) {
        const std::string output = serve(script, circumstances).output;
        if (!whole) whole = output;
        if (output == *whole) return;
        const std::string where =
            script.size() == 2 ? "at byte " + std::to_string(script.front().bytes.size()) : "at every byte";
        throw ContractViolation("the plugin answers the input, split " + where + ", with \"" + output +
                                "\", but whole with \"" + *whole + "\"");
    });
    return *whole;
}

inline void Plugin::settle() {
    detail::settle(host_);
    check_contract();
}

inline void Plugin::stop() {
    for (const auto& answer : answers_) RunningCommand(answer).abandon();
    host_.begin_drain();
    settle();
}

inline std::vector<CheckRecord> Plugin::checks() {
    const std::lock_guard lock(host_.mutex);
    std::vector<CheckRecord> records;
    records.reserve(host_.checks.size());
    for (const auto& check : host_.checks) records.push_back(check->record);
    return records;
}

inline void Plugin::check_answers(std::string_view address, std::string_view answer) {
    const bool any = detail::visit(host_, host_.checks, [&](const detail::FakeCheck& check) {
        if (check.record.address == address) detail::answer(check, answer);
        return check.record.address == address;
    });
    if (!any) throw std::logic_error("there is no check of " + std::string(address));
    settle();
}

inline void Plugin::check_fails(std::string_view address, gatehouse_status status, std::string_view why) {
    const bool any = detail::visit(host_, host_.checks, [&](const detail::FakeCheck& check) {
        if (check.record.address != address) return false;
        check.request.result(check.request.data, status, {why.data(), why.size()});
        return true;
    });
    if (!any) throw std::logic_error("there is no check of " + std::string(address));
    settle();
}

inline void Plugin::resolves(std::string_view name, const std::vector<EndpointRecord>& endpoints) {
    std::vector<gatehouse_endpoint> list;
    list.reserve(endpoints.size());
    for (const EndpointRecord& endpoint : endpoints)
        list.push_back({{endpoint.address.data(), endpoint.address.size()}, endpoint.priority, endpoint.weight, 0});
    const bool any = detail::visit(host_, host_.watches, [&](const detail::FakeWatch& watch) {
        if (watch.name == name)
            watch.found(watch.data, list.data(), list.size(), sizeof(gatehouse_endpoint), GATEHOUSE_OK, {nullptr, 0});
        return watch.name == name;
    });
    if (!any) throw std::logic_error(std::string(name) + " is not watched");
    settle();
}

inline void Plugin::does_not_resolve(std::string_view name, gatehouse_status status, std::string_view why) {
    const bool any = detail::visit(host_, host_.watches, [&](const detail::FakeWatch& watch) {
        if (watch.name == name)
            watch.found(watch.data, nullptr, 0, sizeof(gatehouse_endpoint), status, {why.data(), why.size()});
        return watch.name == name;
    });
    if (!any) throw std::logic_error(std::string(name) + " is not watched");
    settle();
}

inline void Plugin::pass(milliseconds time) {
    const milliseconds last = host_.now + time;
    while (host_.expire_next(last)) settle();
    for (const auto& client : host_.clients) {
        if (!client->open || client->relaying || !client->due_at || *client->due_at > last) continue;
        client->incoming.push_front(kit::pass(milliseconds(0)));
        detail::run(*client);
    }
    settle();
}

inline std::vector<PollRecord> Plugin::polls() {
    const std::lock_guard lock(host_.mutex);
    std::vector<PollRecord> records;
    for (const auto& poll : host_.polls) records.push_back(poll->record);
    return records;
}

inline void Plugin::ready(int fd, std::uint32_t events) {
    const bool any = detail::visit(host_, host_.polls, [&](const detail::FakePoll& poll) {
        std::unique_lock lock(host_.mutex);
        const std::uint32_t found = poll.record.fd == fd ? poll.record.events & events : 0;
        lock.unlock();
        if (found != 0) poll.ready(poll.data, found);
        return found != 0;
    });
    if (!any) throw std::logic_error("descriptor " + std::to_string(fd) + " is not watched for that");
    settle();
}

inline void Plugin::host_shows(const std::string& table, const std::vector<Column>& columns,
                               std::vector<std::vector<ValueRecord>> rows) {
    detail::FakeTable shown{{}, std::move(rows)};
    for (const Column& column : columns)
        shown.columns.push_back(
            {std::string(column.name.data, column.name.size), column.type, std::string(column.unit.data, column.unit.size)});
    const std::lock_guard lock(host_.mutex);
    host_.tables.insert_or_assign(table, std::move(shown));
}

inline void Plugin::host_measures(gatehouse_metrics_format format, std::string text) {
    const std::lock_guard lock(host_.mutex);
    host_.metric_texts.insert_or_assign(format, std::move(text));
}

inline RunningCommand Plugin::begin_command(const std::vector<std::string>& words) {
    const void* found = nullptr;
    constexpr std::string_view id = GATEHOUSE_EXT_CONTROL;
    if (host_.plugin->get_extension != nullptr) found = host_.plugin->get_extension(host_.self, {id.data(), id.size()});
    if (found == nullptr) throw Refused("the plugin takes no commands");
    std::vector<gatehouse_str> list;
    list.reserve(words.size());
    for (const std::string& word : words) list.push_back({word.data(), word.size()});
    const auto answer = std::make_shared<detail::FakeAnswer>(host_);
    answers_.push_back(answer);
    host_.error.clear();
    const auto& control = *static_cast<const gatehouse_control_v2*>(found);
    const gatehouse_status status = control.run(host_.self, list.data(), list.size(), &answer->sink);
    if (status != GATEHOUSE_AGAIN) answer->end(status, host_.error);
    settle();
    return RunningCommand(answer);
}

inline Rows Plugin::answer(const RunningCommand& command) {
    detail::FakeAnswer& answer = *command.answer_;
    {
        std::unique_lock lock(answer.mutex);
        answer.changed.wait_for(lock, std::chrono::seconds(10), [&] { return answer.status.has_value(); });
    }
    settle();
    const std::lock_guard lock(answer.mutex);
    if (!answer.status) throw std::logic_error("the answer has not come");
    if (*answer.status != GATEHOUSE_OK) throw Refused(answer.why);
    return answer.rows;
}

inline gatehouse_match Plugin::probe(std::string_view bytes, const Circumstances& circumstances, std::size_t* needed) {
    if (host_.plugin->probe == nullptr) return GATEHOUSE_MATCH_NO;
    gatehouse_probe probe{};
    probe.size = sizeof probe;
    probe.bytes = {bytes.data(), bytes.size()};
    probe.listener = {circumstances.listener.data(), circumstances.listener.size()};
    probe.peer = {circumstances.peer.data(), circumstances.peer.size()};
    std::size_t all = 0;
    const gatehouse_match match = host_.plugin->probe(host_.self, &probe, &all);
    if (needed != nullptr) *needed = all;
    return match;
}

} // namespace gatehouse::kit

#endif
