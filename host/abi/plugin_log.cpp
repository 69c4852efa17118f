#include "abi/plugin_log.hpp"

#include "abi/handles.hpp"
#include "base/log.hpp"
#include "base/time_text.hpp"
#include "connection/id_text.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_fields = 16;
constexpr std::size_t longest_name = 32;
constexpr std::array<std::string_view, 6> names_of_the_host{"time", "seq", "level", "message", "plugin", "id"};

bool is_field_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= longest_name &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos &&
           std::find(names_of_the_host.begin(), names_of_the_host.end(), name) == names_of_the_host.end();
}

// On the caller's stack: a line of the log allocates nothing.
class Line {
  public:
    Line(gatehouse_instance& instance, const Connection* client) noexcept {
        if (client != nullptr) id_.emplace(id_text(listener_of(*client), client->id));
        add({"plugin", instance.name});
        if (id_) add({"id", id_->view()});
    }

    void add(const gatehouse_field& field) noexcept {
        const std::string_view name = view(field.name);
        const gatehouse_value& value = field.value;
        if (!is_field_name(name)) return;
        switch (value.type) {
        case GATEHOUSE_TYPE_TEXT:
        case GATEHOUSE_TYPE_STATE:
            return add({name, view(value.text)});
        case GATEHOUSE_TYPE_NUMBER:
        case GATEHOUSE_TYPE_BYTES:
            return add({name, value.number});
        case GATEHOUSE_TYPE_SECONDS:
            return add({name, static_cast<double>(value.number) / 1e6});
        case GATEHOUSE_TYPE_TIME:
            times_[count_] = time_text(value.number);
            return add({name, times_[count_].view()});
        default: // a type of a later minor
            return;
        }
    }

    Fields fields() const noexcept { return Fields(std::span(fields_.data(), count_)); }

  private:
    void add(const Field& field) noexcept { fields_[count_++] = field; }

    static constexpr std::size_t room = most_fields + 2; // and the instance, and the id
    std::optional<IdText> id_;
    std::array<TimeText, room> times_;
    std::array<Field, room> fields_;
    std::size_t count_ = 0;
};

} // namespace

void write_log(gatehouse_instance* instance, gatehouse_conn* conn, gatehouse_level level, gatehouse_str text,
               const gatehouse_field* fields, std::size_t count, std::size_t stride) noexcept {
    constexpr std::array levels{LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error};
    const auto index =
        static_cast<std::size_t>(std::clamp<gatehouse_level>(level, GATEHOUSE_LEVEL_DEBUG, GATEHOUSE_LEVEL_ERROR));
    Log& log = instance->facilities.log;
    if (!log.enabled(levels[index])) return;
    Line line(*instance, client_of(conn));
    if (fields != nullptr && stride >= sizeof(gatehouse_field)) {
        for (std::size_t i = 0; i < std::min(count, most_fields); ++i) {
            gatehouse_field field{};
            std::memcpy(&field, reinterpret_cast<const char*>(fields) + i * stride, sizeof field);
            line.add(field);
        }
    }
    log.write(levels[index], view(text), line.fields());
}

} // namespace gatehouse::host
