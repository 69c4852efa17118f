#include "config/process_section.hpp"

#include "base/did_you_mean.hpp"
#include "base/printable.hpp"
#include "config/capabilities.hpp"
#include "config/values.hpp"
#include "config/words.hpp"

#include <algorithm>
#include <array>
#include <linux/capability.h>

namespace gatehouse::host {
namespace {

// A process that has one of these is root in a call or two.
constexpr std::array amount_to_root{CAP_CHOWN,     CAP_DAC_OVERRIDE, CAP_FOWNER,    CAP_SETGID, CAP_SETUID, CAP_SYS_MODULE,
                                    CAP_SYS_RAWIO, CAP_SYS_PTRACE,   CAP_SYS_ADMIN, CAP_MKNOD,  CAP_SETFCAP};

void read_capability(ConfigTable& item, std::uint64_t& capabilities) {
    std::string_view text;
    if (!read_text(item, "", text)) return;
    const std::span<const std::string_view> names = capability_list();
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) {
        const std::string near = did_you_mean(text, std::vector<std::string>(names.begin(), names.end()));
        return item.reject("", in_quotes(text) + " is not a capability (expected one such as \"CAP_NET_RAW\"" +
                                   (near.empty() ? ")" : "; did you mean " + in_quotes(near) + "?)"));
    }
    const auto number = found - names.begin();
    if (std::find(amount_to_root.begin(), amount_to_root.end(), number) != amount_to_root.end())
        return item.reject("", std::string(text) + " would let the host become root again (leave it out)");
    capabilities |= std::uint64_t{1} << static_cast<unsigned>(number);
}

} // namespace

ProcessConfig read_process(ConfigTable table) {
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
    process.user_where = table.place("user");
    process.group_where = table.place("group");
    process.capabilities_where = table.place("capabilities");
    process.seccomp_where = table.place("seccomp");
    table.reject_unknown();
    return process;
}

} // namespace gatehouse::host
