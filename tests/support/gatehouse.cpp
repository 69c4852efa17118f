#include "gatehouse.hpp"

#include "proc.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <gtest/gtest.h>
#include <map>
#include <sstream>

namespace gatehouse::support {
namespace {

constexpr std::size_t tail_lines = 40;

std::string build_dir() {
    const char* given = std::getenv("GATEHOUSE_BUILD");
    return given != nullptr ? given : GATEHOUSE_BUILD_DIR;
}

bool fits_all(const Record& record, std::string_view message, Gatehouse::Wanted fields) {
    return record.message() == message &&
           std::all_of(fields.begin(), fields.end(), [&](const auto& field) { return record[field.first] == field.second; });
}

} // namespace

std::string gatehouse_binary() { return build_dir() + "/bin/gatehouse"; }
std::string plugin_dir() { return build_dir() + "/plugins"; }
std::string fixture_dir() { return GATEHOUSE_BUILD_DIR "/tests/fixtures"; }
std::string sample_dir() { return GATEHOUSE_BUILD_DIR "/sdk/samples/plugins"; }
std::string bench_dir() { return GATEHOUSE_BUILD_DIR "/tests/bench"; }

std::string sanitizer() {
    const std::string cache = read_file(build_dir() + "/CMakeCache.txt");
    const std::string_view key = "\nGATEHOUSE_SANITIZER:STRING=";
    const std::size_t at = cache.find(key);
    if (at == std::string::npos) throw std::runtime_error(build_dir() + " is no build folder of Gatehouse");
    const std::size_t value = at + key.size();
    return cache.substr(value, cache.find('\n', value) - value);
}

Result run_gatehouse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), gatehouse_binary());
    return run(arguments);
}

Result ask(const Gatehouse& host, std::vector<std::string> words) {
    words.insert(words.begin(), {GATEHOUSE_BUILD_DIR "/bin/gatehouse", "control", host.dir() / "gatehouse.toml"});
    return run(words);
}

std::string listener(std::string_view name, std::string_view plugin, std::string_view more) {
    std::string text = "[[listeners]]\nname = \"" + std::string(name) + "\"\n";
    if (more.find("address =") == std::string_view::npos) text += "address = \"127.0.0.1:0\"\n";
    return text + "plugin = \"" + std::string(plugin) + "\"\n" + std::string(more) + "\n";
}

std::string instance(std::string_view name, std::string_view library, std::string_view settings, std::string_view more) {
    const std::string config = settings.empty() ? "" : "config = { " + std::string(settings) + " }\n";
    return "[plugins." + std::string(name) + "]\nlibrary = \"" + std::string(library) + "\"\n" + config +
           listener(name, name, more);
}

std::string gateway_to(const std::string& upstream, const std::string& settings, std::string_view more) {
    return instance("gateway", "gateway", "upstream = \"" + upstream + "\"" + (settings.empty() ? "" : ", " + settings), more);
}

std::string http_from(const TempDir& root, std::string_view more) {
    return instance("http", "http", "root = \"" + root.path().string() + "\"", more);
}

GatehouseOptions with_fixtures() { return {.plugin_path = {fixture_dir()}}; }
GatehouseOptions with_blocking_echo() { return {.plugin_path = {bench_dir()}}; }

void Gatehouse::write(const std::string& config) const {
    std::string defaults;
    if (config.find("[host]") == std::string::npos) defaults += "[host]\ndrain_timeout = \"2s\"\n";
    const char* seccomp = std::getenv("GATEHOUSE_TEST_SECCOMP");
    if (seccomp != nullptr && sanitizer().empty() && config.find("[process]") == std::string::npos)
        defaults += "[process]\nseccomp = \"" + std::string(seccomp) + "\"\n";
    dir_.write("gatehouse.toml", defaults + config + "\n");
}

Record Gatehouse::reload(const std::string& config) {
    write(config);
    return reload();
}

Record Gatehouse::reload() {
    const std::size_t from = log_size();
    signal(SIGHUP);
    return wait_for_log("reload", {}, from);
}

Gatehouse::Gatehouse(const std::string& config, GatehouseOptions options) {
    write(config);
    const std::string file = dir_ / "gatehouse.toml";

    std::vector<std::string> argv = std::move(options.wrapper);
    argv.insert(argv.end(), {gatehouse_binary(), "run"});
    options.plugin_path.push_back(plugin_dir());
    for (const std::string& folder : options.plugin_path) argv.insert(argv.end(), {"--plugin-path", folder});
    argv.push_back(file);
    process_ = std::make_unique<Process>(argv, ProcessOptions{"", std::move(options.environment), options.inherit});
    pid_ = process_->pid();
    try {
        pid_ = static_cast<pid_t>(wait_for_log("ready").number("pid"));
    } catch (...) {
        ended_ = true; // it has been reported
        throw;
    }
}

Gatehouse::~Gatehouse() {
    if (ended_) return;
    try {
        if (const std::optional<int> status = process_->ended()) {
            ADD_FAILURE() << "gatehouse ended by itself with status " << *status << "; its log ends with\n" << tail();
            return;
        }
        expect_quiet();
        ::kill(pid_, SIGTERM);
        const int status = process_->wait().status;
        if (status != 0) ADD_FAILURE() << "gatehouse ended with status " << status << "; its log ends with\n" << tail();
        parse(process_->err());
        check_ledgers();
    } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
        if (pid_ != process_->pid()) ::kill(pid_, SIGKILL); // the wrapper is ended by ~Process()
    }
}

void Gatehouse::parse(const std::string& err) {
    for (std::size_t end = 0; (end = err.find('\n', parsed_)) != std::string::npos; parsed_ = end + 1)
        records_.push_back(parse_record(std::string_view(err).substr(parsed_, end - parsed_)));
}

std::string Gatehouse::tail() {
    const std::string err = process_->err();
    std::size_t from = err.size();
    for (std::size_t lines = 0; from > 0 && lines <= tail_lines; --from)
        if (err[from - 1] == '\n' && ++lines > tail_lines) break;
    return err.substr(from);
}

std::vector<Record> Gatehouse::log() {
    parse(process_->err());
    return records_;
}

std::size_t Gatehouse::log_size() {
    parse(process_->err());
    return records_.size();
}

// Each connection has exactly one reason. Only a host that was stopped in order, with no thread left behind in a plugin, knows.
void Gatehouse::check_ledgers() {
    const auto last =
        std::find_if(records_.rbegin(), records_.rend(), [](const Record& record) { return record.message() == "stopped"; });
    const bool all_known = std::none_of(records_.begin(), records_.end(),
                                        [](const Record& record) { return record.message().ends_with("leaving without it"); });
    if (last == records_.rend() || last->number("log_lines_dropped") > 0 || !all_known) return;
    std::map<std::string, const Record*> statuses;
    for (const Record& record : records_)
        if (record.message() == "status" && record.has("listener")) statuses[record["listener"]] = &record;
    for (const auto& [name, status] : statuses) {
        std::uint64_t sum = 0;
        std::istringstream reasons((*status)["reasons"]);
        for (std::string reason; reasons >> reason;)
            if (reason != "none") sum += std::stoull(reason.substr(reason.find(':') + 1));
        EXPECT_EQ(static_cast<std::uint64_t>(status->number("accepted")), sum) << status->line;
        EXPECT_EQ((*status)["open"], "0") << status->line;
    }
}

Record Gatehouse::wait_for_log(const Fits& fits, std::string_view what, std::size_t from) {
    const Record* found = nullptr;
    const bool seen = process_->wait_output([&](const std::string&, const std::string& err) {
        parse(err);
        for (; found == nullptr && from < records_.size(); ++from)
            if (fits(records_[from])) found = &records_[from];
        return found != nullptr;
    });
    if (seen) return *found;
    const std::optional<int> status = process_->ended();
    throw std::runtime_error("no log record: " + std::string(what) +
                             (status ? "; gatehouse ended with status " + std::to_string(*status) : "") +
                             "; the log ends with\n" + tail());
}

Record Gatehouse::wait_for_log(std::string_view message, Wanted fields, std::size_t from) {
    std::string what(message);
    for (const auto& [key, value] : fields) what += " " + std::string(key) + "=" + std::string(value);
    return wait_for_log([&](const Record& record) { return fits_all(record, message, fields); }, what, from);
}

std::size_t Gatehouse::count_logged(std::string_view part) {
    const std::vector<Record> lines = log();
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(), [&](const Record& record) { return record.line.find(part) != std::string::npos; }));
}

bool Gatehouse::will_log(std::string_view part) {
    return process_->wait_output(
        [&](const std::string&, const std::string& err) { return err.find(part) != std::string::npos; });
}

Record Gatehouse::wait_for_closed(std::string_view listener, std::string_view peer, std::size_t from) {
    if (peer.empty()) return wait_for_log("closed", {{"listener", listener}}, from);
    return wait_for_log("closed", {{"listener", listener}, {"peer", peer}}, from);
}

std::string Gatehouse::address(std::string_view listener) const {
    for (auto record = records_.rbegin(); record != records_.rend(); ++record)
        if (fits_all(*record, "listening", {{"listener", listener}})) return (*record)["address"];
    throw std::runtime_error("there is no listener " + std::string(listener));
}

std::uint16_t Gatehouse::port(std::string_view listener) const {
    const std::string text = address(listener);
    return static_cast<std::uint16_t>(std::stoul(text.substr(text.rfind(':') + 1)));
}

Record Gatehouse::status(std::string_view listener) {
    const std::size_t from = log_size();
    signal(SIGUSR1);
    Record record = wait_for_log("status", {{"listener", listener}}, from);
    // The host's own line is the last; what comes after it belongs to the next status.
    wait_for_log([](const Record& last) { return last.message() == "status" && last.has("relayed"); }, "end of status", from);
    return record;
}

Record Gatehouse::wait_for_text(const std::string& text, std::size_t from) {
    return wait_for_log([&](const Record& record) { return record.message().find(text) != std::string::npos; }, text, from);
}

Record Gatehouse::wait_for_status(std::string_view listener, std::string_view what, const Fits& fits) {
    Record record;
    try {
        eventually(what, [&] { return fits(record = status(listener)); });
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(std::string(error.what()) + "; the last status was\n" + record.line);
    }
    return record;
}

void Gatehouse::signal(int number) const {
    if (process_->ended() || ::kill(pid_, number) != 0)
        throw std::runtime_error("gatehouse has ended before signal " + std::to_string(number));
}

int Gatehouse::wait_exit(std::chrono::milliseconds within) {
    const int status = process_->wait(within).status;
    ended_ = true;
    parse(process_->err());
    check_ledgers();
    return status;
}

// What the test has set in motion may take a moment to come to its end.
void Gatehouse::expect_quiet() {
    if (may_be_busy_) return;
    for (const Deadline deadline; !is_quiet(pid_);) {
        if (process_->ended()) return;
        if (!deadline.passed()) continue;
        ADD_FAILURE() << "gatehouse still uses the CPU though the test does nothing any more; its log ends with\n" << tail();
        return;
    }
}

int Gatehouse::terminate() {
    expect_quiet();
    signal(SIGTERM);
    return wait_exit();
}

} // namespace gatehouse::support
