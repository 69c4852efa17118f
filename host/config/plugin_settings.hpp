// The `config` table of a plugin instance, as the plugin sees it through gatehouse_host's config_ functions: typed accessors
// that remember which keys were read and what was wrong, with file, line and column.
//
// One object is shared by all that name the same section, and is read by one create() at a time. [main]
#pragma once

#include "config/settings.hpp"

#include <gatehouse/gatehouse.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {
struct ConfigKey;
struct TlsClientConfig;
} // namespace gatehouse::host

// Opaque to plugins. The functions are those of gatehouse_host with the same name; see gatehouse.h for their contract.
struct gatehouse_config {
    virtual ~gatehouse_config() = default;

    virtual gatehouse_status string(std::string_view key, bool required, gatehouse_str& value) const noexcept = 0;
    virtual gatehouse_status integer(std::string_view key, std::int64_t minimum, std::int64_t maximum,
                                     std::int64_t& value) const noexcept = 0;
    virtual gatehouse_status boolean(std::string_view key, std::int32_t& value) const noexcept = 0;
    virtual gatehouse_status duration(std::string_view key, std::uint64_t& milliseconds) const noexcept = 0;
    virtual gatehouse_status size(std::string_view key, std::uint64_t& bytes) const noexcept = 0;
    virtual gatehouse_status count(std::string_view key, std::size_t& items) const noexcept = 0;
    virtual gatehouse_status item(std::string_view key, std::size_t index, const gatehouse_config*& item) const noexcept = 0;
    virtual gatehouse_status table(std::string_view key, const gatehouse_config*& table) const noexcept = 0;
    // What the table `key` says of TLS to servers, or `true` without one; nothing for `false` and if it is absent. `table`:
    // where problems of its keys are to be recorded; null: there is none. `has_names`: the plugin knows a name for every
    // server.
    virtual gatehouse_status tls_client(std::string_view key, bool has_names,
                                        std::optional<gatehouse::host::TlsClientConfig>& client,
                                        const gatehouse_config*& table) const noexcept = 0;
    // Of gatehouse_tls_v1; empty if the key is absent. GATEHOUSE_INVALID: there is no such section.
    virtual gatehouse_status tls_server(std::string_view key, std::string& name) const noexcept = 0;
    // Of gatehouse_text_file_v1.
    virtual gatehouse_status text_file(std::string_view key, gatehouse_str& text) const noexcept = 0;
    virtual void reject(std::string_view key, std::string_view why) const noexcept = 0;

    // The host's part, for the table of the instance and not for what item() and table() hand out.
    // Forgets what was read and recorded, for another create(). Also frees the tables and texts that were handed out.
    virtual void begin() const = 0;
    // What is wrong with it by the keys that the plugin's library has, each with its place as below.
    virtual std::vector<std::string> problems_by(std::span<const gatehouse::host::ConfigKey> keys) const = 0;
    // What has gone wrong since begin(): values of the wrong type, rejected ones, and keys that the plugin has not read. Each
    // with its "FILE:LINE:COLUMN: ", in the order of the file.
    virtual std::vector<std::string> problems() const = 0;
    // The same without the keys: whoever gives up in the middle has not read them all.
    virtual std::vector<std::string> problems_so_far() const = 0;

    // Whether both tables have the same keys and values; their places in the files do not count. Tables from files of different
    // folders differ, since their relative paths do.
    virtual bool equals(const gatehouse_config& other) const noexcept = 0;

    // What it says, value by value; and the folder that relative paths start at.
    virtual std::vector<gatehouse::host::Setting> settings(const gatehouse::host::IsText& is_text) const = 0;
    virtual const std::filesystem::path& folder() const noexcept = 0;
    // Whether one of its settings and one of the other table's say the same, as equals() has it.
    virtual bool same(const gatehouse::host::Setting& ours, const gatehouse_config& other,
                      const gatehouse::host::Setting& theirs) const = 0;
};

namespace gatehouse::host {

class ConfigTable;
struct ConfigReading;

// The settings that `table`, a part of what `reading` reads, holds. Keeps the document; its problems are its own.
std::shared_ptr<const gatehouse_config> make_plugin_settings(const ConfigTable& table, const ConfigReading& reading);

} // namespace gatehouse::host
