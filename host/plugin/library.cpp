#define BOOST_DLL_USE_STD_FS
#include "plugin/library.hpp"

#include "base/clock.hpp"
#include "base/descriptor.hpp"

#include <algorithm>
#include <array>
#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <iostream>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;
using EntryPoint = const gatehouse_plugin*() noexcept;

constexpr const char* entry_point = "gatehouse_plugin_v1";
constexpr std::size_t smallest_table = offsetof(gatehouse_plugin, serve) + sizeof(gatehouse_plugin::serve);
constexpr std::uint32_t known_flags = GATEHOUSE_SERVER_FIRST;
constexpr std::size_t most_output = 4096;
constexpr std::chrono::milliseconds probe_timeout{10'000};

// NODELETE: the library stays when the returned object goes.
boost::dll::shared_library open_library(const fs::path& file) {
    using Mode = boost::dll::load_mode::type;
    try {
        return boost::dll::shared_library(file, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local |
                                                    static_cast<Mode>(RTLD_NODELETE));
    } catch (const std::exception& error) { // has dlerror()'s text
        throw PluginError(error.what());
    }
}

bool valid_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string_view::npos;
}

// Asks the library for its table, and checks it against this host's ABI before anything else in it is used.
gatehouse_plugin read_table(const boost::dll::shared_library& library) {
    if (!library.has(entry_point))
        throw PluginError(std::string("it does not export ") + entry_point + "(); is it a Gatehouse plugin?");
    const gatehouse_plugin* table = library.get<EntryPoint>(entry_point)();
    if (table == nullptr) throw PluginError(std::string(entry_point) + "() returned NULL");
    if (table->size < smallest_table)
        throw PluginError("its table has " + std::to_string(table->size) + " bytes, at least " +
                          std::to_string(smallest_table) + " are needed");
    if (table->abi_major != GATEHOUSE_ABI_MAJOR || table->needs_minor > GATEHOUSE_ABI_MINOR)
        throw PluginError("it needs Gatehouse ABI " + std::to_string(table->abi_major) + "." +
                          std::to_string(table->needs_minor) + ", this host has " + std::to_string(GATEHOUSE_ABI_MAJOR) + "." +
                          std::to_string(GATEHOUSE_ABI_MINOR) + "; rebuild it against this host's SDK");
    gatehouse_plugin hooks{};
    std::memcpy(&hooks, table, std::min<std::size_t>(table->size, sizeof hooks));
    if ((hooks.flags & ~known_flags) != 0)
        throw PluginError("it relies on flags that this host does not know (" + std::to_string(hooks.flags) + ")");
    if (!valid_name({hooks.name.data, hooks.name.size}))
        throw PluginError("its name is not one: lower-case letters, digits, - and _");
    if (hooks.serve == nullptr) throw PluginError("it has no serve()");
    return hooks;
}

PluginFacts facts_of(const gatehouse_plugin& hooks) {
    return {std::string(hooks.name.data, hooks.name.size), std::string(hooks.version.data, hooks.version.size),
            std::to_string(hooks.abi_major) + "." + std::to_string(hooks.needs_minor)};
}

struct Outcome {
    int status = 0; // as waitpid() gives it
    bool timed_out = false;
    std::string output;
    std::string errors;
};

// Runs this program with the arguments; its output is cut at most_output bytes.
Outcome run_self(const std::vector<std::string>& arguments) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
    Descriptor out_read(out[0]);
    Descriptor out_write(out[1]);
    if (::pipe2(err.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
    Descriptor err_read(err[0]);
    Descriptor err_write(err[1]);

    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, out_write.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&files, err_write.get(), STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1); // what this process has inherited
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none; // the host's threads block signals; the probe must die of them
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

    std::string program = "gatehouse";
    std::vector<char*> argv{program.data()};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid_t child = 0;
    const int error = ::posix_spawn(&child, "/proc/self/exe", &files, &attributes, argv.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start a probe process");
    out_write.reset();
    err_write.reset();

    Outcome outcome;
    const Nanoseconds deadline = after(monotonic_now(), probe_timeout);
    std::array<pollfd, 2> pipes{{{out_read.get(), POLLIN, 0}, {err_read.get(), POLLIN, 0}}};
    std::array<std::string*, 2> texts{&outcome.output, &outcome.errors};
    while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
        const Nanoseconds left = deadline - monotonic_now();
        const int ready = left <= 0 ? 0 : ::poll(pipes.data(), pipes.size(), static_cast<int>(left / 1'000'000) + 1);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) {
            outcome.timed_out = true;
            ::kill(child, SIGKILL);
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
    // It may have closed its output and live on.
    const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0))); // glibc 2.36 has no C++ declaration
    pollfd ended{process.get(), POLLIN, 0};
    while (process && !outcome.timed_out) {
        const Nanoseconds left = std::max<Nanoseconds>(deadline - monotonic_now(), 0);
        const int ready = ::poll(&ended, 1, static_cast<int>(left / 1'000'000));
        if (ready > 0) break;
        if (ready < 0 && errno == EINTR) continue;
        outcome.timed_out = true;
        ::kill(child, SIGKILL);
    }
    while (::waitpid(child, &outcome.status, 0) < 0 && errno == EINTR) {
    }
    return outcome;
}

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

} // namespace

RuntimeFolder::RuntimeFolder() {
    std::string name = (fs::temp_directory_path() / ("gatehouse-" + std::to_string(::getpid()) + "-XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr)
        throw fs::filesystem_error("cannot make a private folder", name, std::error_code(errno, std::generic_category()));
    folder_ = name;
}

RuntimeFolder::~RuntimeFolder() { remove(); }

void RuntimeFolder::remove() noexcept {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

void RuntimeFolder::hand_over(unsigned user, unsigned group) {
    for (unsigned copy = 0; copy <= copies_; ++copy) { // the folder itself, and one for each copy
        const fs::path folder = copy == 0 ? folder_ : folder_ / std::to_string(copy);
        if (::lchown(folder.c_str(), user, group) != 0)
            throw fs::filesystem_error("cannot give away a private folder", folder,
                                       std::error_code(errno, std::generic_category()));
    }
}

fs::path RuntimeFolder::copy(const fs::path& file) {
    const fs::path folder = folder_ / std::to_string(++copies_);
    std::error_code error;
    fs::create_directory(folder, error);
    const fs::path target = folder / file.filename();
    if (!error) fs::copy_file(file, target, error);
    if (error) throw PluginError("cannot copy " + file.string() + " to " + folder.string() + ": " + error.message());
    return target;
}

PluginLibrary::PluginLibrary(const fs::path& file, RuntimeFolder& folder) : file_(file) {
    const fs::path copy = folder.copy(file);
    try {
        probe_plugin(copy);
        hooks_ = read_table(open_library(copy));
        facts_ = facts_of(hooks_);
    } catch (const PluginError& error) {
        std::string text = error.what(); // speaks of the copy
        for (std::size_t at = 0; (at = text.find(copy.string(), at)) != std::string::npos; at += file.string().size())
            text.replace(at, copy.string().size(), file.string());
        throw PluginError("plugin library " + file.string() + " cannot be loaded: " + text);
    }
}

fs::path find_plugin(const std::string& library, const std::vector<fs::path>& folders) {
    std::string tried;
    if (library.find('/') != std::string::npos) {
        if (fs::is_regular_file(library)) return library;
        tried = library;
    } else {
        for (const fs::path& folder : folders) {
            const fs::path file = folder / (library + ".so");
            if (fs::is_regular_file(file)) return file;
            tried += (tried.empty() ? "" : ", ") + file.string();
        }
    }
    throw PluginError("plugin library " + library + " not found; tried " +
                      (tried.empty() ? "nothing: plugin_path is empty" : tried));
}

std::vector<fs::path> list_plugins(const std::vector<fs::path>& folders) {
    std::vector<fs::path> files;
    for (const fs::path& folder : folders) {
        std::error_code error;
        for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
            if (entry.path().extension() == ".so") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

PluginFacts probe_plugin(const fs::path& file) {
    Outcome outcome;
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
        if (end == std::string::npos) throw PluginError("loading it ended the process before it had said what it is");
        *field = outcome.output.substr(begin, end - begin);
        begin = end + 1;
    }
    return facts;
}

int run_plugin_probe(const fs::path& file) {
    try {
        const boost::dll::shared_library library = open_library(file);
        const PluginFacts facts = facts_of(read_table(library));
        std::cout << facts.name << '\n' << facts.version << '\n' << facts.needs << '\n' << std::flush;
        std::_Exit(0); // without the library's destructors: the host never runs them either
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        std::cerr.flush();
        std::_Exit(1);
    }
}

} // namespace gatehouse::host
