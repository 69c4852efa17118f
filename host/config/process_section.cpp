#include "config/process_section.hpp"

#include "base/did_you_mean.hpp"
#include "base/printable.hpp"
#include "config/listener_section.hpp"

#include <algorithm>
#include <array>
#include <linux/capability.h>

namespace gatehouse::host {
namespace {

// In the order of their numbers; capabilities(7).
constexpr std::string_view names[] = {"CAP_CHOWN",
                                      "CAP_DAC_OVERRIDE",
                                      "CAP_DAC_READ_SEARCH",
                                      "CAP_FOWNER",
                                      "CAP_FSETID",
                                      "CAP_KILL",
                                      "CAP_SETGID",
                                      "CAP_SETUID",
                                      "CAP_SETPCAP",
                                      "CAP_LINUX_IMMUTABLE",
                                      "CAP_NET_BIND_SERVICE",
                                      "CAP_NET_BROADCAST",
                                      "CAP_NET_ADMIN",
                                      "CAP_NET_RAW",
                                      "CAP_IPC_LOCK",
                                      "CAP_IPC_OWNER",
                                      "CAP_SYS_MODULE",
                                      "CAP_SYS_RAWIO",
                                      "CAP_SYS_CHROOT",
                                      "CAP_SYS_PTRACE",
                                      "CAP_SYS_PACCT",
                                      "CAP_SYS_ADMIN",
                                      "CAP_SYS_BOOT",
                                      "CAP_SYS_NICE",
                                      "CAP_SYS_RESOURCE",
                                      "CAP_SYS_TIME",
                                      "CAP_SYS_TTY_CONFIG",
                                      "CAP_MKNOD",
                                      "CAP_LEASE",
                                      "CAP_AUDIT_WRITE",
                                      "CAP_AUDIT_CONTROL",
                                      "CAP_SETFCAP",
                                      "CAP_MAC_OVERRIDE",
                                      "CAP_MAC_ADMIN",
                                      "CAP_SYSLOG",
                                      "CAP_WAKE_ALARM",
                                      "CAP_BLOCK_SUSPEND",
                                      "CAP_AUDIT_READ",
                                      "CAP_PERFMON",
                                      "CAP_BPF",
                                      "CAP_CHECKPOINT_RESTORE"};

// Whoever has one of these is root in a call or two.
constexpr std::array amount_to_root{CAP_CHOWN,     CAP_DAC_OVERRIDE, CAP_FOWNER,    CAP_SETGID, CAP_SETUID, CAP_SYS_MODULE,
                                    CAP_SYS_RAWIO, CAP_SYS_PTRACE,   CAP_SYS_ADMIN, CAP_MKNOD,  CAP_SETFCAP};

constexpr std::pair<std::string_view, Seccomp> seccomp_words[] = {
    {"off", Seccomp::off}, {"on", Seccomp::on}, {"kill", Seccomp::kill}};

void read_capability(ConfigTable& item, std::uint64_t& capabilities) {
    std::string_view text;
    if (!read_text(item, "", text)) return;
    const auto found = std::find(std::begin(names), std::end(names), text);
    if (found == std::end(names)) {
        const std::string near = did_you_mean(text, std::vector<std::string>(std::begin(names), std::end(names)));
        return item.reject("", in_quotes(text) + " is not a capability (expected one such as \"CAP_NET_RAW\"" +
                                   (near.empty() ? ")" : "; did you mean " + in_quotes(near) + "?)"));
    }
    const auto number = found - std::begin(names);
    if (std::find(amount_to_root.begin(), amount_to_root.end(), number) != amount_to_root.end())
        return item.reject("", std::string(text) + " would let the host become root again (leave it out)");
    capabilities |= std::uint64_t{1} << static_cast<unsigned>(number);
}

} // namespace

ProcessConfig read_process(ConfigTable& table, const ConfigProblems& problems) {
    ProcessConfig process;
    std::string_view text;
    if (read_text(table, "user", text)) process.user = text;
    if (read_text(table, "group", text)) process.group = text;
    for (ConfigTable& item : table.items("capabilities", "an array of capabilities"))
        read_capability(item, process.capabilities);
    table.boolean("no_new_privs", process.no_new_privs);
    table.choice("seccomp", process.seccomp, seccomp_words);
    if (process.seccomp != Seccomp::off && !process.no_new_privs)
        table.reject("seccomp", "needs no_new_privs (expected no_new_privs = true)");
    process.user_where = problems.text(table.place("user"));
    process.group_where = problems.text(table.place("group"));
    process.capabilities_where = problems.text(table.place("capabilities"));
    process.seccomp_where = problems.text(table.place("seccomp"));
    return process;
}

std::string capability_names(std::uint64_t capabilities) {
    std::string text;
    for (std::size_t number = 0; number < std::size(names); ++number)
        if ((capabilities >> number & 1U) != 0) text += (text.empty() ? "" : ", ") + std::string(names[number]);
    return text.empty() ? "none" : text;
}

} // namespace gatehouse::host
