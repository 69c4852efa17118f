#include "plugin/instance.hpp"

#include "config/plugin_settings.hpp"

#include <algorithm>
#include <array>

namespace gatehouse::host {
namespace {

// Not a std::string: a plugin's thread-exit code may still call set_error() when thread-local objects are being destroyed.
thread_local std::array<char, 512> error_text;
thread_local std::size_t error_size = 0;

} // namespace

void set_error_text(std::string_view text) noexcept {
    error_size = std::min(text.size(), error_text.size());
    std::copy_n(text.data(), error_size, error_text.data());
}

void refuse(const gatehouse_instance& instance, std::string_view text) noexcept {
    set_error_text(text);
    instance.log.warning(text, {{"plugin", instance.name}});
}

std::string take_error_text() {
    std::string text(error_text.data(), error_size);
    error_size = 0;
    return text;
}

PluginInstance::PluginInstance(const PluginConfig& config, std::shared_ptr<const PluginLibrary> library, Log& log,
                               const Drain& drain, Discovery& discovery, Reach reach)
    : context_{config.name,
               log,
               drain,
               discovery,
               [this, wake = std::move(reach.wake)](std::uint64_t id) { return wake(*this, id); },
               [this, cut = std::move(reach.cut)](std::uint64_t id) { return cut(*this, id); }},
      library_(std::move(library)), hooks_(library_->hooks()), max_connections_(config.max_connections) {
    const gatehouse_config& settings = *config.settings;
    settings.begin();
    error_size = 0;
    gatehouse_status status = GATEHOUSE_OK;
    if (hooks_.create != nullptr) status = hooks_.create(&host_table, &context_, &settings, &self_);
    const std::string why = take_error_text();
    std::vector<std::string> problems = settings.problems();
    if (status == GATEHOUSE_OK && problems.empty()) {
        constexpr std::string_view control = GATEHOUSE_EXT_CONTROL;
        if (hooks_.get_extension != nullptr)
            control_ = static_cast<const gatehouse_control_v1*>(hooks_.get_extension(self_, {control.data(), control.size()}));
        return;
    }
    if (status == GATEHOUSE_OK && hooks_.destroy != nullptr) hooks_.destroy(self_);
    std::string text;
    if (problems.empty())
        problems.push_back(config.where.text + ": plugin " + config.name + " refused to start: " +
                           (why.empty() ? "it did not say why (status " + std::to_string(status) + ")" : why));
    for (const std::string& problem : problems) text += (text.empty() ? "" : "\n") + problem;
    throw PluginError(text);
}

PluginInstance::~PluginInstance() {
    if (hooks_.destroy != nullptr) hooks_.destroy(self_);
}

Match PluginInstance::probe(std::span<const std::byte> bytes) const noexcept {
    const gatehouse_match match =
        hooks_.probe != nullptr ? hooks_.probe(self_, bytes.data(), bytes.size()) : GATEHOUSE_MATCH_NO;
    if (match == GATEHOUSE_MATCH_MORE) return Match::more;
    return match == GATEHOUSE_MATCH_YES ? Match::yes : Match::no;
}

gatehouse_next PluginInstance::serve(gatehouse_conn& conn) noexcept {
    error_size = 0; // what an earlier call has explained is not this one's
    return hooks_.serve(self_, &conn);
}

void PluginInstance::closed(void* state, Reason reason) noexcept {
    const std::string_view word = to_string(reason);
    if (hooks_.closed != nullptr) hooks_.closed(self_, state, {word.data(), word.size()});
}

gatehouse_status PluginInstance::run_command(std::span<const gatehouse_str> words, const gatehouse_answer& answer) noexcept {
    error_size = 0;
    return control_->run(self_, words.data(), words.size(), &answer);
}

void PluginInstance::stop() noexcept {
    if (hooks_.stop != nullptr) hooks_.stop(self_);
}

} // namespace gatehouse::host
