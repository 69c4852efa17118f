#include "completion.hpp"
#include "manual_pages.hpp"
#include "plugin/probe_process.hpp"
#include "plugin_creation.hpp"
#include "subcommands.hpp"
#include "trial/plugin_check.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <gatehouse/gatehouse.h>
#include <optional>

namespace {

using namespace gatehouse::host;

// Of `top --every`.
Milliseconds top_pace(const std::string& text) {
    std::string problem;
    const std::optional<Milliseconds> time = parse_duration(text, problem);
    if (!time) throw CLI::ValidationError("--every", problem);
    if (*time < std::chrono::milliseconds(100) || *time > std::chrono::minutes(1))
        throw CLI::ValidationError("--every", text + " is out of range (expected 100ms to 1m)");
    return *time;
}

// What --help says, as data.
CommandHelp help_of(const CLI::App& app) {
    CommandHelp help{app.get_name(), app.get_description(), {}, {}};
    for (const CLI::Option* option : app.get_options()) {
        const bool positional = option->get_lnames().empty();
        const bool flag = option->get_items_expected_max() == 0;
        help.arguments.push_back({positional ? option->get_name() : "--" + option->get_lnames().front(),
                                  positional || flag ? "" : option->get_type_name(), option->get_description(),
                                  option->get_required(), option->get_items_expected_max() > 1});
    }
    for (const CLI::App* command : app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); }))
        help.commands.push_back(help_of(*command));
    return help;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Gatehouse: a plugin-based multi-protocol server host.\n"
                 "It listens on the ports of a configuration file and hands each connection to a plugin.");
    app.footer("Signals of a running host: SIGTERM or SIGINT drains (a second one stops at once), SIGHUP applies the\n"
               "configuration file as it is now, SIGUSR1 writes the status to the log, SIGUSR2 opens the log file again.\n"
               "A first try:  gatehouse run conf/gatehouse.toml");
    app.set_version_flag("--version", std::string("gatehouse ") + GATEHOUSE_VERSION + " (plugin ABI " +
                                          std::to_string(GATEHOUSE_ABI_MAJOR) + "." + std::to_string(GATEHOUSE_ABI_MINOR) +
                                          ")");
    app.require_subcommand(1);

    CommandOptions options;
    bool json = false;
    const auto add_plugin_path = [&](CLI::App& command) {
        command
            .add_option("--plugin-path", options.plugin_path, "A folder to look for plugins in, before plugin_path of the file")
            ->type_name("DIR")
            ->expected(1)
            ->take_all();
    };

    ControlOptions at;
    const auto add_host = [&](CLI::App& command) {
        command.add_option("--socket", at.socket, "The control socket of the host")->type_name("PATH");
        command.add_flag("--json", at.json, "Print JSON");
    };

    CLI::App* run = app.add_subcommand("run", "Serve until SIGTERM or SIGINT");
    run->add_option("CONF", options.config, "The configuration file")->required();
    add_plugin_path(*run);

    CLI::App* check =
        app.add_subcommand("check", "Check a configuration, plugins and their settings included, without serving");
    check->add_option("CONF", options.config, "The configuration file")->required();
    bool bind = false;
    check->add_flag("--bind", bind, "Bind the listeners as well, without listening; not while the host runs");
    check->add_flag("--json", json, "Print JSON: what is wrong, each with its file, line, column and key");
    add_plugin_path(*check);

    CLI::App* plugins =
        app.add_subcommand("plugins", "List the plugins: name, version, ABI needed, file, or why one will not load");
    plugins->add_option("CONF", options.config,
                        "The configuration file whose plugin_path to look in (default: ./plugins and the installed ones)");
    plugins->add_flag("--json", json, "Print JSON");
    add_plugin_path(*plugins);
    std::string described;
    CLI::App* describe = plugins->add_subcommand("describe", "Show the keys of a plugin's configuration");
    describe->add_option("NAME", described, "A library on the plugin path, or the path of one: echo, ./echo.so")->required();
    CLI::Option* describe_json = describe->add_flag("--json", json, "Print JSON");
    bool markdown = false;
    describe->add_flag("--markdown", markdown, "Print tables for a README")->excludes(describe_json);
    add_plugin_path(*describe);

    CLI::App* schema = app.add_subcommand("schema", "Print a JSON Schema of the configuration file, for editors");
    schema->add_option("CONF", options.config, "The configuration file whose plugin_path to look in (default: ./plugins)");
    add_plugin_path(*schema);

    NewPlugin new_plugin;
    CLI::App* plugin = app.add_subcommand("plugin", "Begin a plugin of your own, or try one")->require_subcommand(1);
    CLI::App* begin =
        plugin->add_subcommand("new", "Write a folder NAME: a plugin that builds, with its tests and a configuration");
    begin->add_option("NAME", new_plugin.name, "The plugin's name: lower-case letters, digits, - and _")->required();
    begin
        ->add_option("--template", new_plugin.like,
                     "What it is like: echo, line, framed, request-response, pubsub, proxy or tls-upgrade")
        ->capture_default_str();
    begin->add_option("--language", new_plugin.language, "c++, c or rust")->capture_default_str();

    PluginTrial trial;
    CLI::App* try_out = plugin->add_subcommand("run", "Serve one plugin on this machine, without a configuration file");
    try_out->add_option("NAME", trial.plugin, "A library on the plugin path, or the path of one: echo, ./echo.so")->required();
    try_out->add_option("--port", trial.port, "The port on 127.0.0.1 (default: a free one)")->type_name("P");
    try_out->add_option("--set", trial.settings, "A key of the plugin's configuration; repeatable")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->take_all();
    try_out
        ->add_option("--dev-cert", trial.dev_cert, "A folder of gatehouse dev-cert: the section [tls.dev], as in --set tls=dev")
        ->type_name("DIR");
    try_out->add_flag("--watch", trial.watch,
                      "Serve newcomers with the library when it has been rebuilt; others stay with the old one");
    add_plugin_path(*try_out);

    PluginCheckOptions tried;
    CLI::App* validate = plugin->add_subcommand(
        "check", "Check whether a plugin keeps its side of the contract: a few seconds of hostile clients and full stops");
    validate->add_option("NAME", tried.trial.plugin, "A library on the plugin path, or the path of one: echo, ./echo.so")
        ->required();
    validate->add_option("--set", tried.trial.settings, "A key of the plugin's configuration; repeatable")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->take_all();
    validate->add_option("--input", tried.inputs, "A file with what a client says in this protocol; repeatable")
        ->type_name("FILE")
        ->expected(1)
        ->take_all();
    validate->add_option("--only", tried.only, "One of the checks; repeatable (default: all)")
        ->type_name("CHECK")
        ->expected(1)
        ->take_all();
    validate->add_flag("--json", tried.json, "Print JSON");
    add_plugin_path(*validate);
    validate->footer(check_list());

    std::vector<std::string> words;
    // Commands of the host's own: an option for each argument.
    Question asked;
    const auto add_text = [&](CLI::App& command, const std::string& option, const std::string& name, const std::string& help) {
        return command.add_option_function<std::string>(
            option, [&asked, name](const std::string& value) { asked.with[name] = value; }, help);
    };
    const auto add_number = [&](CLI::App& command, const std::string& option, const std::string& name,
                                const std::string& help) {
        command.add_option_function<std::int64_t>(
            option, [&asked, name](const std::int64_t& value) { asked.with[name] = value; }, help);
    };
    const auto add_question = [&](CLI::App& parent, const std::string& word, const std::string& name, const std::string& help) {
        CLI::App* command = parent.add_subcommand(word, help);
        add_host(*command);
        command->add_option("--config", at.config, "The configuration file of the host, to find its socket")->type_name("CONF");
        command->callback([&asked, name] {
            if (asked.command.empty()) asked.command = name; // the command below another one comes first
        });
        return command;
    };
    const auto add_filter = [&](CLI::App& command) {
        add_text(command, "--listener", "listener", "Those that came by this listener")->type_name("NAME");
        add_text(command, "--plugin", "plugin", "Those of this plugin instance")->type_name("NAME");
        add_text(command, "--source", "source", "Those from this address or network")->type_name("NET");
        add_text(command, "--server", "server", "Those that are relayed to this address: 10.0.0.1:5432")->type_name("ADDRESS");
        add_text(command, "--state", "state", "staging, silent, serving, parked, relaying or lingering")->type_name("STATE");
        add_text(command, "--older", "older", "Those that were accepted so long ago, or earlier: 1h")->type_name("TIME");
        add_text(command, "--idle", "idle", "Those without a byte in either direction for so long: 10m")->type_name("TIME");
        add_text(command, "--bytes", "bytes", "Those that have moved so much, in both directions together: 1GiB")
            ->type_name("SIZE");
    };
    add_text(*add_question(app, "status", "status", "Show how a running host and its listeners are"), "LISTENER", "listener",
             "This one alone");
    CLI::App* connections = add_question(app, "connections", "connections", "Show the connections of a running host");
    add_filter(*connections);
    add_text(*connections, "--count-by", "count_by", "Count them by source, listener, plugin or server")->type_name("WHAT");
    add_number(*connections, "--limit", "limit", "So many rows at most (default 1000, at most 10000)");
    CLI::App* kill = add_question(app, "kill", "kill", "Reset connections of a running host");
    add_text(*kill, "ID", "id", "The one with this id");
    add_filter(*kill);
    add_text(*kill, "--reason", "reason", "Why, for the log's record of this command")->type_name("TEXT");
    add_question(app, "health", "health", "Show whether a running host is well; exit status 1: it is not")
        ->add_option("CONF", at.config, "The configuration file of the host, to find its socket");
    CLI::App* metrics = add_question(app, "metrics", "metrics.scrape", "Print the metrics of a running host for Prometheus");
    metrics->add_option("CONF", at.config, "The configuration file of the host, to find its socket");
    bool list_metrics = false;
    metrics->add_flag("--list", list_metrics, "Print which metrics there are: names, types and labels; no host is asked");
    add_number(*add_question(app, "sources", "sources", "Show the sources with the most connections"), "--top", "top",
               "So many (default 20, at most 1000)");
    add_question(app, "servers", "servers", "Show the servers of all pools of a running host");
    add_question(app, "certs", "certs", "Show the certificates of a running host");
    TopOptions top;
    CLI::App* watch = add_question(app, "top", "listeners", "Show live what happens in a second; q or Ctrl-C ends it");
    watch->add_flag("--once", top.once, "Print one table, and end");
    watch
        ->add_option_function<std::string>(
            "--every", [&top](const std::string& text) { top.every = top_pace(text); },
            "How often to ask the host (default 1s, 100ms to 1m)")
        ->type_name("TIME");
    CLI::App* explain =
        add_question(app, "explain", "explain", "Show what would become of a connection, step by step, and by which rule");
    add_text(*explain, "--listener", "listener", "Where it would arrive")->type_name("NAME")->required();
    add_text(*explain, "--from", "from", "The client's address: 192.0.2.1")->type_name("ADDRESS")->required();
    explain->add_flag_callback(
        "--tls", [&asked] { asked.with["tls"] = true; }, "The client speaks TLS, without the names below");
    add_text(*explain, "--sni", "sni", "The name that it asks for in TLS")->type_name("NAME");
    add_text(*explain, "--alpn", "alpn", "The protocol that it offers in TLS: h2")->type_name("PROTOCOL");
    add_number(*add_question(app, "plan", "plan", "Show what a reload would change; exit status 2: something"), "--generation",
               "generation", "What a rollback to this one would change, instead");
    CLI::App* reload = add_question(app, "reload", "reload", "Apply the configuration file as it is now");
    add_text(*reload, "--plan", "plan", "Only if this is still what it would change")->type_name("PLAN");
    add_text(*reload, "--confirm", "confirm", "Undo it unless `gatehouse confirm` comes in time: 60s")->type_name("TIME");
    reload->add_flag_callback(
        "--strict", [&asked] { asked.with["strict"] = true; }, "Exit status 2 if keys wait for a restart");
    add_question(app, "confirm", "confirm", "Keep what `reload --confirm` has applied");
    add_number(*add_question(app, "rollback", "rollback", "Run an earlier configuration again; the file stays as it is"),
               "GENERATION", "generation", "Which (default: the one before)");
    add_text(*add_question(app, "upgrade", "upgrade",
                           "Replace the running host by the program that is on disk by now; nobody is refused"),
             "--guard", "guard", "How long the old process stays ready to accept again (default 10s, at most 1h)")
        ->type_name("TIME");
    CLI::App* drain = add_question(app, "drain", "drain",
                                   "End the host once its connections have ended, or let a listener take no newcomers; and "
                                   "wait for that");
    add_text(*drain, "--listener", "listener", "This listener alone: its connections end, and the host goes on")
        ->type_name("NAME");
    add_text(*drain, "--delay", "delay", "For how long it accepts as before (default 0, at most 1d)")->type_name("TIME");
    add_text(*drain, "--timeout", "timeout", "For connections to end (default host.drain_timeout, at most 1d)")
        ->type_name("TIME");
    add_text(*drain, "--for", "for", "Of a listener: for how long it takes none (default: until it is cancelled)")
        ->type_name("TIME");
    add_text(*drain, "--reason", "reason", "Of a listener: why, for those who look at the orders")->type_name("TEXT");
    drain->add_flag_callback(
        "--cancel", [&asked] { asked.with["cancel"] = true; },
        "The host does not end, if the delay is not over; the listener accepts again");
    bool no_wait = false;
    drain->add_flag("--no-wait", no_wait, "Give the order, and do not wait for the end");
    CLI::App* deny = app.add_subcommand("deny", "Deny networks at a running host, whatever its file allows");
    deny->require_subcommand(1);
    CLI::App* deny_add = add_question(*deny, "add", "deny.add", "Refuse newcomers from a network, from now on");
    add_text(*deny_add, "NET", "network", "An address or a network: 192.0.2.0/24")->required();
    add_text(*deny_add, "--listener", "listener", "At this listener alone")->type_name("NAME");
    add_text(*deny_add, "--for", "for", "For how long (default: until it is removed)")->type_name("TIME");
    add_text(*deny_add, "--reason", "reason", "Why, for those who look at the orders")->type_name("TEXT");
    deny_add->add_flag_callback("--cut", [&asked] { asked.with["cut"] = true; }, "Reset its open connections as well");
    add_number(*add_question(*deny, "list", "deny.list", "Show these orders, and how many newcomers each has refused"),
               "--limit", "limit", "So many rows at most (default 1000, at most 10000)");
    CLI::App* deny_remove = add_question(*deny, "remove", "deny.remove", "End an order before its time");
    add_text(*deny_remove, "NET", "network", "Its network")->required();
    add_text(*deny_remove, "--listener", "listener", "The one that it is for")->type_name("NAME");
    CLI::App* map = app.add_subcommand("map", "Look at a map of server names of a running host, or change it and its file");
    map->require_subcommand(1);
    add_text(*map, "MAP", "map", "Its name in the configuration")->required();
    const std::string name_help = "A server name: shop.example, *.example.org";
    add_text(*add_question(*map, "get", "map.get", "Show what it says of a name, and where"), "NAME", "name", name_help)
        ->required();
    add_number(*add_question(*map, "list", "map.list", "Show its names, in the order of its file"), "--limit", "limit",
               "So many rows at most (default 1000, at most 10000)");
    CLI::App* map_set = add_question(*map, "set", "map.set", "Give a name a value, here and in the file");
    add_text(*map_set, "NAME", "name", name_help)->required();
    add_text(*map_set, "VALUE", "value", "An address, or key=text")->required();
    add_text(*add_question(*map, "remove", "map.remove", "Take a name out, here and out of the file"), "NAME", "name",
             name_help)
        ->required();
    add_question(*map, "load", "map.load", "Give it the names of another file; its own becomes a copy of that")
        ->add_option_function<std::string>(
            "FILE", [&asked](const std::string& file) { asked.with["file"] = std::filesystem::absolute(file).native(); },
            "A file that the host may read")
        ->required();
    CLI::App* limits = app.add_subcommand("limits", "Change limits of a running host")->require_subcommand(1);
    CLI::App* set = add_question(*limits, "set", "limits.set", "Set a limit of a listener in the place of the file's");
    add_text(*set, "LISTENER", "listener", "Its name")->required();
    add_text(*set, "KEY=VALUE", "set", "max_connections, max_per_source or rate.connections, and a number: rate.connections=5")
        ->required();
    add_text(*set, "--for", "for", "For how long (default: until it is removed)")->type_name("TIME");
    add_text(*set, "--reason", "reason", "Why, for those who look at the orders")->type_name("TEXT");
    CLI::App* orders = add_question(app, "orders", "orders", "Show all orders that hold beside the configuration");
    CLI::App* remove = add_question(*orders, "remove", "orders.remove", "End an order before its time");
    add_text(*remove, "ID", "id", "Its number, or the network that it denies")->required();
    add_text(*remove, "--listener", "listener", "The one that a network is denied at")->type_name("NAME");
    CLI::App* config = app.add_subcommand("config", "Look at the configurations of a running host")->require_subcommand(1);
    add_question(*config, "history", "config.history", "Show those that have run, the newest first");
    CLI::App* show = add_question(*config, "show", "config.show", "Show what runs, key by key, with the defaults");
    add_text(*show, "--listener", "listener", "The section of this listener alone")->type_name("NAME");
    show->add_flag_callback(
        "--where", [&asked] { asked.with["where"] = true; }, "Show where each key was said, too: file and line");
    CLI::App* diff = add_question(*config, "diff", "config.diff",
                                  "Show what differs between the file and what runs; exit status 2: something");
    add_number(*diff, "FROM", "from", "A generation, instead of what runs");
    add_number(*diff, "TO", "to", "Another one, instead of the file (default: what runs)");
    CLI::App* log = app.add_subcommand("log", "Change the log of a running host")->require_subcommand(1);
    CLI::App* level =
        add_question(*log, "level", "log.level", "Set the level for a while; then the configuration's counts again");
    add_text(*level, "LEVEL", "level", "debug, info, warning or error")->required();
    add_text(*level, "--listener", "listener", "For records about this listener alone")->type_name("NAME");
    add_text(*level, "--source", "source", "For records about clients from this address or network alone")->type_name("NET");
    add_text(*level, "--reason", "reason", "Why, for those who look at the orders")->type_name("TEXT");
    add_text(*level, "--for", "for", "For how long (default 10m, at most 1d)")->type_name("TIME");

    CLI::App* control = app.add_subcommand("control", "Ask a running host: list the commands of its plugins, or run one");
    control->add_option("WORD", words,
                        "CONF, to find the host by its host.control; then nothing, INSTANCE, or INSTANCE COMMAND ARGUMENT... "
                        "(after -- if one begins with -). A first word with a dot or a slash is CONF");
    add_host(*control);
    std::filesystem::path folder;
    std::vector<std::string> names;
    CLI::App* dev_cert = app.add_subcommand("dev-cert", "Make a local authority and a certificate for trying TLS out");
    dev_cert->add_option("DIR", folder, "The folder for ca.pem, ca.key, cert.pem and key.pem")->required();
    dev_cert->add_option("NAME", names, "Host names and addresses (default: localhost 127.0.0.1 ::1)");

    std::string shell;
    CLI::App* complete = app.add_subcommand("completion", "Print a script that completes commands and options in a shell");
    complete->add_option("SHELL", shell, "bash, fish or zsh")->required();
    app.add_subcommand("manual-commands", "Print that part of gatehouse(1) (the build runs this)")->group("");
    app.add_subcommand("manual-keys", "Print that part of gatehouse.toml(5) (the build runs this)")->group("");

    std::string library;
    CLI::App* probe = app.add_subcommand("probe-plugin", "Load one library and say what it is (the host runs this)")->group("");
    probe->add_option("FILE", library)->required();

    app.add_subcommand("trial-host", "Serve the configuration on standard input (plugin check runs this)")->group("");
    std::string creation;
    CLI::App* trial_create =
        app.add_subcommand("trial-create", "Create a plugin's instances (plugin check runs this)")->group("");
    trial_create->add_option("WHAT", creation)->required();
    trial_create->add_option("FILE", trial.plugin)->required();
    trial_create->add_option("--set", trial.settings)->expected(1)->take_all();

    CLI11_PARSE(app, argc, argv);
    if (*run) return run_command(options);
    if (*check) return check_command(options, bind, json);
    if (*dev_cert) return dev_cert_command(folder, names);
    if (*begin) return new_plugin_command(new_plugin);
    if (*try_out) return run_plugin_command(options, trial);
    if (*validate) return check_plugin_command(options, tried);
    if (*complete) return print_command([&] { return completion(shell, help_of(app)); });
    if (app.got_subcommand("manual-commands")) return print_command([&] { return commands_page(help_of(app)); });
    if (app.got_subcommand("manual-keys")) return print_command(keys_page);
    if (app.got_subcommand("trial-host")) return trial_host_command();
    if (*trial_create) run_plugin_creation(creation, trial);
    if (*describe)
        return describe_plugin_command(options, described,
                                       json       ? DescriptionFormat::json
                                       : markdown ? DescriptionFormat::markdown
                                                  : DescriptionFormat::text);
    if (*schema) return schema_command(options);
    if (*plugins) return list_plugins_command(options, json);
    if (*drain) return drain_and_wait_command(at, asked, !no_wait && !asked.with.contains("cancel"));
    if (*watch) return top_command(at, top);
    if (list_metrics) return list_metrics_command();
    if (!asked.command.empty()) return ask_command(at, asked);
    if (*control) return control_command(at, words);
    run_plugin_probe(library);
}
