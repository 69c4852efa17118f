#include "config/plugin_settings.hpp"

#include "base/printable.hpp"
#include "base/text_file.hpp"
#include "config/config.hpp"
#include "config/key_check.hpp"
#include "config/table.hpp"
#include "config/tls_section.hpp"
#include "config/values.hpp"

#include <list>
#include <map>
#include <new>

namespace gatehouse::host {
namespace {

using Found = ConfigTable::Found;

gatehouse_status status_of(Found found) { return found == Found::bad ? GATEHOUSE_INVALID : GATEHOUSE_OK; }

class View;

// What one create() reads, shared by the instance's table and the items of its arrays.
struct Reading {
    ConfigReading file;
    std::map<const toml::node*, std::unique_ptr<View>> items; // asked for twice, an item or a table is the same object
    std::list<std::string> texts;                             // of files
    bool out_of_memory = false;
};

// The accessors over one table.
class View : public gatehouse_config {
  public:
    View(ConfigTable table, Reading& reading) : table_(std::move(table)), reading_(&reading) {}

    gatehouse_status string(std::string_view key, bool required, gatehouse_str& value) const noexcept override {
        return guarded([&]() -> gatehouse_status {
            std::string_view text;
            const Found found = table_.string(key, text);
            if (found == Found::good) value = {text.data(), text.size()};
            if (found != Found::absent || !required) return status_of(found);
            table_.missing(key, "a string");
            return GATEHOUSE_INVALID;
        });
    }

    gatehouse_status integer(std::string_view key, std::int64_t minimum, std::int64_t maximum,
                             std::int64_t& value) const noexcept override {
        return guarded([&] { return status_of(table_.integer(key, value, minimum, maximum)); });
    }

    gatehouse_status boolean(std::string_view key, std::int32_t& value) const noexcept override {
        return guarded([&] {
            bool flag = false;
            const Found found = table_.boolean(key, flag);
            if (found == Found::good) value = flag ? 1 : 0;
            return status_of(found);
        });
    }

    gatehouse_status duration(std::string_view key, std::uint64_t& milliseconds) const noexcept override {
        return guarded([&] {
            Milliseconds value{};
            const Found found = table_.duration(key, value);
            if (found == Found::good) milliseconds = static_cast<std::uint64_t>(value.count());
            return status_of(found);
        });
    }

    gatehouse_status size(std::string_view key, std::uint64_t& bytes) const noexcept override {
        return guarded([&] { return status_of(table_.size(key, bytes)); });
    }

    gatehouse_status count(std::string_view key, std::size_t& items) const noexcept override {
        return guarded([&]() -> gatehouse_status {
            items = table_.count(key);
            return table_.has(key) && !table_.is_array(key) ? GATEHOUSE_INVALID : GATEHOUSE_OK;
        });
    }

    gatehouse_status item(std::string_view key, std::size_t index, const gatehouse_config*& item) const noexcept override {
        return guarded([&]() -> gatehouse_status {
            std::optional<ConfigTable> table = table_.item(key, index);
            if (!table) return GATEHOUSE_NOT_FOUND;
            item = &view_of(std::move(*table));
            return GATEHOUSE_OK;
        });
    }

    gatehouse_status table(std::string_view key, const gatehouse_config*& found) const noexcept override {
        return guarded([&]() -> gatehouse_status {
            ConfigTable table = table_.table(key);
            if (!table_.has(key)) return GATEHOUSE_OK;
            if (!table.is_table()) return GATEHOUSE_INVALID;
            found = &view_of(std::move(table));
            return GATEHOUSE_OK;
        });
    }

    gatehouse_status tls_client(std::string_view key, bool has_names, std::optional<TlsClientConfig>& client,
                                const gatehouse_config*& table) const noexcept override {
        return guarded([&]() -> gatehouse_status {
            const std::size_t before = reading_->file.problems.size();
            bool wanted = table_.has(key);
            if (table_.is_boolean(key))
                table_.boolean(key, wanted);
            else if (const gatehouse_status status = this->table(key, table); status != GATEHOUSE_OK)
                return status;
            if (!wanted) return GATEHOUSE_OK;
            ConfigTable none(nullptr, table_.path() + '.' + std::string(key), table_.position(key), reading_->file);
            client = read_tls_client(table != nullptr ? view_of(table_.table(key)).table_ : none, has_names);
            return reading_->file.problems.size() == before ? GATEHOUSE_OK : GATEHOUSE_INVALID;
        });
    }

    gatehouse_status tls_server(std::string_view key, std::string& name) const noexcept override {
        return guarded([&]() -> gatehouse_status {
            name = read_tls_server(table_, key);
            return name.empty() && table_.has(key) ? GATEHOUSE_INVALID : GATEHOUSE_OK;
        });
    }

    gatehouse_status text_file(std::string_view key, gatehouse_str& text) const noexcept override {
        return guarded([&]() -> gatehouse_status {
            constexpr std::size_t most = 64 << 20; // bytes
            if (!table_.has(key)) {
                table_.known(key);
                return GATEHOUSE_OK;
            }
            std::filesystem::path path;
            if (!read_path(table_, key, path)) return GATEHOUSE_INVALID;
            std::string error;
            std::optional<std::string> found = read_text_file(path, {most, "a text file"}, error);
            if (!found) {
                table_.reject(key, error);
                return GATEHOUSE_INVALID;
            }
            const std::string& kept = reading_->texts.emplace_back(std::move(*found));
            text = {kept.data(), kept.size()};
            return GATEHOUSE_OK;
        });
    }

    void reject(std::string_view key, std::string_view why) const noexcept override {
        guarded([&] {
            table_.reject(key, printable(why));
            return GATEHOUSE_OK;
        });
    }

    void begin() const override {}
    std::vector<std::string> problems_by(std::span<const ConfigKey> /*keys*/) const override { return {}; }
    std::vector<std::string> problems() const override { return {}; }
    std::vector<std::string> problems_so_far() const override { return {}; }

    bool equals(const gatehouse_config& other) const noexcept override {
        const auto& view = static_cast<const View&>(other); // there are no others
        try {
            return table_.folder() == view.table_.folder() && table_.equals(view.table_);
        } catch (const std::exception&) { // without memory; to take them for different loses nothing
            return false;
        }
    }

    std::vector<Setting> settings(const IsText& is_text) const override {
        return settings_of(table_.node(), reading_->file, table_.folder(), is_text);
    }
    const std::filesystem::path& folder() const noexcept override { return table_.folder(); }
    bool same(const Setting& ours, const gatehouse_config& other, const Setting& theirs) const override {
        return table_.same_values(*ours.node, static_cast<const View&>(other).table_, *theirs.node);
    }

    void reject_unread() const { table_.reject_unknown(); }

  protected:
    // An exception must not reach the plugin. What could not be recorded for want of memory still refuses the instance.
    template <class Call>
    gatehouse_status guarded(Call call) const noexcept {
        try {
            return call();
        } catch (const std::bad_alloc&) {
            reading_->out_of_memory = true;
            return GATEHOUSE_EXHAUSTED;
        }
    }

    mutable ConfigTable table_;
    Reading* reading_;

  private:
    const View& view_of(ConfigTable table) const {
        std::unique_ptr<View>& view = reading_->items[table.node()];
        if (!view) view = std::make_unique<View>(std::move(table), *reading_);
        return *view;
    }
};

// The instance's table. Reading is a base, before View, since View refers to it.
class Settings final : private Reading, public View {
  public:
    Settings(const ConfigTable& table, const ConfigReading& reading)
        : Reading{ConfigReading(reading.document), {}, {}, false}, View(over(table, *this), *this) {}

    void begin() const override {
        reading_->items.clear();
        reading_->texts.clear();
        reading_->file.problems = ConfigProblems(reading_->file.document->files);
        reading_->out_of_memory = false;
        table_ = over(table_, *reading_);
    }

    std::vector<std::string> problems_by(std::span<const ConfigKey> keys) const override {
        ConfigReading reading(reading_->file.document);
        ConfigTable table(table_.node(), table_.path(), table_.position(), reading);
        check_keys(table, keys);
        return problem_texts(reading.problems.all());
    }

    std::vector<std::string> problems() const override {
        reject_unread();
        for (const auto& [node, view] : reading_->items) view->reject_unread();
        return problems_so_far();
    }
    std::vector<std::string> problems_so_far() const override {
        std::vector<std::string> lines = problem_texts(reading_->file.problems.all());
        if (reading_->out_of_memory)
            lines.push_back(table_.place().text + ": the host ran out of memory while the plugin read it");
        return lines;
    }

  private:
    // The same table, with its problems recorded here.
    static ConfigTable over(const ConfigTable& table, Reading& reading) {
        return ConfigTable(table.node(), table.path(), table.position(), reading.file);
    }
};

} // namespace

std::shared_ptr<const gatehouse_config> make_plugin_settings(const ConfigTable& table, const ConfigReading& reading) {
    return std::make_shared<Settings>(table, reading);
}

bool PluginConfig::operator==(const PluginConfig& other) const {
    return name == other.name && library == other.library && max_connections == other.max_connections &&
           sees_host == other.sees_host && settings->equals(*other.settings);
}

} // namespace gatehouse::host
