// Commands that a plugin takes from its operator while it runs: gatehouse.control/1 for C++.
//
//     static constexpr gatehouse::Command commands[] = {{"servers", "", "shows the servers"}, {"disable", "SERVER", "..."}};
//
//     // [main] words[0] is one of the names above. Throws to refuse; the operator sees the exception's text.
//     void command(std::span<const std::string_view> words, gatehouse::Answer& answer) {
//         answer.columns({"server", "state"});
//         answer.row({"a", "up"});
//     }
#ifndef GATEHOUSE_CONTROL_HPP
#define GATEHOUSE_CONTROL_HPP

#include "ext/control.h"
#include "status.hpp"

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace gatehouse {

struct Command : gatehouse_command {
    constexpr Command(std::string_view called, std::string_view takes, std::string_view does) noexcept
        : gatehouse_command{{called.data(), called.size()}, {takes.data(), takes.size()}, {does.data(), does.size()}} {}
};
// Where a command puts its answer: a table, which may be empty.
class Answer {
  public:
    explicit Answer(const gatehouse_answer& sink) noexcept : sink_(&sink) {}

    // Once, before any row.
    void columns(std::initializer_list<std::string_view> names) { pass(sink_->columns, {names.begin(), names.size()}); }
    // As many cells as there are columns.
    void row(std::initializer_list<std::string_view> cells) { pass(sink_->row, {cells.begin(), cells.size()}); }

  private:
    void pass(void (*to)(void*, const gatehouse_str*, std::size_t) noexcept, std::span<const std::string_view> texts) {
        std::vector<gatehouse_str> list;
        for (const std::string_view text : texts) list.push_back(detail::str(text));
        to(sink_->context, list.data(), list.size());
    }

    const gatehouse_answer* sink_;
};

} // namespace gatehouse

#endif
