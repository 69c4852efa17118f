// The test's side of gatehouse.control/2: runs an operator's command, and holds its answer as it comes.
#ifndef GATEHOUSE_TESTING_CONTROL_HPP
#define GATEHOUSE_TESTING_CONTROL_HPP

#include "../control.hpp"
#include "host.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::kit {

// An answer: the names of the columns, and then the rows.
using Rows = std::vector<std::vector<ValueRecord>>;

namespace detail {

// The plugin holds a gatehouse_answer into it until the answer has ended.
struct FakeAnswer {
    explicit FakeAnswer(Host& its_host)
        : host(its_host), sink{sizeof(gatehouse_answer), 0, this, columns, row, done, is_abandoned} {}

    Host& host;
    const gatehouse_answer sink;
    std::mutex mutex; // guards what follows
    std::condition_variable changed;
    std::vector<gatehouse_type> types; // of the columns
    Rows rows;
    bool abandoned = false;
    std::optional<gatehouse_status> status;
    std::string why;

    void end(gatehouse_status how, std::string_view text) {
        const std::lock_guard lock(mutex);
        if (status) return host.violation("an answer has ended twice");
        status = how;
        why = text;
        changed.notify_all();
    }

    static FakeAnswer& of(void* context) { return *static_cast<FakeAnswer*>(context); }
    static void columns(void* context, const gatehouse_column* all, std::size_t count, std::size_t stride) noexcept {
        FakeAnswer& answer = of(context);
        const std::lock_guard lock(answer.mutex);
        if (!answer.rows.empty() || count == 0) return answer.host.violation("an answer has columns twice, or none");
        auto& row = answer.rows.emplace_back();
        for (std::size_t i = 0; i < count; ++i) {
            const auto column = gatehouse::detail::item_of(all, stride, i);
            row.emplace_back(view(column.name));
            answer.types.push_back(column.type);
            if (column.type < GATEHOUSE_TYPE_TEXT || column.type > GATEHOUSE_TYPE_TIME)
                answer.host.violation("column " + row.back().text + " of an answer has no type");
        }
    }
    static void row(void* context, const gatehouse_value* cells, std::size_t count, std::size_t stride) noexcept {
        FakeAnswer& answer = of(context);
        const std::lock_guard lock(answer.mutex);
        if (answer.rows.empty() || count != answer.rows.front().size())
            return answer.host.violation("a row has more or fewer cells than there are columns");
        auto& row = answer.rows.emplace_back();
        for (std::size_t i = 0; i < count; ++i) {
            row.emplace_back(gatehouse::detail::item_of(cells, stride, i));
            if (row[i].type != GATEHOUSE_TYPE_NONE && row[i].type != answer.types[i])
                answer.host.violation("a cell of column " + answer.rows.front()[i].text +
                                      " is of another type than its column");
        }
    }
    static void done(void* context, gatehouse_status status, gatehouse_str why) noexcept { of(context).end(status, view(why)); }
    static std::int32_t is_abandoned(void* context) noexcept {
        FakeAnswer& answer = of(context);
        const std::lock_guard lock(answer.mutex);
        return answer.abandoned ? 1 : 0;
    }
};

} // namespace detail

// A command that goes on.
class RunningCommand {
  public:
    explicit RunningCommand(std::shared_ptr<detail::FakeAnswer> answer) noexcept : answer_(std::move(answer)) {}

    bool is_over() const {
        const std::lock_guard lock(answer_->mutex);
        return answer_->status.has_value();
    }
    // The operator goes away.
    void abandon() const {
        const std::lock_guard lock(answer_->mutex);
        answer_->abandoned = true;
    }

  private:
    friend class Plugin;
    std::shared_ptr<detail::FakeAnswer> answer_;
};

} // namespace gatehouse::kit

#endif
