#include "plugin/probe_process.hpp"

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/own_program.hpp"
#include "plugin/schema.hpp"
#include "threads/crash_report.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_output = 4096; // bytes
constexpr std::chrono::milliseconds probe_timeout{10'000};

struct ProbeOutcome {
    int status = 0; // as waitpid() gives it
    bool timed_out = false;
    std::string output;
    std::string errors;
};

// Runs this program with the arguments; its output is cut at most_output bytes.
ProbeOutcome run_self(const std::vector<std::string>& arguments) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
    Descriptor out_read(out[0]);
    Descriptor out_write(out[1]);
    if (::pipe2(err.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
    Descriptor err_read(err[0]);
    Descriptor err_write(err[1]);

    OwnProgram child({.arguments = arguments, .output = out_write.get(), .errors = err_write.get(), .environment = {}});
    out_write.reset();
    err_write.reset();

    ProbeOutcome outcome;
    const Nanoseconds deadline = after(monotonic_now(), probe_timeout);
    std::array<pollfd, 2> pipes{{{out_read.get(), POLLIN, 0}, {err_read.get(), POLLIN, 0}}};
    std::array<std::string*, 2> texts{&outcome.output, &outcome.errors};
    while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
        const Nanoseconds left = deadline - monotonic_now();
        const int ready = left <= 0 ? 0 : ::poll(pipes.data(), pipes.size(), static_cast<int>(left / 1'000'000) + 1);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) {
            outcome.timed_out = true;
            break;
        }
        for (std::size_t i = 0; i < pipes.size(); ++i) {
            if (pipes[i].revents == 0) continue;
            std::array<char, 1024> buffer{};
            const ssize_t size = ::read(pipes[i].fd, buffer.data(), buffer.size());
            if (size <= 0)
                pipes[i].fd = -1;
            else if (texts[i]->size() < most_output)
                texts[i]->append(buffer.data(), static_cast<std::size_t>(size));
        }
    }
    // The child may have closed its output and live on.
    const std::optional<int> status = outcome.timed_out ? std::nullopt : child.wait(deadline);
    outcome.timed_out = !status;
    outcome.status = status ? *status : child.kill();
    return outcome;
}

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

} // namespace

PluginFacts probe_plugin(const fs::path& file) {
    ProbeOutcome outcome;
    try {
        outcome = run_self({"probe-plugin", file.string()});
    } catch (const std::system_error& error) {
        throw PluginError(error.what());
    }
    const std::string errors = trimmed(outcome.errors);
    if (outcome.timed_out)
        throw PluginError("loading it did not end within " + std::to_string(probe_timeout.count() / 1000) + " s");
    if (WIFSIGNALED(outcome.status)) {
        const int signal = WTERMSIG(outcome.status);
        throw PluginError("loading it crashes: " + std::string(::strsignal(signal)) + " (signal " + std::to_string(signal) +
                          ")" + (errors.empty() ? "" : ": " + errors));
    }
    if (WEXITSTATUS(outcome.status) != 0)
        throw PluginError(errors.empty()
                              ? "loading it ended the process with status " + std::to_string(WEXITSTATUS(outcome.status))
                              : errors);
    PluginFacts facts;
    std::array<std::string*, 3> fields{&facts.name, &facts.version, &facts.needs};
    std::size_t begin = 0;
    for (std::string* field : fields) {
        const std::size_t end = outcome.output.find('\n', begin);
        if (end == std::string::npos) throw PluginError("loading it ended the probe process before the library named itself");
        *field = outcome.output.substr(begin, end - begin);
        begin = end + 1;
    }
    return facts;
}

void run_plugin_probe(const fs::path& file) {
    try {
        const gatehouse_plugin hooks = load_hooks(file);
        install_crash_report();
        {
            const RunningHook running("the library", "get_extension(NULL)");
            read_keys(hooks); // a library that has wrong ones, or crashes when it is asked, is not let into the host
        }
        const PluginFacts facts = facts_of(hooks);
        std::cout << facts.name << '\n' << facts.version << '\n' << facts.needs << '\n' << std::flush;
        std::_Exit(0); // without the library's destructors: the host never runs them either
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        std::cerr.flush();
        std::_Exit(1);
    }
}

} // namespace gatehouse::host
