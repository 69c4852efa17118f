#include "host.hpp"

#include "gatehouse.hpp"

#include <csignal>
#include <filesystem>
#include <numeric>
#include <sstream>
#include <system_error>
#include <thread>

namespace gatehouse::chaos {
namespace {

using support::Record;

constexpr std::size_t lines_kept = 60;

// How many connections ended, by the field `reasons` of a status: "done:12 peer_reset:3", or "none".
std::uint64_t sum_of(const std::string& reasons) {
    std::uint64_t sum = 0;
    std::istringstream words(reasons);
    for (std::string word; words >> word;)
        if (word != "none") sum += std::stoull(word.substr(word.find(':') + 1));
    return sum;
}

} // namespace

Host::Host(const std::string& host_section, const std::string& config) {
    const std::string file =
        dir_.write("gatehouse.toml", "[host]\ncontrol = \"control.sock\"\n" + host_section + "[log]\nfile = \"" + log_ +
                                         "\"\nrefused_per_second = 0\n" + config); // 0: all are counted
    process_ = std::make_unique<support::Process>(
        std::vector<std::string>{support::gatehouse_binary(), "run", "--plugin-path", support::plugin_dir(), file});
    support::eventually("the host is ready", [&] {
        const std::lock_guard lock(mutex_);
        if (process_->ended()) throw std::runtime_error("the host does not start: " + process_->err());
        if (!file_.is_open()) file_.open(log_);
        read_log();
        return ready_;
    });
}

Host::Statuses Host::status() {
    std::uint64_t before = 0;
    {
        const std::lock_guard lock(mutex_);
        read_log();
        before = complete_;
    }
    if (!alive() || ::kill(pid(), SIGUSR1) != 0) throw std::runtime_error("the host has ended");
    Statuses result;
    support::eventually("the host's status", [&] {
        const std::lock_guard lock(mutex_);
        read_log();
        if (complete_ == before) return false;
        result = statuses_;
        return true;
    });
    return result;
}

Host::Statuses Host::last_statuses() {
    const std::lock_guard lock(mutex_);
    read_log();
    return statuses_;
}

void Host::rotate_log() {
    const std::string old = log_ + ".1";
    const std::lock_guard lock(mutex_);
    std::filesystem::rename(log_, old);
    support::eventually("a line in the new log file after SIGUSR2",
                        [&] { // at the descriptor limit it takes the host more than one
                            if (!alive() || ::kill(pid(), SIGUSR2) != 0) throw std::runtime_error("the host has ended");
                            std::this_thread::sleep_for(std::chrono::milliseconds(20));
                            std::error_code none; // there is no file yet
                            return std::filesystem::file_size(log_, none) > 0 && !none;
                        });
    read_log(); // to the end of the old one, which it writes to no more
    file_.close();
    file_.open(log_);
    std::filesystem::remove(old);
}

bool Host::alive() {
    const std::lock_guard lock(end_mutex_);
    return !process_->ended();
}

void Host::wait_stopped() {
    support::eventually("the host has stopped", [&] {
        const std::lock_guard lock(mutex_);
        read_log();
        return stopped_ || !alive();
    });
}

int Host::wait_exit(std::chrono::milliseconds within) {
    const std::lock_guard lock(end_mutex_);
    return process_->wait(within).status;
}

std::string Host::complaints(const Statuses& statuses) {
    std::string text = process_->err();
    const std::lock_guard lock(mutex_);
    read_log();
    text += errors_;
    std::uint64_t ended = 0;
    for (const auto& [name, status] : statuses) {
        if (name.empty()) continue;
        const std::uint64_t sum = sum_of(status["reasons"]);
        ended += sum;
        if (static_cast<std::uint64_t>(status.number("accepted") - status.number("open")) != sum)
            text += "accepted is not open + reasons: " + status.line + '\n';
    }
    const auto host = statuses.find("");
    const auto dropped = host == statuses.end() ? 0 : static_cast<std::uint64_t>(host->second.number("log_lines_dropped"));
    if (closed_ > ended || closed_ + dropped < ended)
        text += std::to_string(ended) + " connections have ended, and the log has " + std::to_string(closed_) + " of them (" +
                std::to_string(dropped) + " lines dropped)\n";
    return text;
}

std::string Host::tail() {
    const std::lock_guard lock(mutex_);
    read_log();
    return std::accumulate(lines_.begin(), lines_.end(), std::string());
}

bool Host::control(const std::string& instance, const std::vector<std::string>& words) const {
    std::vector<std::string> arguments{"control", dir_ / "gatehouse.toml", instance};
    arguments.insert(arguments.end(), words.begin(), words.end());
    return support::run_gatehouse(arguments).status == 0;
}

void Host::read_log() {
    for (std::string line; std::getline(file_, line);) {
        unfinished_ += line;
        if (file_.eof()) break; // without its end
        take(std::exchange(unfinished_, {}));
    }
    file_.clear();
}

void Host::take(std::string line) {
    if (line.find("\"message\":\"closed\"") != std::string::npos) {
        ++closed_;
    } else if (const Record record = support::parse_record(line); record.message() == "ready") {
        ready_ = true;
    } else if (record.message() == "stopped") {
        stopped_ = true;
    } else if (record.message() == "status") {
        statuses_[record["listener"]] = record;
        if (record.has("relayed")) ++complete_; // the host's own line is the last
        return;
    } else if (record.message().starts_with("a thread is still in the plugin's code")) {
        errors_ += line + '\n';
    }
    lines_.push_back(std::move(line) + '\n');
    if (lines_.size() > lines_kept) lines_.pop_front();
}

} // namespace gatehouse::chaos
