// What became of the items of a list: they are told apart by texts.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::host {

struct ListDiff {
    struct Item {
        std::optional<std::size_t> before; // where it, or what it replaces, was; nothing: it is new
        bool moved = false;                // it went past items that have stayed in order
    };

    std::vector<Item> items;          // for each item of the new list
    std::vector<std::size_t> removed; // of the old one, in order
};

// Items with the same text are the same, in their order if there are several. An item with a new text replaces the old one,
// whose text is gone, that stood at the same place: behind the same item, or first. Takes O(n log n).
ListDiff list_diff(const std::vector<std::string>& before, const std::vector<std::string>& after);

} // namespace gatehouse::host
