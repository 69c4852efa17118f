// Cells of tables as they cross the border to a plugin, either way.
#pragma once

#include "base/cell_table.hpp"

#include <cstddef>
#include <cstring>
#include <gatehouse/ext/control.h>
#include <optional>

namespace gatehouse::host {

// Nothing: no type, or one of a later minor.
std::optional<Cell::Type> type_of(gatehouse_type type) noexcept;

// `value` is of a known type, or none. Throws std::bad_alloc.
Cell cell_of(const gatehouse_value& value);

// Texts are borrowed.
gatehouse_value value_of(const Cell& cell) noexcept;
gatehouse_column column_of(const Column& column) noexcept;

// Item `index` of an array of a plugin's, whose items may be longer than what this host knows of them.
template <class Item>
Item item_of(const Item* items, std::size_t stride, std::size_t index) noexcept {
    Item item{};
    std::memcpy(&item, reinterpret_cast<const char*>(items) + index * stride, sizeof item);
    return item;
}

} // namespace gatehouse::host
