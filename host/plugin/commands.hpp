// Commands that a plugin takes from its operator while it runs: the host's side of the extension gatehouse.control/2.
#pragma once

#include "base/cell_table.hpp"
#include "base/error_text.hpp"
#include "base/mutex.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <gatehouse/ext/control.h>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

struct PluginCommand {
    std::string name;
    std::string arguments; // for people, as the summary
    std::string summary;
    bool shows = false; // it changes nothing
};

// At most so many bytes in an answer: each cell counts with its text and 24 more.
inline constexpr std::size_t most_command_answer = (4 << 20) - 1024;

struct CommandAnswer {
    std::int32_t status = 0; // the plugin's
    std::string error;       // why it failed, for people; empty: it has succeeded
    CellTable table;
};

// A command that a plugin has been asked to run, and the answer as it comes. The plugin holds a pointer into it until the
// answer is over: its instance keeps it as long.
class RunningCommand : public std::enable_shared_from_this<RunningCommand> {
  public:
    // `instance`: the name for messages. `answered` is called from any thread when an answer that came later is over.
    RunningCommand(std::string instance, std::function<void()> answered);

    // Calls run(); `error` is where the plugin explains a failure. To be called once. [main]
    void run(SharedErrorText& error, const gatehouse_control_v2& control, void* self, std::span<const std::string> words);

    bool is_over() const noexcept { return over_.load(); } // [any]
    // The answer, once it is over; to be called once. [main]
    CommandAnswer take();
    // Nobody waits for it any more. [any]
    void abandon() noexcept { abandoned_.store(true); }

  private:
    static void columns(void* context, const gatehouse_column* all, std::size_t count, std::size_t stride) noexcept;
    static void row(void* context, const gatehouse_value* cells, std::size_t count, std::size_t stride) noexcept;
    static void done(void* context, gatehouse_status status, gatehouse_str why) noexcept;
    static std::int32_t is_abandoned(void* context) noexcept;

    bool has_room(std::size_t size) noexcept GATEHOUSE_REQUIRES(mutex_);
    void refuse(const char* what) noexcept GATEHOUSE_REQUIRES(mutex_) { problem_ = what; }
    void end(gatehouse_status status, std::string_view why) noexcept;

    const std::string instance_;
    const std::function<void()> answered_;
    const gatehouse_answer sink_;
    std::atomic<bool> abandoned_{false};
    std::atomic<bool> over_{false};
    Mutex mutex_;
    CellTable table_ GATEHOUSE_GUARDED_BY(mutex_);
    gatehouse_status status_ GATEHOUSE_GUARDED_BY(mutex_) = GATEHOUSE_OK;
    ErrorText why_ GATEHOUSE_GUARDED_BY(mutex_);
    std::size_t size_ GATEHOUSE_GUARDED_BY(mutex_) = 0;          // bytes
    const char* problem_ GATEHOUSE_GUARDED_BY(mutex_) = nullptr; // of the table; null: none
};

// Why the table of a plugin cannot be used; null: it can. [main]
const char* problem_of(const gatehouse_control_v2& control) noexcept;

// The plugin's commands; `control` may be null. [main]
std::vector<PluginCommand> list_commands(const gatehouse_control_v2* control);

} // namespace gatehouse::host
