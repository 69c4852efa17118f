// The checks of many clients at once, and of what an instance is like as a whole.
#include "trial/checks.hpp"

#include "base/printable.hpp"
#include "control/client.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace gatehouse::host {
namespace {

void sleep_for(Nanoseconds time) { std::this_thread::sleep_for(std::chrono::nanoseconds(time)); }

void hang_up(std::vector<Dialogue>& dialogues) {
    for (Dialogue& dialogue : dialogues) dialogue.fd.reset();
}

// What each input is answered when a client is alone; without those whose answers differ, or do not end.
using Answers = std::map<std::string, std::string>;

Answers answers_alone(const Subject& subject, HostProcess& host) {
    Answers answers;
    for (const Input& input : subject.inputs) {
        const auto one = answer_to(host, input, short_wait);
        if (one && one == answer_to(host, input, long_wait)) answers[cut_text(input, input.bytes.size())] = *one;
    }
    return answers;
}

// Without those that are answered otherwise by now: the time of the day is another.
void ask_again(const Subject& subject, HostProcess& host, Answers& answers) {
    for (const Input& input : subject.inputs) {
        const auto known = answers.find(cut_text(input, input.bytes.size()));
        if (known != answers.end() && answer_to(host, input, long_wait) != known->second) answers.erase(known);
    }
}

// How many have got another answer than a client alone.
void compare(const std::vector<Dialogue>& dialogues, const Answers& alone, std::string_view when, CheckResult& result) {
    std::size_t compared = 0;
    std::size_t others = 0;
    const Dialogue* first = nullptr;
    for (const Dialogue& dialogue : dialogues) {
        const auto expected = alone.find(dialogue.what);
        if (expected == alone.end()) continue;
        ++compared;
        if (dialogue.answer == expected->second && dialogue.end == Dialogue::End::orderly) continue;
        if (others++ == 0) first = &dialogue;
    }
    if (others != 0)
        result.warn(std::to_string(others) + " of " + std::to_string(compared) + " clients got another answer " +
                        std::string(when) + " than one alone; the first says " + first->what + " and hears " +
                        in_quotes(first->answer) + " instead of " + in_quotes(alone.at(first->what)),
                    "right if clients hear each other; else connections share what belongs into the Session");
}

// In one round of clients.
constexpr std::size_t least_leaked = 5;  // descriptors, threads
constexpr std::size_t least_memory = 40; // KiB

bool grows(const Resources& before, const Resources& after) {
    return after.descriptors >= before.descriptors + least_leaked || after.threads >= before.threads + least_leaked ||
           after.memory >= before.memory + least_memory;
}

// What the host does while its clients say nothing.
struct Rest {
    bool is_calm = false;
    std::string what;
};

Rest watch(HostProcess& host) {
    const Nanoseconds before = host.resources().cpu;
    const Nanoseconds began = monotonic_now();
    std::size_t looks = 0;
    std::map<std::string, std::size_t> ready; // threads, and how often they were
    while (monotonic_now() < began + 400 * ms) {
        for (const std::string& thread : host.ready_threads()) ++ready[thread];
        ++looks;
        sleep_for(10 * ms);
    }
    const Nanoseconds percent = (host.resources().cpu - before) * 100 / (monotonic_now() - began);
    Rest rest{percent <= 20, "48 clients that say nothing more cost " + std::to_string(percent) + " % of a CPU"};
    for (const auto& [thread, times] : ready) {
        if (times <= looks * 9 / 10) continue;
        rest.is_calm = false;
        rest.what += "; the thread \"" + printable(thread) + "\" never rests";
    }
    return rest;
}

} // namespace

void check_many(const Subject& subject, CheckResult& result) {
    HostProcess host(trial_configuration(subject, {"a"}), subject.folder);
    if (!host.is_ready(result)) return;
    Answers alone = answers_alone(subject, host);
    std::vector<Dialogue> dialogues = clients(subject, host.port("a"), 200, Dialogue::Then::finish);
    converse_with(host, dialogues, 4000 * ms);
    hang_up(dialogues);
    ask_again(subject, host, alone);
    end_trial(subject, host, dialogues, result);
    compare(dialogues, alone, "among many", result);
    result.pass("200 clients at once; the answers to " + std::to_string(alone.size()) + " of " +
                std::to_string(subject.inputs.size()) + " inputs are the same each time, and were compared");
}

// Wake-ups and timers of the plugin's go on for those who have left, and those who stay are served.
void check_leave(const Subject& subject, CheckResult& result) {
    HostProcess host(trial_configuration(subject, {"a"}), subject.folder);
    if (!host.is_ready(result)) return;
    std::vector<Dialogue> dialogues = clients(subject, host.port("a"), 120, Dialogue::Then::stay);
    converse_with(host, dialogues, 2000 * ms);
    const std::vector<Dialogue> suspects = clients(subject, 0, subject.inputs.size(), Dialogue::Then::reset);
    for (std::size_t round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < dialogues.size(); ++i) // those who stay say the same again
            if (i % 4 == round) dialogues[i].then = i % 8 < 4 ? Dialogue::Then::reset : Dialogue::Then::close;
        converse(dialogues, monotonic_now() + 1000 * ms);
        std::erase_if(dialogues, [](const Dialogue& dialogue) { return dialogue.then != Dialogue::Then::stay; });
    }
    std::vector<Dialogue> fresh = clients(subject, host.port("a"), 12, Dialogue::Then::finish);
    converse_with(host, fresh, 2500 * ms);
    hang_up(dialogues);
    hang_up(fresh);
    end_trial(subject, host, suspects, result);
    result.pass("three quarters of 120 parked clients left while the others and newcomers were served");
}

void check_idle(const Subject& subject, CheckResult& result) {
    HostProcess host(trial_configuration(subject, {"a"}, "idle_timeout = \"1m\"\n"), subject.folder);
    if (!host.is_ready(result)) return;
    std::vector<Dialogue> dialogues = clients(subject, host.port("a"), 48, Dialogue::Then::stay);
    for (std::size_t i = 0; i < dialogues.size(); i += 4) dialogues[i].then = Dialogue::Then::finish; // and stay, if they may
    converse_with(host, dialogues, 300 * ms, 1U << 30U);
    Rest rest = watch(host);
    for (int i = 0; i < 5 && !rest.is_calm; ++i) rest = watch(host); // on a busy machine what was said is served late
    const bool ended = host.has_ended();
    for (Dialogue& dialogue : dialogues) { // the host hears a reset even of those that it does not watch
        dialogue.bytes.clear();
        dialogue.then = Dialogue::Then::reset;
    }
    converse(dialogues, monotonic_now() + 1000 * ms);
    end_trial(subject, host, clients(subject, 0, subject.inputs.size(), Dialogue::Then::reset), result);
    if (ended) return;
    if (rest.is_calm)
        result.pass(rest.what);
    else
        result.fail(rest.what,
                    "a parked connection is called again as long as what it watches is there: read it, or close at the end; no "
                    "thread may spin (gatehouse.h, watch)");
}

void check_leaks(const Subject& subject, CheckResult& result) {
    constexpr std::size_t clients_each = 180;
    constexpr std::size_t most_rounds = 7;
    HostProcess host(trial_configuration(subject, {"a"}, "threads.keep = \"10ms\"\n"), subject.folder);
    if (!host.is_ready(result)) return;
    std::vector<Resources> after; // each round
    // What is kept for later clients grows at first, and a leak for ever.
    while (after.size() < 3 || (grows(after[after.size() - 2], after.back()) && after.size() < most_rounds)) {
        std::vector<Dialogue> dialogues = clients(subject, host.port("a"), clients_each, Dialogue::Then::reset);
        for (std::size_t i = 0; i < dialogues.size(); i += 3) dialogues[i].then = Dialogue::Then::close;
        converse_with(host, dialogues, 2500 * ms);
        hang_up(dialogues);
        if (!host.calms_down(0, monotonic_now() + long_wait)) break;
        // The pool's threads leave soon.
        const Nanoseconds deadline = monotonic_now() + 400 * ms;
        Resources now = host.resources();
        while (!after.empty() && monotonic_now() < deadline && grows(after.back(), now)) {
            sleep_for(20 * ms);
            now = host.resources();
        }
        after.push_back(now);
    }
    const bool calm = after.size() >= 3 && !host.has_ended();
    end_trial(subject, host, clients(subject, 0, subject.inputs.size(), Dialogue::Then::reset), result);
    if (!calm) {
        if (result.verdict() != Judgement::fail) result.fail("the connections do not end when clients leave", "");
        return;
    }
    const std::size_t count = after.size() * clients_each;
    const auto judge = [&](auto Resources::* what, std::size_t least, const std::string& unit, const std::string& advice) {
        for (std::size_t i = 2; i < after.size(); ++i)
            if (after[i].*what < after[i - 1].*what + least) return;
        result.fail(std::to_string(after.back().*what - after[1].*what) + ' ' + unit + " more after " +
                        std::to_string(count - 2 * clients_each) + " clients, and more each time",
                    advice);
    };
    judge(&Resources::descriptors, least_leaked, "descriptors",
          "closed() is where what belongs to a connection ends; let destructors do it (writing-a-plugin.md, State of a "
          "connection)");
    judge(&Resources::threads, least_leaked, "threads", "start threads in start(), not for each client");
    judge(&Resources::memory, least_memory, "KiB of memory",
          "free in closed() what set_state() was given, forget the ids of those who have gone (writing-a-plugin.md, State of a "
          "connection)");
    result.pass(std::to_string(count) + " clients have come and gone: " + std::to_string(after.back().descriptors) +
                " descriptors, " + std::to_string(after.back().threads) + " threads");
}

void check_instances(const Subject& subject, CheckResult& result) {
    HostProcess host(trial_configuration(subject, {"a", "b"}), subject.folder);
    if (!host.is_ready(result)) return;
    Answers alone = answers_alone(subject, host);
    std::vector<Dialogue> dialogues = clients(subject, host.port("a"), 60, Dialogue::Then::finish);
    for (Dialogue& dialogue : clients(subject, host.port("b"), 60, Dialogue::Then::finish))
        dialogues.push_back(std::move(dialogue));
    converse_with(host, dialogues, 3000 * ms);
    hang_up(dialogues);
    ask_again(subject, host, alone);
    end_trial(subject, host, dialogues, result);
    compare(dialogues, alone, "from one of two instances", result);
    result.pass("two instances served 60 clients each");
}

void check_commands(const Subject& subject, CheckResult& result) {
    const std::filesystem::path socket = std::filesystem::path(subject.folder) / "control";
    HostProcess host(trial_configuration(subject, {"a"}, "", "control = \"" + socket.string() + "\"\n"), subject.folder);
    if (!host.is_ready(result)) return;
    std::size_t count = 0;
    try {
        std::vector<std::string> names;
        Question commands;
        commands.command = "commands";
        commands.with["instance"] = "a";
        const CellTable list = ask_host(socket, commands).table; // instance, command, ...
        if (list.columns.empty()) throw std::runtime_error("the host lists none");
        for (std::size_t i = 1; i < list.cells.size(); i += list.columns.size())
            if (list.cells[i].is_text()) names.push_back(list.cells[i].text);
        for (const std::string& name : names) {
            const Nanoseconds began = monotonic_now();
            ask_host(socket, plugin_question("a", {name}));
            if (const Nanoseconds took = monotonic_now() - began; took > 1000 * ms)
                result.warn("the command " + name + " takes " + std::to_string(took / ms) + " ms",
                            "a command runs on the main thread, and must not block");
            ++count;
        }
    } catch (const std::runtime_error& error) {
        result.fail("a command has no answer: " + std::string(error.what()),
                    "command() runs on the main thread, and must not block (writing-a-plugin.md, Commands for the operator)");
    }
    host.stop(result);
    result.pass(count == 0 ? "it has none" : count_of(count, "command") + " answered or refused");
}

void check_stop(const Subject& subject, CheckResult& result) {
    HostProcess host(trial_configuration(subject, {"a"}), subject.folder);
    if (!host.is_ready(result)) return;
    std::vector<Dialogue> dialogues = clients(subject, host.port("a"), 30, Dialogue::Then::close);
    converse_with(host, dialogues, 2000 * ms);
    hang_up(dialogues);
    const Nanoseconds took = end_trial(subject, host, dialogues, result);
    const std::string what = "it starts in " + std::to_string(host.started_in() / ms) + " ms, and stops in " +
                             std::to_string(took / ms) + " ms when all clients have gone";
    if (took > 1000 * ms)
        result.fail(what, "stop() and destroy() must not wait long; they end the plugin's own threads");
    else
        result.pass(what);
}

} // namespace gatehouse::host
