#include "subcommands.hpp"

#include "base/clock.hpp"
#include "base/installation.hpp"
#include "base/limit_advice.hpp"
#include "base/printable.hpp"
#include "base/text_file.hpp"
#include "base/text_table.hpp"
#include "config/check_report.hpp"
#include "config/json_schema.hpp"
#include "config/load.hpp"
#include "config_check.hpp"
#include "control/client.hpp"
#include "host.hpp"
#include "host_metrics.hpp"
#include "listener_table.hpp"
#include "plugin/runtime_folder.hpp"
#include "plugin_description.hpp"
#include "process/startup.hpp"
#include "threads/crash_report.hpp"
#include "tls/dev_cert.hpp"
#include "trial/plugin_check.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <new>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::host {
namespace {

Config load(const CommandOptions& options) {
    Config config = load_config(options.config);
    config.host.plugin_path.insert(config.host.plugin_path.begin(), options.plugin_path.begin(), options.plugin_path.end());
    return config;
}

// Where to look for plugins, in this order.
std::vector<std::filesystem::path> plugin_folders(const CommandOptions& options) {
    if (!options.config.empty()) return load(options).host.plugin_path;
    return options.plugin_path.empty() ? HostConfig().plugin_path : options.plugin_path;
}

// Errors of people, and shortages of the machine, not of the program: a line or more each, and status 1.
template <class Command>
int reported(Command command) {
    std::string what;
    std::string_view advice;
    try {
        return command();
    } catch (const std::filesystem::filesystem_error& error) { // speaks of disks where others speak of tables in the kernel
        what = error.what();
    } catch (const std::system_error& error) {
        what = error.what();
        advice = limit_advice(error.code().value());
    } catch (const std::bad_alloc& error) {
        what = "cannot start";
        advice = limit_advice(ENOMEM);
    } catch (const std::exception& error) {
        what = error.what();
    }
    std::cerr << "gatehouse: " << what << (advice.empty() ? "" : "; ") << advice << '\n';
    return 1;
}

// Until a signal ends it. `load` makes the configuration; `arguments`: see HostOrigin.
int serve(const Generations::Load& load, std::vector<std::string> arguments = {}) {
    prepare_process(handled_signals());
    install_crash_report();
    std::optional<Predecessor> predecessor = Predecessor::of_environment();
    try {
        Host host(load, {std::move(arguments), predecessor ? &*predecessor : nullptr});
        std::cout << listener_table(host.generation().services()) << std::flush;
        return host.run();
    } catch (const std::exception& error) {
        if (predecessor) predecessor->tell_failed(error.what());
        throw;
    }
}

// That make another process do as `gatehouse run` with these.
std::vector<std::string> arguments_of_run(const CommandOptions& options) {
    std::vector<std::string> arguments{"run", options.config.string()};
    for (const std::filesystem::path& folder : options.plugin_path)
        arguments.insert(arguments.end(), {"--plugin-path", folder.string()});
    return arguments;
}

// The exit status, as without JSON.
int check_for_programs(const CommandOptions& options, bool bind) {
    std::optional<Config> config;
    std::vector<ConfigProblem> problems;
    const auto add = [&](std::string_view text) {
        for_each_line(text, [&](std::string_view line, std::size_t) {
            problems.push_back(problem_of_text(line, options.config.native()));
        });
    };
    try {
        config = load(options);
        for (const std::string& text : check(*config, bind)) add(text);
    } catch (const ConfigError& error) {
        problems = error.problems();
    } catch (const std::exception& error) {
        add(error.what());
    }
    std::cout << check_report(options.config, config ? &*config : nullptr, problems) << std::flush;
    return problems.empty() ? 0 : 1;
}

// --socket, or the environment's, or what the file says, or where the packages put it. Only the third reads a file.
std::filesystem::path control_socket(const ControlOptions& options) {
    if (!options.socket.empty()) return options.socket;
    if (const char* const named = std::getenv("GATEHOUSE_SOCKET"); named != nullptr && *named != '\0') return named;
    if (options.config.empty()) return "/run/gatehouse/control.sock";
    const Config config = load_config(options.config);
    if (!config.host.control.empty()) return config.host.control;
    throw std::runtime_error(config.file.string() + ": there is no host.control, so a host that runs with it takes no " +
                             "commands; add control = \"gatehouse.sock\" to its [host] section");
}

// NAME=VALUE as an argument of a question; NAME alone is a flag.
void add_argument(Question& question, const std::string& word) {
    const std::size_t equals = word.find('=');
    question.with[word.substr(0, equals)] = equals == std::string::npos ? "true" : word.substr(equals + 1);
}

// The text line by line, so that what it quotes of others does not command the terminal.
std::string printable_lines(std::string_view text) {
    std::string lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        append_printable(lines, text.substr(0, end));
        if (end == std::string_view::npos) break;
        lines += '\n';
        text.remove_prefix(end + 1);
    }
    return lines;
}

// Asks the host and prints the answer.
int ask(const ControlOptions& options, Question question) {
    question.as_text = !options.json;
    const HostAnswer answer = ask_host(control_socket(options), std::move(question));
    if (!answer.code.empty())
        throw std::runtime_error(printable_lines(
            answer.message + (answer.did_you_mean.empty() ? "" : " (did you mean " + answer.did_you_mean + "?)")));
    if (!options.json)
        std::cout << printable_lines(answer.text);
    else if (answer.result)
        std::cout << answer.result->line() << '\n';
    else
        std::cout << json_cells(answer.table);
    if (options.json && answer.more != 0) std::cerr << "gatehouse: " << answer.more << " more rows are not shown\n";
    return answer.status;
}

// A line about a drain that goes on, now and then: on a terminal always the same one.
class Progress {
  public:
    ~Progress() {
        if (terminal_) std::cerr << '\n';
    }
    void tell(const std::string& line) {
        if (monotonic_now() - told_ < pause_) return;
        told_ = monotonic_now();
        std::cerr << (terminal_ ? "\r\033[K" : "") << line << (terminal_ ? "" : "\n") << std::flush;
    }

  private:
    const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
    const Nanoseconds pause_ = (terminal_ ? 1 : 10) * Nanoseconds(1'000'000'000);
    Nanoseconds told_ = monotonic_now();
};

constexpr int drain_look = 200; // milliseconds between two questions

// The answer of drain.state, of this listener or of the host.
HostAnswer ask_drain_state(const ControlOptions& options, const std::string& listener) {
    Question question;
    question.command = "drain.state";
    question.as_text = true;
    if (!listener.empty()) question.with["listener"] = listener;
    HostAnswer answer = ask_host(control_socket(options), std::move(question));
    answer.text = printable_lines(answer.text.substr(0, answer.text.find('\n')));
    return answer;
}

// Until the host has gone.
void wait_for_end(const ControlOptions& options) {
    constexpr int most_failures = 3; // a host with many clients may have no time for one
    Progress progress;
    std::string pid;
    for (int failures = 0; failures < most_failures;) {
        ::poll(nullptr, 0, drain_look);
        std::string line;
        try {
            line = ask_drain_state(options, "").text;
            failures = 0;
        } catch (const std::runtime_error&) {
            ++failures;
            continue;
        }
        const std::size_t at = line.find("pid ");
        const std::string now = at == std::string::npos ? "" : line.substr(at, line.find(' ', at + 4) - at);
        if (pid.empty()) pid = now;
        if (now != pid) break; // another host has come
        if (line.find("serving") != std::string::npos) throw std::runtime_error("the drain has been cancelled");
        progress.tell(line);
    }
}

// Until no connection of the listener is left.
void wait_for_listener(const ControlOptions& options, const std::string& listener) {
    Progress progress;
    for (;; ::poll(nullptr, 0, drain_look)) {
        const HostAnswer answer = ask_drain_state(options, listener);
        if (!answer.code.empty()) throw std::runtime_error(printable_lines(answer.message));
        const std::string state = answer.text.substr(std::min(answer.text.size(), listener.size() + 2));
        if (state.starts_with("drained")) return;
        if (!state.starts_with("draining")) throw std::runtime_error("the drain of " + listener + " has been cancelled");
        progress.tell(answer.text);
    }
}

} // namespace

int run_command(const CommandOptions& options) {
    return reported([&] { return serve([&] { return load(options); }, arguments_of_run(options)); });
}

int run_plugin_command(const CommandOptions& options, const PluginTrial& trial) {
    return reported([&] {
        return serve([&] {
            Config config = parse_config(configuration_of(trial), "the command line");
            if (!options.plugin_path.empty()) config.host.plugin_path = options.plugin_path;
            return config;
        });
    });
}

int trial_host_command() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // whoever checks has gone
    return reported([] {
        return serve([] {
            const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
            return parse_config(text, "the command line");
        });
    });
}

int check_plugin_command(const CommandOptions& options, const PluginCheckOptions& check) {
    int status = 2;
    const int problem = reported([&] {
        prepare_process({}); // many clients need many descriptors
        Subject subject{check.trial, {}, ""};
        std::filesystem::path file = check.trial.plugin;
        if (!check.trial.plugin.ends_with(".so") || !is_regular_file(file))
            file = find_plugin(check.trial.plugin, plugin_folders(options));
        subject.trial.plugin = absolute(file).string();
        (void)configuration_of(subject.trial); // a bad --set is said before anything else
        for (const std::filesystem::path& path : check.inputs) {
            struct stat ignored{};
            Input input{path.filename().string(), "", true};
            if (const std::string wrong = read_file(path, {1U << 20U, "what a client says"}, input.bytes, ignored);
                !wrong.empty())
                throw std::runtime_error(path.string() + ": " + wrong);
            subject.inputs.push_back(std::move(input));
        }
        for (Input& input : usual_inputs()) subject.inputs.push_back(std::move(input));
        const RuntimeFolder folder;
        subject.folder = folder.path().string();

        const bool shows = !check.json && ::isatty(STDERR_FILENO) != 0;
        const std::vector<CheckResult> results =
            check_plugin(subject, check.only, [shows](std::size_t done, std::size_t all, const CheckResult& last) {
                if (shows)
                    std::cerr << "\r\x1b[K" << done << '/' << all << ' ' << last.check << (done == all ? "\r\x1b[K" : "")
                              << std::flush;
            });
        if (shows) std::cerr << "\r\x1b[K" << std::flush;
        std::cout << (check.json ? report_json(subject, results) : report_text(results));
        status = status_of(results);
        return 0;
    });
    return problem != 0 ? 2 : status;
}

int check_command(const CommandOptions& options, bool bind, bool json) {
    return reported([&] {
        prepare_process(handled_signals());
        install_crash_report();
        if (json) return check_for_programs(options, bind);
        const Config config = load(options);
        std::string wrong;
        for (const std::string& problem : check(config, bind)) wrong += (wrong.empty() ? "" : "\n") + problem;
        if (!wrong.empty()) throw std::runtime_error(wrong);
        const auto count = [](std::size_t number, std::string_view noun) {
            return std::to_string(number) + ' ' + std::string(noun) + (number == 1 ? "" : "s");
        };
        std::cout << config.file.string() << ": ok (" << count(config.listeners.size(), "listener") << ", "
                  << count(config.plugins.size(), "plugin instance") << ")\n";
        return 0;
    });
}

int dev_cert_command(const std::filesystem::path& folder, const std::vector<std::string>& names) {
    return reported([&] {
        make_dev_certificate(folder, names, std::cout);
        return 0;
    });
}

int new_plugin_command(const NewPlugin& plugin) {
    return reported([&] {
        write_new_plugin(plugin, plugin_templates(), std::filesystem::current_path());
        const bool by_cargo = exists(std::filesystem::path(plugin.name) / "Cargo.toml");
        std::cout << plugin.name << "/README.md says what there is. Build it, and run its tests:\n  cd " << plugin.name
                  << (by_cargo ? " && cargo build --offline && cargo test --offline\n"
                               : " && cmake -B build && cmake --build build && ctest --test-dir build\n");
        return 0;
    });
}

int describe_plugin_command(const CommandOptions& options, const std::string& plugin, DescriptionFormat format) {
    return reported([&] {
        RuntimeFolder private_folder;
        std::filesystem::path file = plugin;
        if (!plugin.ends_with(".so") || !is_regular_file(file)) file = find_plugin(plugin, plugin_folders(options));
        const PluginLibrary library(file, private_folder);
        std::cout << describe(library, format);
        return 0;
    });
}

int schema_command(const CommandOptions& options) {
    return reported([&] {
        const std::vector<std::filesystem::path> folders = plugin_folders(options);
        RuntimeFolder private_folder;
        std::vector<LibraryKeys> libraries;
        std::string problems;
        for (const std::filesystem::path& file : list_plugins(folders)) {
            const std::string name = file.stem().string();
            if (find_plugin(name, folders) != file) continue; // an earlier folder has it
            try {
                libraries.push_back({name, PluginLibrary(file, private_folder).keys()});
            } catch (const PluginError& error) {
                problems += (problems.empty() ? "" : "\n") + std::string(error.what());
            }
        }
        std::cout << json_schema(libraries) << std::flush;
        if (!problems.empty()) throw std::runtime_error(problems);
        return 0;
    });
}

int print_command(const std::function<std::string()>& text) {
    return reported([&] {
        std::cout << text();
        return 0;
    });
}

int list_plugins_command(const CommandOptions& options, bool json) {
    return reported([&] {
        const std::vector<std::filesystem::path> folders = plugin_folders(options);
        RuntimeFolder private_folder;
        std::vector<Row> rows{{"plugin", "version", "abi", "library", "problem"}};
        bool all = true;
        for (const std::filesystem::path& file : list_plugins(folders)) {
            try {
                const PluginLibrary library(file, private_folder);
                rows.push_back({library.facts().name, library.facts().version, library.facts().needs, file.string(), ""});
            } catch (const PluginError& error) {
                rows.push_back({file.stem().string(), "-", "-", file.string(), error.what()});
                all = false;
            }
        }
        std::cout << (json ? format_json_rows(rows) : format_table(rows));
        return all ? 0 : 1;
    });
}

int control_command(ControlOptions options, std::vector<std::string> words) {
    return reported([&] {
        if (!words.empty() && words.front().find_first_of("./") != std::string::npos) { // in no instance's name
            options.config = words.front();
            words.erase(words.begin());
        }
        Question question;
        question.command = "commands";
        if (words.size() == 1) question.with["instance"] = words[0];
        if (words.size() > 1 && words[0] == reserved_instance) {
            question.command = words[1];
            for (std::size_t i = 2; i < words.size(); ++i) add_argument(question, words[i]);
        } else if (words.size() > 1) {
            question = plugin_question(words[0], {words.begin() + 1, words.end()});
        }
        return ask(options, std::move(question));
    });
}

int list_metrics_command() {
    return reported([] {
        std::cout << metric_list(false);
        return 0;
    });
}

int top_command(const ControlOptions& options, TopOptions top) {
    return reported([&] {
        top.json = options.json;
        run_top(top, [&](Question question) { return ask_host(control_socket(options), std::move(question)); });
        return 0;
    });
}

int ask_command(const ControlOptions& options, Question question) {
    return reported([&] { return ask(options, std::move(question)); });
}

int drain_and_wait_command(const ControlOptions& options, Question question, bool wait) {
    return reported([&] {
        const auto of = question.with.find("listener");
        const std::string listener = of != question.with.end() ? std::get<std::string>(of->second) : "";
        const int status = ask(options, std::move(question));
        if (status != 0 || !wait) return status;
        listener.empty() ? wait_for_end(options) : wait_for_listener(options, listener);
        return status;
    });
}

} // namespace gatehouse::host
