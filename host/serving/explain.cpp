// What would become of a connection that nobody has made. It goes the way of a real one, welcome() and advance(), and asks what
// decides there: the orders, the lists, the sources' table, the limits, the stages. It counts nowhere.
#include "serving/service.hpp"

namespace gatehouse::host {
namespace {

using Says = Explanation::Verdict;

std::string share_of(std::uint64_t some, std::uint64_t most) { return std::to_string(some) + " of " + std::to_string(most); }

void add_refusal(Explanation& explanation, std::string what, const Refusal& refusal) {
    const std::string value = value_text(refusal.rule);
    explanation.add(std::move(what), where_text(refusal.rule), Says::refuses,
                    std::string(to_string(refusal.reason)) + ": " + std::string(refusal.rule.limit) +
                        (value.empty() ? "" : ' ' + value));
}

// As Service::admit(), but for the plugin. False: it is refused.
bool explain_admission(const Service& service, const Access& access, const Denials& denials,
                       const std::optional<IpAddress>& address, Explanation& explanation) {
    if (const auto order = denials.denies(service.config.name, address)) {
        add_refusal(explanation, "order", {Reason::denied_acl, Rule(of_an_order, 0, "deny", *order)});
        return false;
    }
    if (const auto verdict = access.judge(address, Behalf::client)) {
        if (!verdict->allows) {
            add_refusal(explanation, "access", {Reason::denied_acl, *verdict->rule});
            return false;
        }
        explanation.add("access", verdict->rule ? where_text(*verdict->rule) : "", Says::passes,
                        verdict->rule ? std::string(verdict->rule->limit) + ' ' + value_text(*verdict->rule)
                                      : "no network of the lists has it");
    }
    const auto standing = access.standing(address, monotonic_now());
    if (!standing) return true;
    if (standing->reason) {
        add_refusal(explanation, "source", {*standing->reason, access.rule_for(*standing->reason)});
        return false;
    }
    const auto limit = [&](std::string what, Reason reason, const std::string& used) {
        const Rule rule = access.rule_for(reason);
        if (rule.value != Rule::Value(std::uint64_t{0})) // which is no limit
            explanation.add(std::move(what), where_text(rule), Says::passes,
                            std::string(rule.limit) + ' ' + value_text(rule) + used);
    };
    limit("source", Reason::source_full, ": " + std::to_string(standing->open) + " open");
    limit("rate", Reason::over_rate,
          " per " + format_duration(service.config.sources.per) + ": " + std::to_string(standing->left) + " left at once");
    return true;
}

void explain_plugin(const PluginInstance& plugin, Explanation& explanation) {
    if (plugin.is_full()) return add_refusal(explanation, "plugin", {Reason::plugin_full, plugin.connections_rule()});
    const PluginFacts& facts = plugin.library()->facts();
    explanation.add("plugin", "", Says::takes, plugin.name() + " (" + facts.name + ' ' + facts.version + ") serves it");
}

} // namespace

Explanation Service::explain(const SocketAddress& from, const Asked& asked) const {
    Explanation explanation;
    const bool for_another = proxies_ != nullptr && proxies_->lists(from);
    if (!for_another && !explain_admission(*this, access_, shared_.denials, ip_address(from), explanation)) return explanation;
    const std::uint32_t open = endpoint_.open.load();
    const bool is_full = open >= max_connections();
    if (is_full && config.when_full == WhenFull::refuse) {
        add_refusal(explanation, "listener", {Reason::listener_full, connections_rule()});
        return explanation;
    }
    explanation.add("listener", where_text(connections_rule()), is_full ? Says::unknown : Says::passes,
                    share_of(open, max_connections()) + " connections" + (is_full ? ": it waits in the accept queue" : ""));
    Channel none;
    Visitor visitor{.channel = none, .peer = from, .plugin = detects_ ? nullptr : plugin_};
    for (const auto& stage : stages_) {
        if (!stage->limit(visitor)) continue;
        const Verdict verdict = stage->explain(visitor, asked, explanation);
        if (verdict.what != Verdict::What::pass) return explanation;
        if (verdict.tls != nullptr) visitor.tls = verdict.tls;
        if (verdict.plugin != nullptr) visitor.plugin = verdict.plugin;
    }
    if (visitor.plugin != nullptr) explain_plugin(*visitor.plugin, explanation);
    return explanation;
}

} // namespace gatehouse::host
