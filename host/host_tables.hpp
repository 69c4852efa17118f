// What the host tells of itself, as tables: for `gatehouse control CONF host TABLE` and the extension gatehouse.host/1.
#pragma once

#include "base/cell_table.hpp"
#include "listen/acceptor.hpp"
#include "serving/service.hpp"

#include <span>
#include <string_view>

namespace gatehouse::host {

class Generation;

struct HostTable {
    std::string_view name;
    std::string_view summary;
    // May throw std::bad_alloc. [any], while the generation serves
    CellTable (*make)(const Generation& generation);
    int (*status)(const CellTable& table) = nullptr; // that a client exits with; null: 0
};

// What an acceptor does, in a word for people and programs. [any]
std::string_view state_name(Acceptor::State state) noexcept;
// The same of a listener that does not accept since an operator drains it: "draining", and "drained" without connections. [any]
std::string_view state_word(const Service& service) noexcept;

std::span<const HostTable> host_tables() noexcept;

} // namespace gatehouse::host
