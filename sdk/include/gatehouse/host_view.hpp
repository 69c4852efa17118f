// What the host tells of itself: gatehouse.host/1 for C++. See ext/host.h for the tables that there are.
//
//     explicit Page(gatehouse::Init& init) : host_(init) {}
//     ...
//     const gatehouse::HostTable listeners = host_.table("listeners");
//     for (std::size_t i = 0; i < listeners.rows(); ++i) use(listeners.text(i, "listener"), listeners.number(i,
//     "connections"));
#ifndef GATEHOUSE_HOST_VIEW_HPP
#define GATEHOUSE_HOST_VIEW_HPP

#include "control.hpp"
#include "ext/host.h"
#include "init.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse {

// A copy of a table as it was when the host was asked.
class HostTable {
  public:
    struct Column {
        std::string name;
        gatehouse_type type;
        std::string unit; // may be empty
    };
    struct Cell {
        gatehouse_type type; // its column's, or GATEHOUSE_TYPE_NONE
        std::int64_t number; // seconds: microseconds; time: milliseconds since 1970
        std::string text;    // of a text or a state
    };

    const std::vector<Column>& columns() const noexcept { return columns_; }
    std::size_t rows() const noexcept { return columns_.empty() ? 0 : cells_.size() / columns_.size(); }
    const Cell& cell(std::size_t row, std::size_t column) const { return cells_.at(row * columns_.size() + column); }

    // The cell of the column with this name; one without a value, if this host has no such column.
    const Cell& cell(std::size_t row, std::string_view column) const {
        static const Cell none{GATEHOUSE_TYPE_NONE, 0, ""};
        for (std::size_t i = 0; i < columns_.size(); ++i)
            if (columns_[i].name == column) return cell(row, i);
        return none;
    }
    std::string_view text(std::size_t row, std::string_view column) const { return cell(row, column).text; }
    std::int64_t number(std::size_t row, std::string_view column) const { return cell(row, column).number; }

  private:
    friend class HostView;
    struct Filling {
        HostTable* table;
        bool memory = true;
    };

    static void add_columns(void* context, const gatehouse_column* all, std::size_t count, std::size_t stride) noexcept {
        auto& [table, memory] = *static_cast<Filling*>(context);
        try {
            for (std::size_t i = 0; i < count; ++i) {
                const gatehouse_column column = detail::item_of(all, stride, i);
                table->columns_.push_back(
                    {std::string(detail::view(column.name)), column.type, std::string(detail::view(column.unit))});
            }
        } catch (const std::bad_alloc&) {
            memory = false;
        }
    }
    static void add_row(void* context, const gatehouse_value* cells, std::size_t count, std::size_t stride) noexcept {
        auto& [table, memory] = *static_cast<Filling*>(context);
        try {
            for (std::size_t i = 0; memory && i < count; ++i) {
                const gatehouse_value value = detail::item_of(cells, stride, i);
                table->cells_.push_back({value.type, value.number, std::string(detail::view(value.text))});
            }
        } catch (const std::bad_alloc&) {
            memory = false;
        }
    }

    std::vector<Column> columns_;
    std::vector<Cell> cells_; // row by row
};

class HostView {
  public:
    // Throws std::runtime_error, which refuses the instance, unless the operator has granted it. [create]
    explicit HostView(const Init& init)
        : instance_(init.host().instance), view_(static_cast<const gatehouse_host_v1*>(
                                               init.host().table->get_extension(instance_, detail::str(GATEHOUSE_EXT_HOST)))) {
        if (view_ == nullptr)
            throw std::runtime_error("it shows the host, which is not granted; add grants = [\"host\"] to its section");
    }

    // Throws std::out_of_range if this host has no such table, std::bad_alloc, and std::logic_error before start(). [any]
    HostTable table(std::string_view name) const {
        HostTable table;
        HostTable::Filling filling{&table};
        const gatehouse_answer to{sizeof(gatehouse_answer), 0,       &filling, HostTable::add_columns,
                                  HostTable::add_row,       nullptr, nullptr};
        const gatehouse_status status = view_->show(instance_, detail::str(name), &to);
        if (status == GATEHOUSE_NOT_FOUND) throw std::out_of_range("this host has no table " + std::string(name));
        if (status == GATEHOUSE_INVALID) throw std::logic_error("the host shows itself from start() on");
        if (status != GATEHOUSE_OK || !filling.memory) throw std::bad_alloc();
        return table;
    }

    // The metrics of the host and of all plugins, for Prometheus: calls take(std::string_view piece) for each piece of the
    // text, which returns false to end it, and may wait and throw. False: it was ended. Throws as table() does. [any]
    template <class Take>
    bool metrics(gatehouse_metrics_format format, Take take) const {
        struct Taking {
            Take& take;
            std::exception_ptr thrown{}; // NOLINT(*-redundant-member-init): g++ warns
        };
        Taking taking{take};
        const auto piece = [](void* context, gatehouse_str text) noexcept -> gatehouse_status {
            auto& [taker, thrown] = *static_cast<Taking*>(context);
            try {
                return taker(detail::view(text)) ? GATEHOUSE_OK : GATEHOUSE_END;
            } catch (...) {
                thrown = std::current_exception();
            }
            return GATEHOUSE_FAILED;
        };
        const gatehouse_status status = view_->metrics(instance_, format, piece, &taking);
        if (taking.thrown) std::rethrow_exception(taking.thrown);
        if (status == GATEHOUSE_INVALID) throw std::logic_error("the host shows itself from start() on");
        if (status == GATEHOUSE_NOT_FOUND || status == GATEHOUSE_UNSUPPORTED)
            throw std::out_of_range("this host has no metrics in this format");
        if (status == GATEHOUSE_EXHAUSTED) throw std::bad_alloc();
        return status == GATEHOUSE_OK;
    }

  private:
    gatehouse_instance* const instance_;
    const gatehouse_host_v1* const view_;
};

} // namespace gatehouse

#endif
