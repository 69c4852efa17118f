#include "running_host.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <poll.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace gatehouse::testing {
namespace {

namespace fs = std::filesystem;

int exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

std::string value_of(const std::string& record, const std::string& key) {
    const std::string start = "\"" + key + "\":";
    std::size_t at = record.find(start);
    if (at == std::string::npos) return "";
    at += start.size();
    const bool quoted = record[at] == '"';
    return quoted ? record.substr(at + 1, record.find('"', at + 1) - at - 1)
                  : record.substr(at, record.find_first_of(",}", at) - at);
}

} // namespace

Child start(const std::vector<std::string>& arguments, std::uint64_t descriptors) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // nothing outlives a test that is killed
        ::dup2(out[1], STDOUT_FILENO);
        ::dup2(err[1], STDERR_FILENO);
        const rlimit limit{descriptors, descriptors};
        if (descriptors != 0) ::setrlimit(RLIMIT_NOFILE, &limit);
        const rlimit no_core{0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    ::setpgid(pid, pid);
    ::close(out[1]);
    ::close(err[1]);
    if (pid < 0) throw std::runtime_error("fork");
    return {pid, out[0], err[0]};
}

std::string read_file(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

Folder::Folder() {
    std::string name = (fs::temp_directory_path() / "gatehouse-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

fs::path Folder::write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
}

Outcome run(const std::vector<std::string>& arguments) {
    const Child child = start(arguments, 0);
    Outcome outcome;
    std::array<pollfd, 2> pipes{{{child.out, POLLIN, 0}, {child.err, POLLIN, 0}}};
    const std::array<std::string*, 2> texts{&outcome.output, &outcome.errors};
    const auto deadline = std::chrono::steady_clock::now() + 3 * patience;
    while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
        if (::poll(pipes.data(), 2, 1000) == 0 && std::chrono::steady_clock::now() > deadline) {
            ADD_FAILURE() << arguments.front() << " did not end";
            ::kill(-child.pid, SIGKILL);
        }
        for (std::size_t i = 0; i < 2; ++i) {
            std::array<char, 4096> buffer{};
            if (pipes[i].revents == 0) continue;
            const ssize_t size = ::read(pipes[i].fd, buffer.data(), buffer.size());
            if (size > 0) texts[i]->append(buffer.data(), static_cast<std::size_t>(size));
            if (size <= 0) pipes[i].fd = -1;
        }
    }
    ::close(child.out);
    ::close(child.err);
    int status = 0;
    ::waitpid(child.pid, &status, 0);
    outcome.status = exit_status(status);
    return outcome;
}

std::string listener(std::string_view name, std::string_view library, std::string_view settings, std::string_view more) {
    std::string text = "[plugins." + std::string(name) + "]\nlibrary = \"" + std::string(library) + "\"\n";
    if (!settings.empty()) text += "config = { " + std::string(settings) + " }\n";
    text += "[[listeners]]\nname = \"" + std::string(name) + "\"\naddress = \"127.0.0.1:0\"\nplugin = \"" + std::string(name) +
            "\"\n";
    return text + std::string(more) + "\n";
}

RunningHost::RunningHost(std::string_view listeners, const Options& options) {
    const fs::path config =
        folder_.write("gatehouse.toml", "[host]\n" + options.host_keys + "[log]\nformat = \"json\"\n" + std::string(listeners));
    const Child child = start(
        {GATEHOUSE_BINARY, "run", "--plugin-path", GATEHOUSE_PLUGINS, "--plugin-path", GATEHOUSE_FIXTURES, config.string()},
        options.descriptors);
    ::close(child.out);
    pid_ = child.pid;
    log_fd_ = child.err;
    reader_ = std::thread([this] { read_log(); });
    if (!will_log("\"message\":\"ready\"")) {
        std::string text;
        for (const std::string& line : log()) text += line + "\n";
        kill_all();
        throw std::runtime_error("the host did not start:\n" + text);
    }
}

RunningHost::~RunningHost() {
    if (status_ == -1) kill_all();
    if (reader_.joinable()) reader_.join();
    if (log_fd_ >= 0) ::close(log_fd_);
}

void RunningHost::stop_reading_log() {
    read_on_.store(false);
    signal(SIGUSR1); // so that there is something for the reader to wake up of
    reader_.join();
}

void RunningHost::close_log() {
    stop_reading_log();
    ::close(std::exchange(log_fd_, -1));
}

void RunningHost::kill_all() noexcept {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, &status_, 0);
    if (reader_.joinable()) reader_.join();
}

void RunningHost::read_log() {
    std::string rest;
    std::array<char, 65536> buffer{};
    while (read_on_.load()) {
        const ssize_t size = ::read(log_fd_, buffer.data(), buffer.size());
        if (size <= 0) return;
        rest.append(buffer.data(), static_cast<std::size_t>(size));
        const std::lock_guard lock(mutex_);
        for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
            lines_.push_back(rest.substr(0, end));
            rest.erase(0, end + 1);
        }
    }
}

std::vector<std::string> RunningHost::log() const {
    const std::lock_guard lock(mutex_);
    return lines_;
}

std::size_t RunningHost::count_logged(std::string_view part) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        lines_.begin(), lines_.end(), [&](const std::string& line) { return line.find(part) != std::string::npos; }));
}

bool RunningHost::logged(std::string_view part) const { return count_logged(part) > 0; }

bool RunningHost::will_log(std::string_view part) const {
    return eventually([&] { return logged(part) || !alive(); }) && eventually([&] { return logged(part); });
}

std::uint16_t RunningHost::port(const std::string& listener) const {
    for (const std::string& line : log()) {
        if (value_of(line, "message") != "listening" || value_of(line, "listener") != listener) continue;
        const std::string address = value_of(line, "address");
        return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
    }
    ADD_FAILURE() << "no listener " << listener;
    return 0;
}

void RunningHost::signal(int number) const { ::kill(pid_, number); }

bool RunningHost::alive() const {
    return status_ == -1 && ::kill(pid_, 0) == 0 &&
           read_file("/proc/" + std::to_string(pid_) + "/stat").find(") Z ") == std::string::npos;
}

int RunningHost::wait() {
    const bool ended = eventually([&] { return ::waitpid(pid_, &status_, WNOHANG) == pid_; });
    EXPECT_TRUE(ended) << "the host did not end";
    if (!ended) kill_all();
    if (reader_.joinable()) reader_.join();
    return exit_status(status_);
}

int RunningHost::stop() {
    signal(SIGTERM);
    return wait();
}

std::string RunningHost::status(const std::string& name) const {
    const std::string mark = "\"message\":\"status\",\"listener\":\"" + name + "\"";
    const std::size_t before = count_logged(mark);
    signal(SIGUSR1);
    EXPECT_TRUE(eventually([&] { return count_logged(mark) > before; }));
    const std::vector<std::string> lines = log();
    const auto last = std::find_if(lines.rbegin(), lines.rend(),
                                   [&](const std::string& line) { return line.find(mark) != std::string::npos; });
    return last == lines.rend() ? "" : *last;
}

std::chrono::milliseconds RunningHost::cpu_time() const {
    const std::string stat = read_file("/proc/" + std::to_string(pid_) + "/stat");
    std::istringstream fields(stat.substr(stat.rfind(')') + 2));
    std::string skip;
    for (int i = 0; i < 11; ++i) fields >> skip;
    long user = 0;
    long system = 0;
    fields >> user >> system;
    return std::chrono::milliseconds((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

std::size_t RunningHost::threads() const {
    const fs::directory_iterator tasks("/proc/" + std::to_string(pid_) + "/task");
    return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

std::size_t RunningHost::descriptors() const {
    const fs::directory_iterator open("/proc/" + std::to_string(pid_) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

} // namespace gatehouse::testing
