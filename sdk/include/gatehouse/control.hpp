// Commands that a plugin takes from its operator while it runs: gatehouse.control/2 for C++.
//
//     static constexpr gatehouse::Command commands[] = {{"servers", "", "shows the servers", gatehouse::Role::show},
//                                                       {"disable", "SERVER", "takes it out"}};
//
//     // [main] words[0] is one of the names above. Throws to refuse; the operator sees the exception's text.
//     void command(std::span<const std::string_view> words, gatehouse::Answer& answer) {
//         answer.columns({"server", {"state", GATEHOUSE_TYPE_STATE}, {"sent", GATEHOUSE_TYPE_BYTES}});
//         answer.row({"a", Value::state("up"), Value::bytes(4096)});
//     }
#ifndef GATEHOUSE_CONTROL_HPP
#define GATEHOUSE_CONTROL_HPP

#include "ext/control.h"
#include "status.hpp"
#include "value.hpp"

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse {

// Who may run a command: everybody who may look, or only who may change something.
enum class Role { show, change };

struct Command : gatehouse_command {
    constexpr Command(std::string_view called, std::string_view takes, std::string_view does, Role role = Role::change) noexcept
        : gatehouse_command{{called.data(), called.size()},
                            {takes.data(), takes.size()},
                            {does.data(), does.size()},
                            role == Role::show ? unsigned{GATEHOUSE_COMMAND_SHOWS} : 0U,
                            0} {}
};

// A column of an answer, and what its cells are: texts, unless it says otherwise. See gatehouse_column. Its texts are borrowed.
struct Column : gatehouse_column {
    constexpr Column(std::string_view called, gatehouse_type what = GATEHOUSE_TYPE_TEXT, std::string_view in = {}) noexcept
        : gatehouse_column{detail::str(called), what, 0, detail::str(in)} {}
    constexpr Column(const char* called, gatehouse_type what = GATEHOUSE_TYPE_TEXT, std::string_view in = {}) noexcept
        : Column(std::string_view(called), what, in) {}
};

namespace detail {

// Item `index` of an array whose items may be longer than what this header knows of them.
template <class Item>
Item item_of(const Item* items, std::size_t stride, std::size_t index) noexcept {
    Item item{};
    std::memcpy(&item, reinterpret_cast<const char*>(items) + index * stride, sizeof item);
    return item;
}

// A table, which may be empty.
class AnswerTable {
  public:
    // Once, before any row.
    void columns(std::span<const Column> all) noexcept {
        sink_->columns(sink_->context, all.data(), all.size(), sizeof(Column));
    }
    void columns(std::initializer_list<Column> all) noexcept { columns(std::span<const Column>(all.begin(), all.size())); }
    // As many cells as there are columns, each of its column's type or without a value.
    void row(std::span<const Value> cells) noexcept { sink_->row(sink_->context, cells.data(), cells.size(), sizeof(Value)); }
    void row(std::initializer_list<Value> cells) noexcept { row(std::span<const Value>(cells.begin(), cells.size())); }

  protected:
    explicit AnswerTable(const gatehouse_answer* sink) noexcept : sink_(sink) {}

    const gatehouse_answer* sink_;
};

} // namespace detail

// The answer of a command that has returned before it was known. Whoever holds it ends it, from any thread; one that is
// destroyed before that is a failure.
class LaterAnswer : public detail::AnswerTable {
  public:
    explicit LaterAnswer(const gatehouse_answer& sink) noexcept : AnswerTable(&sink) {}
    LaterAnswer(LaterAnswer&& other) noexcept : AnswerTable(std::exchange(other.sink_, nullptr)) {}
    LaterAnswer& operator=(LaterAnswer&& other) noexcept {
        std::swap(sink_, other.sink_);
        return *this;
    }
    ~LaterAnswer() {
        if (sink_ != nullptr) fail("the plugin has given up the answer");
    }

    void done() noexcept { end(GATEHOUSE_OK, ""); }
    void fail(std::string_view why) noexcept { end(GATEHOUSE_FAILED, why); }
    // True: nobody waits for it any more.
    bool abandoned() const noexcept { return sink_->abandoned(sink_->context) != 0; }

  private:
    void end(gatehouse_status status, std::string_view why) noexcept {
        const gatehouse_answer* const sink = std::exchange(sink_, nullptr);
        sink->done(sink->context, status, detail::str(why));
    }
};

// Where a command puts its answer.
class Answer : public detail::AnswerTable {
  public:
    explicit Answer(const gatehouse_answer& sink) noexcept : AnswerTable(&sink) {}

    // The answer comes later: this is where it is put, and ended. To be called once.
    LaterAnswer later() noexcept {
        is_later_ = true;
        return LaterAnswer(*sink_);
    }
    bool is_later() const noexcept { return is_later_; }

  private:
    bool is_later_ = false;
};

} // namespace gatehouse

#endif
