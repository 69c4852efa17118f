// The checks of the library itself and of create().
#include "base/printable.hpp"
#include "plugin/probe_process.hpp"
#include "trial/checks.hpp"
#include "trial/memory_file.hpp"

#include <sys/wait.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

constexpr Nanoseconds patience = 10'000 * ms;
constexpr std::size_t most_output = 65536; // bytes

std::string contents(const Descriptor& file) {
    std::string text(most_output, '\0');
    const ssize_t size = ::pread(file.get(), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
}

// Has plugin_creation.hpp's process do this, and takes down what it says.
void try_creation(const Subject& subject, const std::string& what, CheckResult& result) {
    std::vector<std::string> arguments{"trial-create", what, subject.trial.plugin};
    for (const std::string& setting : subject.trial.settings) arguments.insert(arguments.end(), {"--set", setting});
    const Descriptor output = memory_file();
    const Descriptor errors = memory_file();
    OwnProgram child(
        {.arguments = arguments, .output = output.get(), .errors = errors.get(), .environment = {"TMPDIR=" + subject.folder}});
    const std::optional<int> status = child.wait(monotonic_now() + patience);
    if (!status) child.kill();

    std::string step = "loading it";
    const std::string said = contents(output);
    for (std::size_t begin = 0, end = 0; (end = said.find('\n', begin)) != std::string::npos; begin = end + 1) {
        const std::string line = said.substr(begin, end - begin);
        const std::size_t space = line.find(' ');
        const std::string kind = line.substr(0, space);
        const std::string text = space == std::string::npos ? "" : line.substr(space + 1);
        if (kind == "at") step = text;
        if (kind == "pass") result.pass(text);
        if (kind == "skipped") result.skip(text);
        if (kind == "warn") result.warn(text, "");
        if (kind == "fail") result.fail(text, "");
        if (kind == "advice" && !result.findings.empty()) result.findings.back().advice = text;
        if (kind == "refused" && text.find(": missing (") != std::string::npos)
            result.skip("it needs a configuration: " + text, "give it with --set KEY=VALUE");
        else if (kind == "refused")
            result.fail("create() refuses: " + text, "if it needs a configuration, give it with --set KEY=VALUE");
    }
    const std::string last_words = contents(errors).empty() ? "" : ": " + printable(contents(errors), 300);
    if (!status)
        result.fail(step + " has not returned within 10 s", "create() reads its configuration, and waits for nothing");
    else if (WIFSIGNALED(*status))
        result.fail(step + " crashes: the process ended " + how_ended(*status) + last_words, "run it under gdb");
    else if (WEXITSTATUS(*status) != 0 && result.verdict() != Judgement::fail)
        result.fail(step + " ended the process " + how_ended(*status) + last_words, "a plugin must not end the process");
}

} // namespace

void check_load(const Subject& subject, CheckResult& result) {
    try {
        const PluginFacts facts = probe_plugin(subject.trial.plugin);
        result.pass(facts.name + ' ' + facts.version + ", needs ABI " + facts.needs);
    } catch (const PluginError& error) {
        result.fail(error.what(), "gatehouse_add_plugin() builds a library that loads (writing-a-plugin.md, Building it)");
    }
}

void check_create(const Subject& subject, CheckResult& result) { try_creation(subject, "create", result); }
void check_effects(const Subject& subject, CheckResult& result) { try_creation(subject, "effects", result); }
void check_keys(const Subject& subject, CheckResult& result) { try_creation(subject, "keys", result); }

} // namespace gatehouse::host
