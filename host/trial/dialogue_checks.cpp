// The checks of what single clients do.
#include "trial/checks.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr const char* endings = "handle every status of read() and write() (writing-a-plugin.md, When things go wrong)";

// Clients that have ended their side, and that only the host's idle_timeout has let go.
void warn_of_stayers(const HostProcess& host, std::span<const Dialogue> dialogues, CheckResult& result) {
    std::size_t count = 0;
    const Dialogue* first = nullptr;
    for (const Dialogue& dialogue : dialogues) {
        const auto closed = host.closed(dialogue.client);
        if (dialogue.then != Dialogue::Then::finish || !closed || closed->relayed || closed->reason != "idle_timeout") continue;
        if (dialogue.ended - dialogue.heard < 500 * ms) continue; // it was this client that was slow
        if (count++ == 0) first = &dialogue;
    }
    if (count != 0)
        result.warn(count_of(count, "client") +
                        " that had ended their side stayed until the host's idle_timeout; the first says " + first->what,
                    "close when read() says end, unless there is more to send");
}

// Clients that leave in two ways, after each byte.
void try_cuts(const Subject& subject, CheckResult& result, std::initializer_list<Dialogue::Then> ways, std::string_view how) {
    HostProcess host(trial_configuration(subject, {"a"}), subject.folder);
    if (!host.is_ready(result)) return;
    std::vector<Dialogue> all;
    for (const Dialogue::Then way : ways) {
        std::vector<Dialogue> cuts = every_cut(subject, host.port("a"), way);
        converse_with(host, cuts, 2500 * ms);
        for (Dialogue& dialogue : cuts) {
            dialogue.fd.reset();
            all.push_back(std::move(dialogue));
        }
    }
    end_trial(subject, host, all, result);
    warn_of_stayers(host, all, result);
    result.pass(count_of(all.size(), "client") + ' ' + std::string(how));
}

// True: the answer does not depend on how the bytes arrive; nothing: it differs each time, or does not end.
std::optional<bool> is_same_in_pieces(HostProcess& host, const Input& input, std::string& whole, std::string& pieces) {
    for (int round = 0; round < 2; ++round) { // time goes by: what differs once may be an answer of the next second
        const auto before = answer_to(host, input, input.authors ? long_wait : short_wait);
        if (!before) return std::nullopt;
        const auto apart = answer_to(host, input, long_wait, true);
        const auto after = answer_to(host, input, long_wait);
        if (!apart || !after || *before != *after) return std::nullopt;
        if (*before == *apart) return true;
        whole = *before;
        pieces = *apart;
    }
    return false;
}

} // namespace

void check_bytes(const Subject& subject, CheckResult& result) {
    HostProcess host(trial_configuration(subject, {"a"}), subject.folder);
    if (!host.is_ready(result)) return;
    std::vector<Dialogue> firsts;
    for (int byte = 0; byte < 256; ++byte) {
        const Input input{"a byte", std::string(1, static_cast<char>(byte))};
        firsts.push_back(
            {.port = host.port("a"),
             .what = "the byte " + std::to_string(byte) + (byte > ' ' && byte < 127 ? " (" + cut_text(input, 1).substr(8) : ""),
             .bytes = input.bytes});
    }
    converse_with(host, firsts, 2500 * ms);
    std::size_t compared = 0;
    std::size_t others = 0; // usual inputs after the first that is answered otherwise
    for (const Input& input : subject.inputs) {
        if (host.has_ended()) break;
        std::string whole;
        std::string pieces;
        const std::optional<bool> same = is_same_in_pieces(host, input, whole, pieces);
        if (same) ++compared;
        if (!same || *same) continue;
        if (!input.authors && others++ != 0) continue;
        const std::string what = cut_text(input, input.bytes.size()) + " is answered with " + in_quotes(whole) +
                                 " at once, and with " + in_quotes(pieces) + " byte by byte";
        const char* const advice =
            "one read() is not one message: keep what has come in the Session (writing-a-plugin.md, State of a "
            "connection; serve_every_split() of the test kit)";
        result.findings.push_back({input.authors ? Judgement::fail : Judgement::warn, what, advice, ""});
    }
    if (others > 1) result.findings.back().what += "; so are " + count_of(others - 1, "other input");
    for (Dialogue& dialogue : firsts) dialogue.fd.reset();
    end_trial(subject, host, firsts, result);
    warn_of_stayers(host, firsts, result);
    result.pass("256 first bytes; " + std::to_string(compared) + " of " + count_of(subject.inputs.size(), "input") +
                " compared with themselves byte by byte (the answers of the others differ each time, or do not end)");
}

void check_close(const Subject& subject, CheckResult& result) {
    try_cuts(subject, result, {Dialogue::Then::finish, Dialogue::Then::close},
             "have ended their side or closed after each byte");
}

void check_reset(const Subject& subject, CheckResult& result) {
    try_cuts(subject, result, {Dialogue::Then::reset}, "have reset after each byte");
}

void check_timeout(const Subject& subject, CheckResult& result) {
    HostProcess host(
        trial_configuration(subject, {"a"}, "first_byte_timeout = \"300ms\"\nidle_timeout = \"300ms\"\nlifetime = \"600ms\"\n"),
        subject.folder);
    if (!host.is_ready(result)) return;
    std::vector<Dialogue> dialogues = every_cut(subject, host.port("a"), Dialogue::Then::wait);
    converse_with(host, dialogues, 4000 * ms, SIZE_MAX);
    const auto is_open = [](const Dialogue& dialogue) { return dialogue.end == Dialogue::End::none; };
    if (const auto first = std::find_if(dialogues.begin(), dialogues.end(), is_open);
        first != dialogues.end() && !host.has_ended())
        result.fail(
            count_of(static_cast<std::size_t>(std::count_if(dialogues.begin(), dialogues.end(), is_open)), "connection") +
                " did not end at the host's deadlines (idle_timeout 300 ms, lifetime 600 ms); the first client says " +
                first->what,
            endings);
    for (Dialogue& dialogue : dialogues) dialogue.fd.reset();
    end_trial(subject, host, dialogues, result);
    result.pass(count_of(dialogues.size(), "client") + " fell silent after each byte, and were ended in time");
}

void check_drain(const Subject& subject, CheckResult& result) {
    constexpr Nanoseconds drain_timeout = 2000 * ms; // trial_configuration()'s
    HostProcess host(trial_configuration(subject, {"a"}, "idle_timeout = \"1m\"\n"), subject.folder);
    if (!host.is_ready(result)) return;
    std::vector<Dialogue> dialogues = every_cut(subject, host.port("a"), Dialogue::Then::stay);
    converse_with(host, dialogues, 2500 * ms);
    for (Dialogue& dialogue : dialogues) {
        dialogue.bytes.clear();
        dialogue.then = Dialogue::Then::wait;
    }
    const Nanoseconds began = monotonic_now();
    host.begin_stop();
    // They read: a goodbye that nobody takes would last as long as the drain.
    for (std::size_t i = 0; i < dialogues.size(); i += 200)
        converse(std::span(dialogues).subspan(i, std::min<std::size_t>(200, dialogues.size() - i)),
                 began + drain_timeout + 1000 * ms, SIZE_MAX);
    for (Dialogue& dialogue : dialogues) dialogue.fd.reset();
    host.stop(result);
    const Nanoseconds took = monotonic_now() - began;
    std::size_t late = 0;
    std::size_t asked = 0;
    const Dialogue* first = nullptr;
    for (const Dialogue& dialogue : dialogues) {
        const auto closed = host.closed(dialogue.client);
        if (dialogue.client == 0 || dialogue.what == said_nothing || (closed && closed->relayed)) continue;
        ++asked;
        if (dialogue.end != Dialogue::End::none && dialogue.ended < began + drain_timeout - 500 * ms) continue;
        if (late++ == 0) first = &dialogue;
    }
    const std::string what = count_of(late, "client") + " took the whole drain_timeout; the first says ";
    if (late > asked * 9 / 10) // a few may have gone for reasons of their own
        result.fail(
            what + first->what + ", and hardly any was let go",
            "at Status::stopping and Event::stopping say goodbye and close (writing-a-plugin.md, When things go wrong)");
    else if (late != 0)
        result.warn(what + first->what,
                    "right for a client in the middle of a request; all others get a goodbye at Status::stopping");
    result.pass("the host stopped after each byte, with " + count_of(dialogues.size(), "client") + " connected, in " +
                std::to_string(took / ms) + " ms");
}

void check_noise(const Subject& subject, CheckResult& result) {
    constexpr std::size_t megabyte = 1U << 20U;
    constexpr std::uint64_t most_kept_kib = 2 * megabyte / 1024; // of four
    HostProcess host(trial_configuration(subject, {"a"}), subject.folder);
    if (!host.is_ready(result)) return;
    const std::pair<std::string, std::string> all[] = {{"a megabyte of noise", noise(megabyte)},
                                                       {"a megabyte of one letter", std::string(megabyte, 'a')},
                                                       {"a megabyte of line ends", std::string(megabyte, '\n')},
                                                       {"four megabytes without a line end", std::string(4 * megabyte, 'x')}};
    std::vector<Dialogue> dialogues;
    for (const auto& [what, bytes] : all) {
        if (host.has_ended()) break;
        const bool is_last = &what == &std::end(all)[-1].first;
        const Resources before = host.resources();
        dialogues.push_back({.port = host.port("a"),
                             .what = what,
                             .bytes = bytes,
                             .then = is_last ? Dialogue::Then::stay : Dialogue::Then::finish});
        converse_with(host, {&dialogues.back(), 1}, 2000 * ms, 64 * megabyte);
        // What it takes in, it takes in now.
        const auto grown = [&] { return host.resources().memory - std::min(before.memory, host.resources().memory); };
        const Nanoseconds deadline = monotonic_now() + 1000 * ms;
        while (is_last && grown() <= most_kept_kib && monotonic_now() < deadline)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (const std::uint64_t more = grown(); is_last && more > most_kept_kib)
            result.warn(
                "it keeps what a client sends without an end: its memory has grown by " + std::to_string(more) + " KiB",
                "bound everything that grows: a message has a greatest size (writing-a-plugin.md, When things go wrong)");
        dialogues.back().fd.reset();
    }
    end_trial(subject, host, dialogues, result);
    result.pass("seven megabytes in four forms");
}

} // namespace gatehouse::host
