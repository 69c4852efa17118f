#include "trial/host_process.hpp"

#include "base/printable.hpp"
#include "trial/memory_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds second = 1'000'000'000;
constexpr Nanoseconds longest_start = 10 * second;
constexpr Nanoseconds longest_answer = 5 * second; // to a signal that asks for the status, on a busy machine
constexpr Nanoseconds longest_stop = 6 * second;   // the host leaves by itself 4.5 s after the signal
constexpr std::size_t most_log = 64U << 20U;       // bytes
constexpr std::size_t most_other = 4096;           // bytes
constexpr std::size_t most_failures = 1000;

void pause_for_news() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

std::size_t entries_of(const std::string& folder) {
    std::error_code error;
    std::size_t count = 0;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) ++count;
    return count;
}

// The port of "127.0.0.1:PORT"; 0: there is none.
std::uint16_t port_of(const std::string& address) {
    std::uint16_t port = 0;
    const std::size_t colon = address.rfind(':') + 1;
    std::from_chars(address.data() + colon, address.data() + address.size(), port);
    return port;
}

} // namespace

// One arena: memory that threads have freed for each other does not look like a leak.
HostProcess::HostProcess(const std::string& configuration, const std::string& folder)
    : log_(memory_file()), began_(monotonic_now()), child_({.arguments = {"trial-host"},
                                                            .input = memory_file(configuration).get(),
                                                            .errors = log_.get(),
                                                            .environment = {"TMPDIR=" + folder, "MALLOC_ARENA_MAX=1"}}) {}

bool HostProcess::is_ready(CheckResult& result) {
    while (monotonic_now() < began_ + longest_start) {
        const bool ended = has_ended(); // first: what it has said is whole then
        read_log();
        if (ready_) {
            started_in_ = monotonic_now() - began_;
            return true;
        }
        if (ended) {
            const int status = *child_.wait(0);
            const bool crashed = WIFSIGNALED(status);
            result.fail("the host does not start: " + (crashed ? "it ends " + how_ended(status) + ": " : "") +
                            printable(other_, 1000),
                        "start() is where it opens files and starts threads; two instances of a name may live side by side "
                        "(gatehouse.h, start)");
            return false;
        }
        pause_for_news();
    }
    result.fail("start() has not returned within 10 s", "start() must not wait for what may never come");
    child_.kill();
    return false;
}

void HostProcess::read_log() {
    std::array<char, 65536> buffer; // not initialised: filled by pread
    for (;;) {
        const ssize_t size = ::pread(log_.get(), buffer.data(), buffer.size(), static_cast<off_t>(read_));
        if (size <= 0) return;
        read_ += static_cast<std::size_t>(size);
        if (read_ > most_log) {
            child_.kill();
            return;
        }
        partial_.append(buffer.data(), static_cast<std::size_t>(size));
        std::size_t begin = 0;
        for (std::size_t end; (end = partial_.find('\n', begin)) != std::string::npos; begin = end + 1) {
            const std::string_view line = std::string_view(partial_).substr(begin, end - begin);
            if (const std::optional<Record> record = Record::parse(line))
                take(*record);
            else if (other_.size() < most_other)
                other_ += (other_.empty() ? "" : "; ") + std::string(line);
        }
        partial_.erase(0, begin);
    }
}

void HostProcess::take(const Record& record) {
    const std::string message = record.message();
    if (message == "closed") {
        closed_[port_of(record["peer"])] = {record["reason"], !record["upstream"].empty()};
    } else if (message == "listening") {
        ports_[record["listener"]] = port_of(record["address"]);
    } else if (message == "ready") {
        ready_ = true;
    } else if (message == "status") {
        if (!record["listener"].empty()) {
            open_ += std::strtoul(record["open"].c_str(), nullptr, 10);
        } else { // the last one of an answer
            last_open_ = std::exchange(open_, 0);
            ++statuses_;
        }
    } else if (record["level"] != "info" && record["level"] != "debug" && failures_.size() < most_failures) {
        failures_.push_back(record);
    }
}

std::optional<std::size_t> HostProcess::open_connections() {
    read_log();
    const std::size_t before = statuses_;
    child_.signal(SIGUSR1);
    for (const Nanoseconds deadline = monotonic_now() + longest_answer; statuses_ == before; read_log()) {
        if (has_ended() || monotonic_now() > deadline) return std::nullopt;
        pause_for_news();
    }
    return last_open_;
}

bool HostProcess::calms_down(std::size_t most, Nanoseconds deadline) {
    for (;;) {
        const std::optional<std::size_t> open = open_connections();
        if (!open) return false;
        if (*open <= most) return true;
        if (monotonic_now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

bool HostProcess::is_dying() {
    read_log();
    return has_ended() || other_.find("crashed") != std::string::npos;
}

Resources HostProcess::resources() const {
    const std::string folder = "/proc/" + std::to_string(child_.pid());
    Resources now;
    now.descriptors = entries_of(folder + "/fd");
    now.threads = entries_of(folder + "/task");
    std::ifstream status(folder + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("RssAnon:")) now.memory = std::strtoull(line.c_str() + 8, nullptr, 10);
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(child_.pid(), &clock) == 0 && ::clock_gettime(clock, &time) == 0)
        now.cpu = time.tv_sec * second + time.tv_nsec;
    return now;
}

// The state of a thread is the first field after its name, which is in brackets and may contain anything.
std::vector<std::string> HostProcess::ready_threads() const {
    std::vector<std::string> names;
    std::error_code error;
    const std::filesystem::path tasks = "/proc/" + std::to_string(child_.pid()) + "/task";
    for (std::filesystem::directory_iterator entry(tasks, error), end; !error && entry != end; entry.increment(error)) {
        std::string line;
        if (!std::getline(std::ifstream(entry->path() / "stat"), line)) continue; // it has ended
        const std::size_t opens = line.find('(');
        const std::size_t closes = line.rfind(") ");
        if (closes != std::string::npos && line[closes + 2] == 'R') names.push_back(line.substr(opens + 1, closes - opens - 1));
    }
    return names;
}

// Once: a second signal would end it at once.
void HostProcess::begin_stop() noexcept {
    if (!std::exchange(stopping_, true) && !has_ended()) child_.signal(SIGTERM);
}

Nanoseconds HostProcess::stop(CheckResult& result) {
    const Nanoseconds began = monotonic_now();
    begin_stop();
    std::optional<int> status = child_.wait(began + longest_stop);
    const Nanoseconds took = monotonic_now() - began;
    if (!status) {
        child_.kill();
        result.fail("the host had to be killed: it does not stop", "no hook may block for ever");
    }
    read_log();
    judge(result);
    if (status && WIFSIGNALED(*status))
        result.findings.push_back(
            {Judgement::fail, "the host crashed " + how_ended(*status) + (other_.empty() ? "" : ": " + printable(other_, 500)),
             "a crash ends the host and all its clients: treat all input as hostile, and run the host under gdb",
             "crashed " + how_ended(*status)});
    else if (status && WEXITSTATUS(*status) != 0)
        result.fail("the host ended " + how_ended(*status) + (other_.empty() ? "" : ": " + printable(other_, 500)),
                    "a plugin must not end the process");
    return took;
}

std::string HostProcess::client_of(const Record& record) const {
    const auto client = clients_.find(port_of(record["peer"]));
    return client == clients_.end() ? "a client" : "a client that says " + client->second;
}

// One finding for each kind of failure, with the first client that has met it.
void HostProcess::judge(CheckResult& result) const {
    std::map<std::string, std::size_t> known; // what was found, and how often
    std::vector<Finding> found;
    const auto add = [&](const std::string& kind, const std::string& where, const std::string& advice, Judgement verdict) {
        if (known[kind]++ == 0) found.push_back({verdict, kind + where, advice, kind});
    };
    for (const Record& record : failures_) {
        const std::string message = record.message();
        const std::string error = record["error"];
        const bool by_host = error == "the plugin did not say why" || error.starts_with("serve() returned ");
        if (message == "plugin failed" && record["reason"] == "plugin_exception")
            add("serve() threw: " + printable(error), ", for " + client_of(record),
                "catch what a client can cause (writing-a-plugin.md, When things go wrong)", Judgement::fail);
        else if (message == "plugin failed" && by_host)
            add("serve() returned what the host cannot do: " + error, ", for " + client_of(record),
                "return one of gatehouse::Next, and explain Next::error with set_error() (gatehouse.h, gatehouse_next)",
                Judgement::fail);
        else if (message.find(" threw") != std::string::npos && record["level"] == "error")
            add(printable(message), "", "no hook and no callback may throw", Judgement::fail);
        else if (message.ends_with("leaving without it"))
            add(message, "", "serve() and all other hooks have to return (writing-a-plugin.md, When things go wrong)",
                Judgement::fail);
        else if (message.starts_with("a plugin's callback took long"))
            add(message, "", "a callback must not block (writing-a-plugin.md, Timers)", Judgement::warn);
    }
    for (Finding& finding : found) {
        if (const std::size_t times = known[finding.kind]; times > 1) finding.what += " (" + std::to_string(times) + " times)";
        result.findings.push_back(std::move(finding));
    }
}

} // namespace gatehouse::host
