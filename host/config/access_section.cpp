#include "config/access_section.hpp"

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "base/text_file.hpp"
#include "config/values.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace gatehouse::host {
namespace {

constexpr std::size_t max_file = 64 << 20;         // bytes
constexpr std::size_t max_problems_of_a_file = 10; // then it is most likely no list of networks at all

// A network in the configuration file itself, and its place there.
struct Written {
    Network network;
    ConfigTable item;
};

std::vector<Written> read_array(ConfigTable& table, std::string_view key) {
    std::vector<Written> list;
    for (ConfigTable& item : table.items(key, "an array of networks")) {
        std::string_view text;
        std::string error;
        if (item.string("", text) != ConfigTable::Found::good) continue;
        if (const std::optional<Network> network = parse_network(text, error))
            list.push_back({*network, std::move(item)});
        else
            item.reject("", error);
    }
    return list;
}

// Networks are checked that stand in the configuration file itself; those of other files may overlap.
void check_lists(ConfigTable& table, const AccessLists& lists, std::vector<Written>& allow, std::vector<Written>& deny,
                 std::span<const Network> proxies) {
    const std::set<Network> allowed(lists.allow.begin(), lists.allow.end());
    std::set<Network> both;
    for (const Network& network : lists.deny)
        if (allowed.contains(network)) both.insert(network);
    const auto reject_both = [](ConfigTable& where, std::string_view key, const Network& network) {
        where.reject(key, in_quotes(to_string(network)) + " is both allowed and denied (expected it in one of the lists)");
    };
    for (Written& written : deny)
        if (both.erase(written.network) > 0) reject_both(written.item, "", written.network);
    for (const Network& network : both) reject_both(table, "deny_file", network);

    std::map<Network, std::uint32_t> ours;
    for (const std::vector<Written>* list : {&allow, &deny})
        for (const Written& written : *list) ours.emplace(written.network, static_cast<std::uint32_t>(ours.size()));
    std::vector<NetworkTable::Entry> entries;
    for (const std::vector<Network>* list : {&lists.allow, &lists.deny})
        for (const Network& network : *list) {
            const auto found = ours.find(network);
            entries.push_back({network, found != ours.end() ? found->second : static_cast<std::uint32_t>(ours.size())});
        }
    const std::vector<std::uint32_t> in_use = NetworkTable(std::move(entries)).values();
    for (std::vector<Written>* list : {&allow, &deny})
        for (Written& written : *list)
            if (!std::binary_search(in_use.begin(), in_use.end(), ours.at(written.network)))
                written.item.reject("", in_quotes(to_string(written.network)) +
                                            " is without effect: narrower networks in the lists cover all of its addresses");

    const auto is_denied_anyway = [&](const Network& network) {
        for (std::uint8_t bits = 0; bits <= network.length; ++bits)
            if (allowed.contains({masked(network.address, bits), bits})) return false;
        const auto has_it = [&](const Network& proxy) { return proxy.contains(network); };
        return !allowed.empty() && std::none_of(proxies.begin(), proxies.end(), has_it);
    };
    for (Written& written : deny)
        if (is_denied_anyway(written.network))
            written.item.reject(
                "", in_quotes(to_string(written.network)) +
                        " is without effect: addresses outside of `allow` are denied (expected an allowed network around it)");
}

std::vector<Network> as_set(std::vector<Network> networks) {
    std::ranges::sort(networks);
    const auto [first, last] = std::ranges::unique(networks);
    networks.erase(first, last);
    return networks;
}

bool same_networks(const std::vector<Network>& one, const std::vector<Network>& two) {
    return one == two || as_set(one) == as_set(two);
}

} // namespace

bool AccessLists::operator==(const AccessLists& other) const {
    return same_networks(allow, other.allow) && same_networks(deny, other.deny);
}

std::vector<Network> read_networks(ConfigTable& table, std::string_view key, const std::filesystem::path& file,
                                   std::vector<std::uint32_t>* lines) {
    std::vector<Network> networks;
    std::string error;
    const std::optional<std::string> text = read_text_file(file, {max_file, "one with a network on each line"}, error);
    if (!text) {
        table.reject(key, error);
        return networks;
    }
    std::size_t problems = 0;
    for_each_line(*text, [&](std::string_view line, std::size_t number) {
        line = trimmed(line.substr(0, line.find('#')));
        if (line.empty() || problems == max_problems_of_a_file) return;
        if (const std::optional<Network> network = parse_network(line, error)) {
            networks.push_back(*network);
            if (lines != nullptr) lines->push_back(static_cast<std::uint32_t>(number));
        } else {
            table.reject(key, printable(file.native()) + ':' + std::to_string(number) + ": " + error);
            ++problems;
        }
    });
    return networks;
}

AccessLists read_access_lists(ConfigTable& table, std::span<const Network> proxies) {
    AccessLists lists;
    std::vector<Written> allow = read_array(table, "allow");
    std::vector<Written> deny = read_array(table, "deny");
    if (table.is_array("allow") && table.count("allow") == 0)
        table.reject("allow", "empty (leave it out to let every client connect)");
    const auto take_written = [&](std::string_view key, const std::vector<Written>& written, std::vector<Network>& list,
                                  AccessLists::Places& places) {
        places.key = table.place(key);
        for (const Written& each : written) {
            list.push_back(each.network);
            places.lines.push_back(static_cast<std::uint32_t>(each.item.position().line));
        }
    };
    take_written("allow", allow, lists.allow, lists.allow_places);
    take_written("deny", deny, lists.deny, lists.deny_places);
    lists.allow_written = lists.allow.size();
    lists.deny_written = lists.deny.size();
    const auto read_file = [&](std::string_view key, std::vector<Network>& list, AccessLists::Places& places) {
        std::filesystem::path file;
        if (!read_path(table, key, file)) return;
        places.file = printable(file.native());
        const std::vector<Network> networks = read_networks(table, key, file, &places.lines);
        list.insert(list.end(), networks.begin(), networks.end());
        if (key == "allow_file" && networks.empty())
            table.reject(key, printable(file.native()) +
                                  ": has no network (expected at least one; without any, no client could connect)");
    };
    read_file("allow_file", lists.allow, lists.allow_places);
    read_file("deny_file", lists.deny, lists.deny_places);
    check_lists(table, lists, allow, deny, proxies);
    return lists;
}

SourceLimits read_source_limits(ConfigTable& table) {
    constexpr std::int64_t most = 1'000'000;
    SourceLimits limits;
    table.number("max_per_source", limits.most, 0, most);
    limits.most_where = table.place("max_per_source");
    ConfigTable rate = table.table("rate");
    limits.rate_where = rate.place("connections");
    rate.number("connections", limits.rate, 0, most);
    rate.duration("per", limits.per, std::chrono::hours(1));
    rate.number("burst", limits.burst, 0, most);
    if (limits.per.count() == 0) {
        rate.reject("per", "zero (expected a duration, such as \"1s\")");
        limits.per = SourceLimits().per;
    }
    const SourceLimits none;
    constexpr const char* no_rate = "without effect (expected connections = 1 or more beside it)";
    if (limits.rate == 0 && limits.per != none.per) rate.reject("per", no_rate);
    if (limits.rate == 0 && limits.burst != none.burst) rate.reject("burst", no_rate);
    ConfigTable bits = table.table("source_bits");
    bits.number("v4", limits.v4_bits, 1, 32);
    bits.number("v6", limits.v6_bits, 1, 128);
    const bool all_bits = limits.v4_bits == none.v4_bits && limits.v6_bits == none.v6_bits;
    if (limits.most == 0 && limits.rate == 0 && !all_bits)
        table.reject("source_bits", "without effect (expected max_per_source or rate beside it)");
    rate.reject_unknown();
    bits.reject_unknown();
    return limits;
}

} // namespace gatehouse::host
