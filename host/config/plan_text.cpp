#include "config/plan_text.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace gatehouse::host {
namespace {

using Kind = Change::Kind;
using Fate = SectionPlan::Fate;
using Socket = ListenerPlan::Socket;

// "1,204".
std::string with_commas(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
    return text;
}

std::string counted(std::uint64_t number, const std::string& noun) {
    return with_commas(number) + ' ' + noun + (number == 1 ? "" : "s");
}

// --- For people -----------------------------------------------------------------------------------------------------------

// A section with its differences.
struct Block {
    std::string label;                             // "web", "tls web", "[process]"
    std::string headline;                          // what becomes of it as a whole
    std::vector<std::array<std::string, 3>> lines; // sign and key, what, effect
};

std::string value_or_none(const std::string& value) { return value.empty() ? "none" : printable(value, 60); }

std::string what_changes(const Change& change) {
    if (change.networks_added + change.networks_removed != 0) {
        std::string text;
        if (change.networks_added != 0) text = "+ " + counted(change.networks_added, "network");
        if (change.networks_removed == 0) return text;
        if (!text.empty()) return text + ", - " + with_commas(change.networks_removed);
        return "- " + counted(change.networks_removed, "network");
    }
    if (change.kind == Kind::moved) return change.before.empty() ? "another order" : "was number " + change.before;
    if (change.kind != Kind::changed) {
        std::string text;
        for (const auto& [key, value] : change.fields)
            text += (text.empty() ? "" : ", ") + (key.empty() ? "" : key + " = ") + (value.empty() ? "(secret)" : value);
        return printable(text, 100);
    }
    if (change.secret) return "another secret";
    return value_or_none(change.before) + " -> " + value_or_none(change.after);
}

std::string_view effect_text(KeyClass effect) {
    switch (effect) {
    case KeyClass::live:
        return "now";
    case KeyClass::fresh:
        return "new connections";
    case KeyClass::rebind:
        return "the listening socket";
    case KeyClass::instance:
        return "new instance, for new connections";
    case KeyClass::restart:
        break;
    }
    return "needs a restart";
}

char sign(Kind kind) { return kind == Kind::added ? '+' : kind == Kind::removed ? '-' : '~'; }

Block block_of(std::string label, std::string headline, const std::vector<Change>& changes) {
    Block block{std::move(label), std::move(headline), {}};
    for (const Change& change : changes)
        block.lines.push_back({sign(change.kind) + (' ' + printable(change.key, 60)), what_changes(change),
                               std::string(effect_text(change.effect))});
    return block;
}

void add_remark(Block& block, const PlanNotes& notes, const std::string& section) {
    const auto found = notes.remarks.find(section);
    if (found != notes.remarks.end()) block.headline += (block.headline.empty() ? "" : "; ") + found->second;
}

std::optional<std::uint64_t> connections_of(const ListenerPlan& listener, const PlanNotes& notes) {
    const auto found = notes.connections.find(listener.running);
    return found != notes.connections.end() ? std::optional(found->second) : std::nullopt;
}

std::string headline_of(const ListenerPlan& listener, const PlanNotes& notes) {
    const std::optional<std::uint64_t> connections = connections_of(listener, notes);
    const auto they = [&](const char* singular, const char* plural) {
        if (!connections) return std::string();
        return ", " + counted(*connections, "connection") + ' ' + (*connections == 1 ? singular : plural);
    };
    const std::string address = printable(listener.address);
    switch (listener.socket) {
    case Socket::kept:
        if (listener.running.empty()) return "NEW     " + address + ", the socket of " + listener.socket_of;
        return (listener.name != listener.running ? "was " + listener.running + ", " : "") +
               (listener.socket_of != listener.running ? "gets the socket of " + listener.socket_of : "keeps its socket") +
               they("stays", "stay");
    case Socket::moved:
        return "new socket at " + address + they("stays", "stay");
    case Socket::opened:
        return "NEW     " + address;
    case Socket::given:
        return "GONE    another listener gets " + address + they("drains", "drain");
    case Socket::closed:
        break;
    }
    return "CLOSED  " + address + they("drains", "drain");
}

std::string headline_of(const SectionPlan& section) {
    return section.fate == Fate::added ? "NEW" : section.fate == Fate::removed ? "GONE" : "";
}

std::string padded(std::string text, std::size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text;
}

void append_line(std::string& text, std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
}

// The columns of a block's lines; one long text does not push away the others.
std::string lines_of(const Block& block, std::size_t margin) {
    constexpr std::array<std::size_t, 2> widest{32, 48};
    std::array<std::size_t, 2> widths{};
    for (const auto& line : block.lines)
        for (std::size_t i = 0; i < widths.size(); ++i)
            if (line[i].size() <= widest[i]) widths[i] = std::max(widths[i], line[i].size());
    std::string text;
    for (const auto& [key, what, effect] : block.lines)
        append_line(text, std::string(margin, ' ') + padded(key, widths[0]) + "  " + padded(what, widths[1]) + "  " + effect);
    return text;
}

std::vector<Block> blocks_of(const Plan& plan, const PlanNotes& notes) {
    std::vector<Block> blocks;
    for (const ListenerPlan& listener : plan.listeners) {
        const std::string section = "listeners." + listener.name;
        if (!differs(listener) && !notes.remarks.contains(section)) continue;
        add_remark(blocks.emplace_back(block_of(listener.name, headline_of(listener, notes), listener.changes)), notes,
                   section);
    }
    const auto add_sections = [&](const std::string& kind, const std::string& label, const std::vector<SectionPlan>& sections) {
        for (const SectionPlan& section : sections) {
            const std::string name = kind + section.name;
            if (section.fate == Fate::same && !notes.remarks.contains(name)) continue;
            add_remark(blocks.emplace_back(block_of(label + section.name, headline_of(section), section.changes)), notes, name);
        }
    };
    add_sections("plugins.", "plugin ", plan.plugins);
    add_sections("tls.", "tls ", plan.tls);
    add_sections("maps.", "map ", plan.maps);
    for (const auto& [label, changes] : {std::pair("[host]", &plan.host), {"[process]", &plan.process}, {"[log]", &plan.log}})
        if (!changes->empty()) blocks.push_back(block_of(label, "", *changes));
    return blocks;
}

// --- For programs ---------------------------------------------------------------------------------------------------------

// A number as JSON has it; dates and nan are none.
bool is_json_number(const std::string& value) {
    double number = 0;
    const char* const end = value.data() + value.size();
    const auto [stop, code] = std::from_chars(value.data(), end, number);
    return stop == end && code != std::errc::invalid_argument && value.back() >= '0' && value.back() <= '9';
}

Json json_of(const std::string& value) {
    if (value.empty()) return Json::raw("null");
    const bool json = std::string_view("\"[{").find(value.front()) != std::string_view::npos || value == "true" ||
                      value == "false" || is_json_number(value);
    return json ? Json::raw(value) : Json::text(value);
}

std::string_view name_of(Kind kind) {
    constexpr std::array<std::string_view, 4> names{"changed", "added", "removed", "moved"};
    return names[static_cast<std::size_t>(kind)];
}

std::string_view name_of(Fate fate) {
    constexpr std::array<std::string_view, 4> names{"same", "changed", "added", "removed"};
    return names[static_cast<std::size_t>(fate)];
}

std::string_view name_of(Socket socket) {
    constexpr std::array<std::string_view, 5> names{"kept", "moved", "opened", "closed", "given"};
    return names[static_cast<std::size_t>(socket)];
}

Json json_of(const Change& change) {
    Json object = Json::object();
    object.set("key", Json::text(change.key));
    object.set("kind", Json::text(name_of(change.kind)));
    object.set("class", Json::text(to_string(change.effect)));
    if (change.networks_added + change.networks_removed != 0) {
        object.set("networks_added", Json::raw(std::to_string(change.networks_added)));
        object.set("networks_removed", Json::raw(std::to_string(change.networks_removed)));
    } else if (change.kind == Kind::added || change.kind == Kind::removed) {
        Json fields = Json::object();
        for (const auto& [key, value] : change.fields) fields.set(key.empty() ? "value" : key, json_of(value));
        object.set("fields", std::move(fields));
    } else {
        object.set("before", json_of(change.before)).set("after", json_of(change.after));
    }
    if (change.secret) object.set("secret", Json::raw("true"));
    if (!change.where.text.empty()) object.set("where", Json::text(change.where.text));
    return object;
}

Json json_of(const std::vector<Change>& changes) {
    Json list = Json::array();
    for (const Change& change : changes) list.add(json_of(change));
    return list;
}

void set_remark(Json& object, const PlanNotes& notes, const std::string& section) {
    const auto found = notes.remarks.find(section);
    if (found != notes.remarks.end()) object.set("remark", Json::text(found->second));
}

Json json_of(const std::vector<SectionPlan>& sections, const std::string& kind, const PlanNotes& notes) {
    Json list = Json::array();
    for (const SectionPlan& section : sections) {
        if (section.fate == Fate::same && !notes.remarks.contains(kind + section.name)) continue;
        Json object = Json::object();
        object.set("name", Json::text(section.name)).set("fate", Json::text(name_of(section.fate)));
        object.set("where", Json::text(section.where.text));
        set_remark(object, notes, kind + section.name);
        object.set("changes", json_of(section.changes));
        list.add(std::move(object));
    }
    return list;
}

Json json_of(const ListenerPlan& listener, const PlanNotes& notes) {
    Json object = Json::object();
    object.set("name", Json::text(listener.name));
    if (!listener.running.empty()) object.set("running", Json::text(listener.running));
    object.set("socket", Json::text(name_of(listener.socket)));
    if (!listener.socket_of.empty()) object.set("socket_of", Json::text(listener.socket_of));
    object.set("address", Json::text(listener.address));
    if (const auto connections = connections_of(listener, notes))
        object.set("connections", Json::raw(std::to_string(*connections)));
    object.set("where", Json::text(listener.where.text));
    set_remark(object, notes, "listeners." + listener.name);
    object.set("changes", json_of(listener.changes));
    return object;
}

} // namespace

std::string plan_text(const Plan& plan, const PlanNotes& notes) {
    const std::vector<Block> blocks = blocks_of(plan, notes);
    const auto add_notes = [&](std::string text) {
        for (const std::string& line : notes.lines) text += "  " + line + '\n';
        return text;
    };
    if (blocks.empty()) return add_notes("nothing changes\n");
    constexpr std::size_t widest = 24;
    std::size_t width = 0;
    for (const Block& block : blocks)
        if (block.label.size() <= widest) width = std::max(width, block.label.size());
    std::string text;
    for (const Block& block : blocks) {
        append_line(text, "  " + padded(block.label, width) + "  " + block.headline);
        text += lines_of(block, width + 6);
    }
    text += "\n  opens " + with_commas(plan.opens) + ", closes " + with_commas(plan.closes) + ", keeps " +
            counted(plan.keeps, "listener") + '\n';
    const std::vector<std::string> waiting = plan.waiting();
    if (!waiting.empty())
        text += "  " + counted(waiting.size(), "key") + (waiting.size() == 1 ? " waits" : " wait") +
                " for a restart; everything else does not\n";
    return add_notes(std::move(text));
}

Json plan_json(const Plan& plan, const PlanNotes& notes) {
    Json object = Json::object();
    object.set("changes", Json::raw(plan.empty() ? "false" : "true"));
    Json listeners = Json::array();
    for (const ListenerPlan& listener : plan.listeners)
        if (differs(listener) || notes.remarks.contains("listeners." + listener.name)) listeners.add(json_of(listener, notes));
    object.set("listeners", std::move(listeners));
    object.set("plugins", json_of(plan.plugins, "plugins.", notes));
    object.set("tls", json_of(plan.tls, "tls.", notes));
    object.set("maps", json_of(plan.maps, "maps.", notes));
    object.set("host", json_of(plan.host)).set("process", json_of(plan.process)).set("log", json_of(plan.log));
    object.set("waiting", Json::texts(plan.waiting()));
    object.set("opens", Json::raw(std::to_string(plan.opens)));
    object.set("closes", Json::raw(std::to_string(plan.closes)));
    object.set("keeps", Json::raw(std::to_string(plan.keeps)));
    object.set("notes", Json::texts(notes.lines));
    return object;
}

} // namespace gatehouse::host
