#include "plugin/instance.hpp"

#include "config/plugin_settings.hpp"
#include "plugin/text.hpp"
#include "threads/crash_report.hpp"

#include <gatehouse/ext/control.h>
#include <utility>

namespace gatehouse::host {
namespace {

const gatehouse_control_v2* control_of(const gatehouse_plugin& hooks, void* self) noexcept {
    return hooks.get_extension == nullptr
               ? nullptr
               : static_cast<const gatehouse_control_v2*>(hooks.get_extension(self, str(GATEHOUSE_EXT_CONTROL)));
}

[[noreturn]] void refuse(const std::vector<std::string>& problems) {
    std::string text;
    for (const std::string& problem : problems) text += (text.empty() ? "" : "\n") + problem;
    throw PluginError(text);
}

} // namespace

PluginInstance::PluginInstance(const PluginConfig& config, std::shared_ptr<const PluginLibrary> library,
                               const Facilities& facilities)
    : handle_{config.name, facilities, this, false, config.sees_host}, library_(std::move(library)), hooks_(library_->hooks()),
      counts_(facilities.named_counts != nullptr ? facilities.named_counts->of(config.name)
                                                 : std::make_shared<InstanceCounts>()),
      max_connections_(config.max_connections), max_connections_where_(config.max_connections_where), where_(config.where.text),
      who_(where_ + ": plugin " + config.name + " of " + library_->file().string()) {
    const gatehouse_config& settings = *config.settings;
    if (library_->keys())
        if (const std::vector<std::string> wrong = settings.problems_by(*library_->keys()); !wrong.empty()) refuse(wrong);
    settings.begin();
    gatehouse_status status = GATEHOUSE_OK;
    if (hooks_.create != nullptr) {
        const RunningHook running(who_.c_str(), "create()");
        status = hooks_.create(&facilities.table, &handle_, &settings, &self_);
    }
    const std::string why = handle_.error.take();
    const bool created = status == GATEHOUSE_OK;
    std::vector<std::string> problems = created ? settings.problems() : settings.problems_so_far();
    const std::string refused = config.where.text + ": plugin " + config.name + " refused to start: ";
    if (!created && problems.empty())
        problems.push_back(refused + (why.empty() ? "it did not say why (status " + std::to_string(status) + ")" : why));
    if (created && problems.empty()) {
        control_ = control_of(hooks_, self_);
        const char* const problem = control_ != nullptr ? problem_of(*control_) : nullptr;
        if (problem == nullptr) {
            commands_ = list_commands(control_);
            return;
        }
        problems.push_back(refused + "its table of " + GATEHOUSE_EXT_CONTROL + ' ' + problem);
    }
    if (created) destroy();
    refuse(problems);
}

PluginInstance::~PluginInstance() {
    stop();
    stop_callbacks(never);
    destroy();
}

void PluginInstance::destroy() noexcept {
    const RunningHook running(who_.c_str(), "destroy()");
    if (hooks_.destroy != nullptr) hooks_.destroy(self_);
}

Match PluginInstance::probe(const Probed& connection, std::size_t& needed) const noexcept {
    const gatehouse_probe probe{.size = sizeof probe,
                                .reserved = 0,
                                .bytes = {connection.bytes.data(), connection.bytes.size()},
                                .listener = str(connection.listener),
                                .peer = str(connection.peer),
                                .server_name = str(connection.server_name),
                                .protocol = str(connection.protocol)};
    needed = 0;
    const gatehouse_match match = hooks_.probe(self_, &probe, &needed);
    if (match == GATEHOUSE_MATCH_MORE) return Match::more;
    return match == GATEHOUSE_MATCH_YES ? Match::yes : Match::no;
}

gatehouse_next PluginInstance::serve(gatehouse_conn& conn) noexcept { return hooks_.serve(self_, &conn); }

void PluginInstance::closed(std::uint64_t id, void* state, Reason reason) noexcept {
    if (hooks_.closed != nullptr) hooks_.closed(self_, id, state, str(to_string(reason)));
}

void PluginInstance::start() {
    handle_.started.store(true);
    const RunningHook running(who_.c_str(), "start()");
    const gatehouse_status status = hooks_.start != nullptr ? hooks_.start(self_) : GATEHOUSE_OK;
    const std::string why = handle_.error.take();
    if (status != GATEHOUSE_OK)
        throw PluginError(where_ + ": plugin " + name() + " did not start: " +
                          (why.empty() ? "it did not say why (status " + std::to_string(status) + ")" : why));
    stop_is_due_ = true;
}

void PluginInstance::stop() noexcept {
    const RunningHook running(who_.c_str(), "stop()");
    if (std::exchange(stop_is_due_, false) && hooks_.stop != nullptr) hooks_.stop(self_);
}

std::shared_ptr<RunningCommand> PluginInstance::run_command(std::span<const std::string> words) {
    constexpr std::size_t most = 16;
    std::erase_if(running_, [](const std::shared_ptr<RunningCommand>& command) { return command->is_over(); });
    if (running_.size() == most) return nullptr;
    running_.push_back(std::make_shared<RunningCommand>(name(), facilities().answered));
    const std::shared_ptr<RunningCommand> command = running_.back();
    const RunningHook running(who_.c_str(), "a command");
    command->run(handle_.error, *control_, self_, words);
    return command;
}

} // namespace gatehouse::host
