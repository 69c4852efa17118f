#include "plugin/commands.hpp"

#include "plugin/text.hpp"

#include <cstddef>
#include <cstring>
#include <gatehouse/ext/control.h>
#include <new>
#include <string_view>

namespace gatehouse::host {
namespace {

// The table that a plugin fills.
class Table {
  public:
    explicit Table(CommandAnswer& answer) noexcept : answer_(answer) {}

    gatehouse_answer sink() noexcept { return {sizeof(gatehouse_answer), 0, this, columns, row}; }
    const char* problem() const noexcept { return problem_; } // null: none

  private:
    static void columns(void* context, const gatehouse_str* names, std::size_t count) noexcept {
        auto& table = *static_cast<Table*>(context);
        if (table.answer_.columns != 0 || count == 0) return table.refuse("named its columns twice, or none");
        table.answer_.columns = count;
        table.add(names, count);
    }
    static void row(void* context, const gatehouse_str* cells, std::size_t count) noexcept {
        auto& table = *static_cast<Table*>(context);
        const std::size_t columns = table.answer_.columns;
        if (columns == 0 || count != columns) return table.refuse("gave a row that does not fit the columns");
        table.add(cells, count);
    }
    void add(const gatehouse_str* texts, std::size_t count) noexcept {
        try {
            for (std::size_t i = 0; i < count && problem_ == nullptr; ++i) {
                size_ += texts[i].size + sizeof(std::uint32_t);
                if (size_ > most_command_answer) return refuse("answered with more than 4 MiB");
                answer_.cells.emplace_back(view(texts[i]));
            }
        } catch (const std::bad_alloc&) {
            refuse("left the host without memory for its answer");
        }
    }
    void refuse(const char* what) noexcept { problem_ = what; }

    CommandAnswer& answer_;
    std::size_t size_ = 0; // bytes
    const char* problem_ = nullptr;
};

} // namespace

const char* problem_of(const gatehouse_control_v1& control) noexcept {
    if (control.size < offsetof(gatehouse_control_v1, run) + sizeof control.run) return "is too short";
    if (control.reserved != 0) return "has something where 0 is reserved";
    if (control.command_count != 0 && (control.commands == nullptr || control.command_stride < sizeof(gatehouse_command)))
        return "has commands that are too short";
    return control.run == nullptr ? "has no run()" : nullptr;
}

std::vector<PluginCommand> list_commands(const gatehouse_control_v1* control) {
    std::vector<PluginCommand> list;
    for (std::size_t i = 0; control != nullptr && i < control->command_count; ++i) {
        gatehouse_command command{};
        std::memcpy(&command, reinterpret_cast<const char*>(control->commands) + i * control->command_stride, sizeof command);
        list.push_back(
            {std::string(view(command.name)), std::string(view(command.arguments)), std::string(view(command.summary))});
    }
    return list;
}

CommandAnswer run_command(const std::string& instance, SharedErrorText& error, const gatehouse_control_v1& control, void* self,
                          std::span<const std::string> words) {
    std::vector<gatehouse_str> texts;
    for (const std::string& word : words) texts.push_back({word.data(), word.size()});
    CommandAnswer answer;
    Table table(answer);
    const gatehouse_answer sink = table.sink();
    error.set(""); // what an earlier call has explained is not this one's
    answer.status = control.run(self, texts.data(), texts.size(), &sink);
    const std::string why = error.take();
    if (answer.status != GATEHOUSE_OK)
        answer.error = why.empty() ? instance + " did not say why (status " + std::to_string(answer.status) + ")" : why;
    else if (table.problem() != nullptr)
        answer.error = "plugin instance " + instance + " " + table.problem();
    return answer;
}

} // namespace gatehouse::host
