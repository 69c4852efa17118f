#include "process/effects.hpp"

#include "base/descriptor.hpp"
#include "base/printable.hpp"

#include <array>
#include <cerrno>
#include <exception>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <seccomp.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace gatehouse::host {
namespace {

struct Watched {
    const char* call;
    const char* what;       // "removes"
    int path = -1;          // the number of the argument that names a file; -1: none
    const char* after = ""; // behind the path
};

constexpr Watched watched[] = {
    {"open", "opens", 0, " for writing"},
    {"openat", "opens", 1, " for writing"},
    {"creat", "makes", 0},
    {"mkdir", "makes the folder", 0},
    {"mkdirat", "makes the folder", 1},
    {"mknod", "makes", 0},
    {"mknodat", "makes", 1},
    {"unlink", "removes", 0},
    {"unlinkat", "removes", 1},
    {"rmdir", "removes", 0},
    {"rename", "renames", 0},
    {"renameat", "renames", 1},
    {"renameat2", "renames", 1},
    {"link", "links", 0},
    {"linkat", "links", 1},
    {"symlink", "makes", 1},
    {"symlinkat", "makes", 2},
    {"truncate", "truncates", 0},
    {"chmod", "changes the mode of", 0},
    {"fchmodat", "changes the mode of", 1},
    {"chown", "changes the owner of", 0},
    {"fchownat", "changes the owner of", 1},
    {"flock", "locks a file"},
    {"chdir", "changes the process's folder to", 0},
    {"socket", "makes a socket"},
    {"clone", "starts a thread or a process"},
    {"clone3", "starts a thread or a process"},
    {"fork", "starts a process"},
    {"vfork", "starts a process"},
};

constexpr scmp_datum_t writing[][2] = {{O_ACCMODE, O_WRONLY}, {O_ACCMODE, O_RDWR}, {O_CREAT, O_CREAT}, {O_TRUNC, O_TRUNC}};

// Every step returns 0 or a negative errno.
int build(scmp_filter_ctx filter) {
    int status = 0;
    const auto watch = [&](int call, auto... conditions) {
        if (status == 0) status = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, call, sizeof...(conditions), conditions...);
    };
    for (const Watched& one : watched) {
        const int call = seccomp_syscall_resolve_name(one.call);
        if (call == __NR_SCMP_ERROR) continue; // this libseccomp does not know it
        const std::string_view name = one.call;
        if (name != "open" && name != "openat") {
            watch(call);
            continue;
        }
        for (const auto& [mask, value] : writing)
            watch(call, scmp_arg_cmp{name == "open" ? 1U : 2U, SCMP_CMP_MASKED_EQ, mask, value});
    }
    return status != 0 ? status : seccomp_load(filter);
}

// A text in this process, which may not be there.
std::string text_at(std::uint64_t address) {
    std::array<char, 256> text{};
    const iovec to{text.data(), text.size() - 1};
    const iovec from{reinterpret_cast<void*>(address), text.size() - 1}; // NOLINT(performance-no-int-to-ptr): the kernel's
    if (::process_vm_readv(::getpid(), &to, 1, &from, 1, 0) <= 0) return "?";
    return printable(text.data());
}

// Answers the kernel's questions until `stop` is readable.
void supervise(int notifications, int stop, std::vector<std::string>& found) {
    seccomp_notif* question = nullptr;
    seccomp_notif_resp* answer = nullptr;
    if (seccomp_notify_alloc(&question, &answer) != 0) return;
    std::array<pollfd, 2> waiting{{{notifications, POLLIN, 0}, {stop, POLLIN, 0}}};
    for (;;) {
        if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
        if ((waiting[0].revents & POLLIN) == 0) break; // no question is left
        if (seccomp_notify_receive(notifications, question) != 0) continue;
        answer->id = question->id;
        answer->val = 0;
        answer->error = -EPERM;
        answer->flags = 0;
        const std::unique_ptr<char, decltype(&::free)> name(
            seccomp_syscall_resolve_num_arch(question->data.arch, question->data.nr), ::free);
        for (const Watched& one : watched) {
            if (!name || std::string_view(name.get()) != one.call) continue;
            const std::string path = one.path < 0 ? "" : text_at(question->data.args[one.path]);
            if (path == "/dev/null") {
                answer->error = 0;
                answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
            } else if (found.size() < 100) {
                found.push_back(one.what + (path.empty() ? "" : ' ' + path) + one.after);
            }
        }
        seccomp_notify_respond(notifications, answer);
    }
    seccomp_notify_free(question, answer);
}

} // namespace

std::vector<std::string> effects_of(const std::function<void()>& work) {
    const Descriptor stop(::eventfd(0, EFD_CLOEXEC));
    const Descriptor installed(::eventfd(0, EFD_CLOEXEC));
    if (!stop || !installed) throw std::system_error(errno, std::generic_category(), "eventfd");
    std::vector<std::string> found;
    int problem = 0;
    std::exception_ptr thrown;
    Descriptor notifications;
    std::thread worker([&] {
        const std::unique_ptr<void, decltype(&::seccomp_release)> filter(seccomp_init(SCMP_ACT_ALLOW), ::seccomp_release);
        problem = filter ? -build(filter.get()) : ENOMEM;
        if (problem == 0) notifications = Descriptor(seccomp_notify_fd(filter.get()));
        const std::uint64_t one = 1;
        [[maybe_unused]] ssize_t written = ::write(installed.get(), &one, sizeof one);
        if (problem != 0) return;
        try {
            work();
        } catch (...) {
            thrown = std::current_exception();
        }
        written = ::write(stop.get(), &one, sizeof one);
    });
    std::uint64_t count = 0;
    while (::read(installed.get(), &count, sizeof count) < 0 && errno == EINTR) {
    }
    if (problem == 0) supervise(notifications.get(), stop.get(), found);
    worker.join();
    if (problem != 0) throw std::system_error(problem, std::generic_category(), "cannot watch system calls");
    if (thrown) std::rethrow_exception(thrown);
    return found;
}

} // namespace gatehouse::host
