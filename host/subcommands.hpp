// The subcommands of `gatehouse`. Each returns the exit status: 0, or 1 after it has said on standard error what is wrong.
#pragma once

#include "control/message.hpp"
#include "new_plugin.hpp"
#include "top_command.hpp"
#include "trial/plugin_trial.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace gatehouse::host {

struct CommandOptions {
    std::filesystem::path config;                   // may be empty for list_plugins_command()
    std::vector<std::filesystem::path> plugin_path; // searched before the configuration's
};

int run_command(const CommandOptions& options);
// `bind`: bind the listeners as well. `json`: on standard output, see config/check_report.hpp.
int check_command(const CommandOptions& options, bool bind, bool json);
int dev_cert_command(const std::filesystem::path& folder, const std::vector<std::string>& names);
int new_plugin_command(const NewPlugin& plugin);
int run_plugin_command(const CommandOptions& options, const PluginTrial& trial);
struct PluginCheckOptions {
    PluginTrial trial;
    std::vector<std::filesystem::path> inputs; // files with what a client says
    std::vector<std::string> only;             // names of checks; none: all
    bool json = false;
};
// Status 0: nothing has failed; 1: something has; 2: it could not be checked.
int check_plugin_command(const CommandOptions& options, const PluginCheckOptions& check);
// What the children of that command do: serve the configuration on standard input; see plugin_creation.hpp.
int trial_host_command();
int list_plugins_command(const CommandOptions& options, bool json);
// `plugin`: the name of a library on the plugin path, or a path.
enum class DescriptionFormat { text, json, markdown };
int describe_plugin_command(const CommandOptions& options, const std::string& plugin, DescriptionFormat format);
int schema_command(const CommandOptions& options);
// Prints what `text` makes.
int print_command(const std::function<std::string()>& text);
// How to find a running host, and how to print what it answers.
struct ControlOptions {
    std::filesystem::path socket; // --socket; empty: GATEHOUSE_SOCKET, or
    std::filesystem::path config; // its host.control; empty: /run/gatehouse/control.sock
    bool json = false;
};
// `words`: nothing, an instance, or an instance, its command and the arguments; the host's own are NAME=VALUE. Before them may
// stand the configuration file.
int control_command(ControlOptions options, std::vector<std::string> words);
int list_metrics_command();
int top_command(const ControlOptions& options, TopOptions top);
// A command of the host's own.
int ask_command(const ControlOptions& options, Question question);
// `drain`; `wait`: until the host has gone, or no connection of the listener is left, and says meanwhile how far it is, on
// standard error.
int drain_and_wait_command(const ControlOptions& options, Question question, bool wait);

} // namespace gatehouse::host
