#include "plugin/commands.hpp"

#include "plugin/cells.hpp"
#include "plugin/text.hpp"

#include <new>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::size_t size_of_cell = 25; // on the way to the operator, besides its text, at most
constexpr const char* does_not_fit = "gave a row that does not fit the columns";
constexpr const char* no_memory = "left the host without memory for its answer";

} // namespace

RunningCommand::RunningCommand(std::string instance, std::function<void()> answered)
    : instance_(std::move(instance)), answered_(std::move(answered)),
      sink_{sizeof(gatehouse_answer), 0, this, columns, row, done, is_abandoned} {}

void RunningCommand::run(SharedErrorText& error, const gatehouse_control_v2& control, void* self,
                         std::span<const std::string> words) {
    std::vector<gatehouse_str> texts;
    for (const std::string& word : words) texts.push_back(str(word));
    error.set(""); // what an earlier call has explained is not this one's
    const gatehouse_status status = control.run(self, texts.data(), texts.size(), &sink_);
    const std::string why = error.take();
    if (status != GATEHOUSE_AGAIN) end(status, why);
}

void RunningCommand::end(gatehouse_status status, std::string_view why) noexcept {
    const MutexLock lock(mutex_);
    if (over_.load()) return; // it has ended twice
    status_ = status;
    why_.set(why);
    over_.store(true);
}

CommandAnswer RunningCommand::take() {
    const MutexLock lock(mutex_);
    CommandAnswer answer{status_, "", std::move(table_)};
    const std::string why = why_.take();
    if (answer.status != GATEHOUSE_OK)
        answer.error = why.empty() ? instance_ + " did not say why (status " + std::to_string(answer.status) + ")" : why;
    else if (problem_ != nullptr)
        answer.error = "plugin instance " + instance_ + " " + problem_;
    return answer;
}

// False: what follows is not kept.
bool RunningCommand::has_room(std::size_t size) noexcept {
    size_ += size;
    if (size_ > most_command_answer) refuse("answered with more than 4 MiB");
    return problem_ == nullptr && !over_.load() && !abandoned_.load();
}

void RunningCommand::columns(void* context, const gatehouse_column* all, std::size_t count, std::size_t stride) noexcept {
    auto& command = *static_cast<RunningCommand*>(context);
    const MutexLock lock(command.mutex_);
    if (!command.table_.columns.empty() || count == 0 || stride < sizeof(gatehouse_column))
        return command.refuse("named its columns twice, or none");
    try {
        for (std::size_t i = 0; i < count; ++i) {
            const gatehouse_column column = item_of(all, stride, i);
            const std::optional<Cell::Type> type = type_of(column.type);
            if (!type || column.reserved != 0) return command.refuse("named a column of a type that the host does not know");
            if (!command.has_room(column.name.size + column.unit.size + 2 * size_of_cell)) return;
            command.table_.columns.emplace_back(std::string(view(column.name)), *type, std::string(view(column.unit)));
        }
    } catch (const std::bad_alloc&) {
        command.refuse(no_memory);
    }
}

void RunningCommand::row(void* context, const gatehouse_value* cells, std::size_t count, std::size_t stride) noexcept {
    auto& command = *static_cast<RunningCommand*>(context);
    const MutexLock lock(command.mutex_);
    if (command.problem_ != nullptr || command.abandoned_.load()) return; // the columns may not be there
    const std::vector<Column>& columns = command.table_.columns;
    if (columns.empty() || count != columns.size() || stride < sizeof(gatehouse_value)) return command.refuse(does_not_fit);
    try {
        for (std::size_t i = 0; i < count; ++i) {
            const gatehouse_value value = item_of(cells, stride, i);
            if (value.type != GATEHOUSE_TYPE_NONE && type_of(value.type) != columns[i].type)
                return command.refuse(does_not_fit);
            Cell cell = cell_of(value);
            if (!command.has_room(cell.text.size() + size_of_cell)) return;
            command.table_.cells.push_back(std::move(cell));
        }
    } catch (const std::bad_alloc&) {
        command.refuse(no_memory);
    }
}

void RunningCommand::done(void* context, gatehouse_status status, gatehouse_str why) noexcept {
    auto& command = *static_cast<RunningCommand*>(context);
    const std::shared_ptr<RunningCommand> kept = command.shared_from_this(); // the main thread lets go once it is over
    command.end(status, view(why));
    command.answered_();
}

std::int32_t RunningCommand::is_abandoned(void* context) noexcept {
    return static_cast<const RunningCommand*>(context)->abandoned_.load() ? 1 : 0;
}

const char* problem_of(const gatehouse_control_v2& control) noexcept {
    if (control.size < offsetof(gatehouse_control_v2, run) + sizeof control.run) return "is too short";
    if (control.reserved != 0) return "has something where 0 is reserved";
    if (control.command_count != 0 && (control.commands == nullptr || control.command_stride < sizeof(gatehouse_command)))
        return "has commands that are too short";
    for (std::size_t i = 0; i < control.command_count; ++i) {
        const gatehouse_command command = item_of(control.commands, control.command_stride, i);
        if ((command.flags & ~unsigned{GATEHOUSE_COMMAND_SHOWS}) != 0)
            return "has a command with a flag that the host does not know";
        if (command.reserved != 0) return "has something where 0 is reserved";
    }
    return control.run == nullptr ? "has no run()" : nullptr;
}

std::vector<PluginCommand> list_commands(const gatehouse_control_v2* control) {
    std::vector<PluginCommand> list;
    for (std::size_t i = 0; control != nullptr && i < control->command_count; ++i) {
        const gatehouse_command command = item_of(control->commands, control->command_stride, i);
        list.push_back({std::string(view(command.name)), std::string(view(command.arguments)),
                        std::string(view(command.summary)), (command.flags & GATEHOUSE_COMMAND_SHOWS) != 0});
    }
    return list;
}

} // namespace gatehouse::host
