#include "config/list_diff.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace gatehouse::host {
namespace {

// Marks as moved what is not part of a longest run of items in their old order.
void find_moved(std::vector<ListDiff::Item>& items) {
    std::vector<std::size_t> ends; // ends[k]: the item that ends the run of k + 1 items whose old place is the first
    std::vector<std::optional<std::size_t>> previous(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (!items[i].before) continue;
        const auto place =
            std::ranges::lower_bound(ends, *items[i].before, {}, [&](std::size_t end) { return *items[end].before; });
        if (place != ends.begin()) previous[i] = *(place - 1);
        if (place == ends.end())
            ends.push_back(i);
        else
            *place = i;
        items[i].moved = true;
    }
    if (ends.empty()) return;
    for (std::optional<std::size_t> i = ends.back(); i; i = previous[*i]) items[*i].moved = false;
}

} // namespace

ListDiff list_diff(const std::vector<std::string>& before, const std::vector<std::string>& after) {
    std::unordered_map<std::string_view, std::vector<std::size_t>> places; // the first at the end
    for (std::size_t i = before.size(); i-- > 0;) places[before[i]].push_back(i);
    ListDiff diff;
    diff.items.resize(after.size());
    std::vector<bool> taken(before.size());
    for (std::size_t i = 0; i < after.size(); ++i) {
        const auto found = places.find(after[i]);
        if (found == places.end() || found->second.empty()) continue;
        diff.items[i].before = found->second.back();
        taken[found->second.back()] = true;
        found->second.pop_back();
    }
    std::size_t next = 0; // behind what the item before was
    for (ListDiff::Item& item : diff.items) {
        if (!item.before && next < before.size() && !taken[next]) {
            item.before = next;
            taken[next] = true;
        }
        if (item.before) next = *item.before + 1;
    }
    find_moved(diff.items);
    for (std::size_t i = 0; i < before.size(); ++i)
        if (!taken[i]) diff.removed.push_back(i);
    return diff;
}

} // namespace gatehouse::host
