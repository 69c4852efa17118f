#include "trial/checks.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_cuts = 64; // of an input

constexpr std::array<Check, 15> known_checks{{
    {"effects", "what create() does to files, sockets, threads and processes", check_effects},
    {"keys", "unknown, wrong and extreme values of the configuration's keys", check_keys},
    {"bytes", "every first byte; inputs byte by byte, which have to be answered as at once", check_bytes},
    {"close", "clients that close after each byte of an input", check_close},
    {"reset", "clients that reset after each byte", check_reset},
    {"timeout", "clients that fall silent after each byte, until the host's deadlines", check_timeout},
    {"drain", "a host that stops after each byte", check_drain},
    {"noise", "a megabyte of noise, of one letter, of line ends", check_noise},
    {"many", "200 clients at once, answered as one alone", check_many},
    {"leave", "parked clients that go while others are served", check_leave},
    {"idle", "parked clients cost no CPU time", check_idle},
    {"leaks", "descriptors, threads and memory after hundreds of clients", check_leaks},
    {"instances", "two instances at once", check_instances},
    {"commands", "each command of the operator's, without arguments", check_commands},
    {"stop", "the time to start and to stop", check_stop},
}};

Dialogue again(const Dialogue& dialogue) {
    return {.port = dialogue.port,
            .what = dialogue.what,
            .bytes = dialogue.bytes,
            .then = dialogue.then == Dialogue::Then::stay ? Dialogue::Then::finish : dialogue.then,
            .one_at_a_time = dialogue.one_at_a_time};
}

// Which of them a new host crashes with.
void find_crash(const Subject& subject, const std::vector<Dialogue>& dialogues, CheckResult& result) {
    CheckResult ignored;
    HostProcess host(trial_configuration(subject, {"a"}), subject.folder);
    if (!host.is_ready(ignored)) return;
    const Nanoseconds deadline = monotonic_now() + 3000 * ms;
    for (const Dialogue& dialogue : dialogues) {
        if (monotonic_now() > deadline) return;
        Dialogue one = again(dialogue);
        one.port = host.port("a");
        converse({&one, 1}, monotonic_now() + 50 * ms);
        one.fd.reset();
        if (!host.is_dying()) continue;
        result.fail("the first client that it crashes with, alone, says " + one.what, "");
        return;
    }
}

} // namespace

std::span<const Check> all_checks() { return known_checks; }

std::string trial_configuration(const Subject& subject, const std::vector<std::string>& instances, const std::string& listener,
                                const std::string& host) {
    std::string text = "[host]\ndrain_timeout = \"2s\"\n" + host + "[log]\nformat = \"json\"\n";
    for (const std::string& name : instances) text += instance_section(subject.trial, name);
    const bool own_deadlines = listener.find("idle_timeout") != std::string::npos;
    for (const std::string& name : instances)
        text += "[[listeners]]\nname = \"" + name + "\"\naddress = \"127.0.0.1:0\"\nplugin = \"" + name +
                "\"\nlinger_timeout = \"200ms\"\nhalf_close_timeout = \"500ms\"\n" +
                (own_deadlines ? "" : "idle_timeout = \"2s\"\n") + listener;
    return text;
}

std::vector<Dialogue> every_cut(const Subject& subject, std::uint16_t port, Dialogue::Then then) {
    std::vector<Dialogue> dialogues;
    for (const Input& input : subject.inputs) {
        const std::size_t last = std::min(input.bytes.size(), most_cuts);
        for (std::size_t size = 0; size <= last; ++size) {
            const std::size_t said = size == last ? input.bytes.size() : size;
            dialogues.push_back(
                {.port = port, .what = cut_text(input, said), .bytes = input.bytes.substr(0, said), .then = then});
        }
    }
    return dialogues;
}

std::vector<Dialogue> clients(const Subject& subject, std::uint16_t port, std::size_t count, Dialogue::Then then) {
    std::vector<Dialogue> dialogues;
    for (std::size_t i = 0; i < count; ++i) {
        const Input& input = subject.inputs[i % subject.inputs.size()];
        dialogues.push_back({.port = port, .what = cut_text(input, input.bytes.size()), .bytes = input.bytes, .then = then});
    }
    return dialogues;
}

void converse_with(HostProcess& host, std::span<Dialogue> dialogues, Nanoseconds time, std::size_t enough) {
    converse(dialogues, monotonic_now() + time, enough);
    for (const Dialogue& dialogue : dialogues)
        if (dialogue.client != 0) host.knows(dialogue.client, dialogue.what);
}

std::optional<std::string> answer_to(HostProcess& host, const Input& input, Nanoseconds within, bool one_at_a_time) {
    Dialogue dialogue{.port = host.port("a"),
                      .what = cut_text(input, input.bytes.size()) + (one_at_a_time ? ", byte by byte" : ""),
                      .bytes = input.bytes,
                      .one_at_a_time = one_at_a_time};
    converse_with(host, {&dialogue, 1}, within);
    if (dialogue.end != Dialogue::End::orderly) return std::nullopt;
    return dialogue.answer;
}

Nanoseconds end_trial(const Subject& subject, HostProcess& host, const std::vector<Dialogue>& dialogues, CheckResult& result) {
    const bool calm = host.calms_down(0, monotonic_now() + long_wait);
    const bool crashed = host.has_ended();
    if (!calm && !crashed) {
        const std::size_t open = host.open_connections().value_or(0);
        if (open != 0)
            result.fail(count_of(open, "connection") + " still open 4 s after the clients have gone",
                        "serve() and closed() return when the client has gone (writing-a-plugin.md, When things go wrong)");
    }
    const Nanoseconds took = host.stop(result);
    if (crashed) find_crash(subject, dialogues, result);
    return took;
}

} // namespace gatehouse::host
