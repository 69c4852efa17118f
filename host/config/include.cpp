#include "config/include.hpp"

#include "base/printable.hpp"
#include "base/text_file.hpp"
#include "config/table.hpp"
#include "config/toml.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <fnmatch.h>
#include <map>
#include <optional>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view include_key = "include";
constexpr std::string_view list_key = "listeners";
constexpr std::array<std::string_view, 3> group_keys{"plugins", "tls", "maps"}; // each has sections [KEY.NAME]

bool is_pattern(std::string_view name) { return name.find_first_of("*?[") != std::string_view::npos; }

// The files that fit a pattern. The C library's glob() would take a folder of which it may not ask for a name for an empty one.
class Search {
  public:
    Search(const fs::path& folder, const fs::path& pattern) : parts_(pattern.begin(), pattern.end()) {
        if (std::ranges::count_if(parts_, [](const fs::path& part) { return is_pattern(part.native()); }) > 2)
            problem_ = "too many parts of the name are patterns (expected * ? and [ in at most two of them)"; // each multiplies
        else
            go_on(folder, 0);
        if (!problem_.empty()) files_.clear();
        std::ranges::sort(files_);
    }

    // By their names. More than may be included are not looked for.
    const std::vector<fs::path>& files() const noexcept { return files_; }
    // Why there are no files; or "".
    const std::string& problem() const noexcept { return problem_; }

  private:
    // `index`: of the part that is looked for in the folder.
    void go_on(fs::path folder, std::size_t index) {
        if (!problem_.empty() || files_.size() > max_config_files) return;
        for (; index < parts_.size() && !is_pattern(parts_[index].native()); ++index) folder /= parts_[index];
        std::error_code error;
        if (index == parts_.size()) {
            if (fs::exists(fs::symlink_status(folder, error)))
                files_.push_back(std::move(folder));
            else
                take(error, folder.parent_path());
            return;
        }
        const std::string& part = parts_[index].native();
        fs::directory_iterator entry(folder, error);
        for (; !error && entry != fs::directory_iterator(); entry.increment(error))
            if (::fnmatch(part.c_str(), entry->path().filename().c_str(), FNM_PERIOD) == 0)
                go_on(folder / entry->path().filename(), index + 1);
        take(error, folder);
    }

    // What is not there does not fit. What cannot be seen may be there.
    void take(const std::error_code& error, const fs::path& folder) {
        if (!error || error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) return;
        if (problem_.empty())
            problem_ = printable(folder.native()) + ": cannot be read: " + error.message() +
                       " (expected a folder that the user of [process] may read)";
    }

    std::vector<fs::path> parts_;
    std::vector<fs::path> files_;
    std::string problem_;
};

// Joins the document of an included file to that of the others.
class Joining {
  public:
    explicit Joining(ConfigReading& reading) : reading_(reading), root_(*reading.document->root) {}

    void add(toml::table& more) {
        for (auto&& [key, value] : more) {
            toml::node* const there = root_.get(key.str());
            const bool is_group = std::find(group_keys.begin(), group_keys.end(), key.str()) != group_keys.end();
            if (there == nullptr)
                root_.insert(key, std::move(value));
            else if (key == list_key)
                append(*there, value);
            else if (is_group)
                unite(key.str(), *there, value);
            else
                reject_second(key_in_path(key.str()), *there, value);
        }
    }

  private:
    void reject(const toml::node& at, const std::string& key, const std::string& what) {
        reading_.problems.add(position_of(at), key, what);
    }
    void reject_second(const std::string& key, const toml::node& first, const toml::node& second) {
        reject(second, key,
               "is at " + reading_.problems.place(position_of(first)).text +
                   " already (expected it in one of the files, with all that belongs to it)");
    }

    void append(toml::node& there, toml::node& more) {
        toml::array* const list = there.as_array();
        toml::array* const items = more.as_array();
        if (list == nullptr || items == nullptr)
            return reject(
                list == nullptr ? there : more, std::string(list_key),
                "with one bracket it can stand in one file only (expected [[listeners]] sections, with two brackets)");
        for (toml::node& item : *items) list->push_back(std::move(item));
    }

    void unite(std::string_view group, toml::node& there, toml::node& more) {
        toml::table* const sections = there.as_table();
        toml::table* const others = more.as_table();
        if (sections == nullptr || others == nullptr)
            return reject(sections == nullptr ? there : more, std::string(group),
                          "is no table (expected [" + std::string(group) + ".NAME] sections)");
        for (auto&& [name, section] : *others) {
            if (const toml::node* const first = sections->get(name.str()))
                reject_second(std::string(group) + '.' + key_in_path(name.str()), *first, section);
            else
                sections->insert(name, std::move(section));
        }
    }

    ConfigReading& reading_;
    toml::table& root_;
};

class Files {
  public:
    explicit Files(ConfigReading& reading) : reading_(reading), document_(*reading.document) {}

    bool read_first(const fs::path& file) {
        std::string text;
        struct stat status{};
        document_.files.push_back({printable(file.native()), file, file.parent_path()});
        const std::string problem = read_file(file, {max_config_size, "a TOML file"}, text, status);
        if (problem.empty())
            add(std::move(text), {0, identity_of(status)});
        else
            reading_.problems.add({0, 0, 0}, "", problem);
        return document_.root != nullptr && complete_;
    }

    bool read_only(std::string text, const fs::path& file) {
        document_.files.push_back({printable(file.native()), file, file.parent_path()});
        document_.root = parsed(std::move(text), 0);
        if (document_.root == nullptr) return false;
        for (const Name& name : take_names(*document_.root, 0))
            reading_.problems.add(name.at, include_key, "only a file can include others (this is a text in memory)");
        return true;
    }

  private:
    using Identity = std::pair<dev_t, ino_t>;
    struct Open { // a file that is being read, with its number
        std::uint32_t number;
        Identity identity;
    };
    struct Name { // a value of `include`
        std::string text;
        Position at;
        std::optional<OutsideText> outside;
    };

    static Identity identity_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

    // Null: it is no TOML, which is recorded.
    std::shared_ptr<toml::table> parsed(std::string text, std::uint32_t number) {
        try {
            return parse_toml(std::move(text), number);
        } catch (const ConfigSyntaxError& error) {
            reading_.problems.add(error.position, "", error.what());
            complete_ = false;
            return nullptr;
        }
    }

    // Takes the key `include` out of a file's document.
    std::vector<Name> take_names(toml::table& table, std::uint32_t number) {
        std::vector<Name> names;
        ConfigTable reader(&table, "", {1, 1, number}, reading_);
        for (ConfigTable& item :
             reader.one_or_more(include_key, R"(a file's name, or an array of them such as ["sites/*.toml"])")) {
            std::string_view text;
            if (item.is_table()) item.reject("", "wrong type: table (expected a file's name)");
            if (item.is_table() || item.string("", text) != ConfigTable::Found::good) continue;
            Expanded expanded = document_.outside.expand(text);
            if (!expanded.problem.empty()) item.reject("", expanded.problem);
            if (!expanded.problem.empty()) continue;
            names.push_back({expanded.text, item.position(), std::nullopt});
            if (!expanded.literal) names.back().outside = OutsideText{std::move(expanded.text), in_quotes(text), true, ""};
        }
        table.erase(include_key);
        return names;
    }

    // The file that was numbered last: its document, and those of all that it includes.
    void add(std::string text, const Open& file) {
        total_ += text.size();
        read_.emplace(file.identity, file.number);
        const std::shared_ptr<toml::table> table = parsed(std::move(text), file.number);
        if (table == nullptr) return;
        const std::vector<Name> names = take_names(*table, file.number);
        if (file.number == 0)
            document_.root = table;
        else
            Joining(reading_).add(*table);
        way_.push_back(file);
        for (const Name& name : names) include(name);
        way_.pop_back();
    }

    void reject(const Name& name, const std::string& what) {
        complete_ = false;
        reading_.problems.add(name.at, include_key, name.outside ? without_text(what, *name.outside) : what);
    }

    void include(const Name& name) {
        if (name.text.empty() || name.text.find('\0') != std::string::npos)
            return reject(name, "empty (expected a file's name)");
        if (name.text.size() >= PATH_MAX)
            return reject(name, "too long (expected a file's name of at most " + std::to_string(PATH_MAX - 1) + " bytes)");
        const fs::path folder = document_.files[name.at.file].folder; // a copy: the list grows
        if (!is_pattern(name.text)) return include(name, folder / name.text);
        const Search search(folder, name.text);
        if (!search.problem().empty()) reject(name, search.problem());
        for (const fs::path& file : search.files())
            if (!too_many_) include(name, file);
    }

    void include(const Name& name, const fs::path& file) {
        if (document_.files.size() == max_config_files) {
            if (!std::exchange(too_many_, true))
                reject(name, "too many files (expected at most " + std::to_string(max_config_files) +
                                 ", with those that they include)");
            return;
        }
        const std::string shown = printable(file.native());
        std::error_code ignored;
        if (fs::is_directory(file, ignored))
            return reject(name, shown + ": is a directory (expected TOML files, such as those of " +
                                    in_quotes((fs::path(name.text) / "*.toml").native()) + ")");
        if (const std::uintmax_t size = fs::file_size(file, ignored); !ignored && size > max_config_size - total_)
            return reject(name, shown + ": the files are too large (expected at most 64 MiB together)");
        std::string text;
        struct stat status{};
        const std::string problem = read_file(file, {max_config_size - total_, "a TOML file"}, text, status);
        if (!problem.empty()) return reject(name, shown + ": " + problem);
        const Identity identity = identity_of(status);
        const auto same = [&](const Open& open) { return open.identity == identity; };
        if (const auto circle = std::find_if(way_.begin(), way_.end(), same); circle != way_.end()) {
            std::string names;
            for (auto open = circle; open != way_.end(); ++open) names += document_.files[open->number].name + " -> ";
            return reject(name, "includes itself: " + names + shown + " (expected no circle)");
        }
        if (const auto earlier = read_.find(identity); earlier != read_.end())
            return reject(name, shown + " is included already, as " + document_.files[earlier->second].name +
                                    " (expected each file once)");
        if (way_.size() == max_include_depth)
            return reject(name, shown + " is too deep: the " + std::to_string(max_include_depth + 1) +
                                    "th file in a row of files that include each other (expected at most " +
                                    std::to_string(max_include_depth) + ")");
        document_.files.push_back({shown, file, file.parent_path()});
        add(std::move(text), {static_cast<std::uint32_t>(document_.files.size() - 1), identity});
    }

    ConfigReading& reading_;
    ConfigDocument& document_;
    std::vector<Open> way_;                  // from the first file to the one that is being read
    std::map<Identity, std::uint32_t> read_; // all files, and their numbers
    std::size_t total_ = 0;                  // bytes of all files
    bool complete_ = true;                   // what is missing would only lead to more problems
    bool too_many_ = false;
};

void put_variables_in(ConfigReading& reading) {
    if (reading.document->root != nullptr)
        reading.document->outside.put_variables_in(*reading.document->root, "", reading.problems);
}

} // namespace

bool read_files(const fs::path& file, ConfigReading& reading) {
    const bool good = Files(reading).read_first(file);
    put_variables_in(reading);
    return good;
}

bool read_only_text(std::string text, const fs::path& file, ConfigReading& reading) {
    const bool good = Files(reading).read_only(std::move(text), file);
    put_variables_in(reading);
    return good;
}

} // namespace gatehouse::host
