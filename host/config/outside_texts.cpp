#include "config/outside_texts.hpp"

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "base/text_file.hpp"
#include "config/document.hpp"
#include "config/key.hpp"
#include "config/toml.hpp"

#include <charconv>
#include <optional>
#include <vector>

namespace gatehouse::host {
namespace {

// So many characters of a text in a row give it away. What is expected is mostly a list of words, and one of them may be near.
constexpr std::size_t run_of_message = 6;
constexpr std::size_t run_of_expected = 8;

constexpr const char* too_large = "the texts from variables and files are too large (expected at most 64 MiB together)";

std::string path_of_keys(std::string_view start, const std::vector<std::string_view>& keys) {
    std::string path(start);
    for (const std::string_view key : keys) path += (path.empty() ? "" : ".") + key_in_path(key);
    return path;
}

// Calls visit(string, keys) for each string of the tree, which is as deep as documents may be.
template <class Visit>
void for_each_text(toml::node& node, std::vector<std::string_view>& keys, const Visit& visit) {
    if (toml::table* const table = node.as_table()) {
        for (auto&& [key, value] : *table) {
            keys.push_back(key.str());
            for_each_text(value, keys, visit);
            keys.pop_back();
        }
    } else if (toml::array* const array = node.as_array()) {
        for (toml::node& item : *array) for_each_text(item, keys, visit);
    } else if (auto* const text = node.as_string()) {
        visit(*text, keys);
    }
}

bool is_word_character(char c) { return is_letter(c) || is_digit(c) || c == '_'; }

// Replaces each `from` that is not a part of a longer word. Whether there was one.
bool replace_words(std::string& text, std::string_view from, std::string_view to) {
    bool found = false;
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
        const std::size_t end = at + from.size();
        const bool longer = (at > 0 && is_word_character(text[at - 1]) && is_word_character(from.front())) ||
                            (end < text.size() && is_word_character(text[end]) && is_word_character(from.back()));
        if (longer) {
            at = end;
            continue;
        }
        text.replace(at, from.size(), to);
        at += to.size();
        found = true;
    }
    return found;
}

bool gives_away(std::string_view message, std::string_view text, std::size_t run) {
    for (std::size_t at = 0; at + run <= message.size(); ++at)
        if (text.find(message.substr(at, run)) != std::string_view::npos) return true;
    return false;
}

// Whether something in quotes is a part of the text.
bool quotes_part(std::string_view message, std::string_view text) {
    for (std::size_t open = message.find('"'); open != std::string_view::npos;) {
        const std::size_t close = message.find('"', open + 1);
        if (close == std::string_view::npos) return false;
        if (close > open + 1 && text.find(message.substr(open + 1, close - open - 1)) != std::string_view::npos) return true;
        open = message.find('"', close + 1);
    }
    return false;
}

} // namespace

Expanded OutsideTexts::expand(std::string_view text) {
    const MutexLock lock(mutex_);
    if (bytes_ > max_config_size) return {"", too_large, false};
    Expanded expanded = expand_variables(text);
    if (!expanded.literal) bytes_ += expanded.text.size();
    if (bytes_ > max_config_size) return {"", too_large, false};
    return expanded;
}

void OutsideTexts::put_variables_in(toml::node& value, std::string_view key, ConfigProblems& problems) {
    std::vector<std::string_view> keys;
    for_each_text(value, keys, [&](toml::value<std::string>& string, const std::vector<std::string_view>& inner) {
        std::string& text = string.get();
        if (text.find("${") == std::string::npos) return;
        Expanded expanded = expand(text);
        const bool good = expanded.problem.empty();
        if (!good) problems.add(position_of(string), path_of_keys(key, inner), expanded.problem);
        if (good && expanded.literal) { // nothing of it comes from outside
            text = std::move(expanded.text);
            return;
        }
        by_variables_[&string] = {good ? expanded.text : "", in_quotes(text), good, ""};
        if (good) text = std::move(expanded.text);
    });
}

const OutsideText& OutsideTexts::of_file(const toml::node& node, const std::filesystem::path& folder) {
    const MutexLock lock(mutex_);
    if (const auto known = by_files_.find(&node); known != by_files_.end()) return known->second;
    return by_files_.emplace(&node, read(node, folder)).first->second; // complete, or memory has run out and it is not there
}

OutsideText OutsideTexts::read(const toml::node& node, const std::filesystem::path& folder) {
    const toml::node& named = *node.as_table()->get("file");
    const std::string& path = named.as_string()->get();
    const auto name = by_variables_.find(&named);
    const bool varies = name != by_variables_.end();
    OutsideText result{"", "the text of " + (varies ? name->second.shown : in_quotes(path)), false, ""};
    if (varies && !name->second.good) return result;
    std::optional<std::string> text;
    if (path.empty() || path.find('\0') != std::string::npos)
        result.problem = "the name of the file is empty";
    else if (bytes_ <= max_config_size)
        text = read_text_file(folder / path, {max_outside_text, "a text file"}, result.problem);
    if (text) bytes_ += text->size();
    if (bytes_ > max_config_size) result.problem = too_large;
    if (varies) result.problem = without_text(result.problem, name->second);
    if (!result.problem.empty()) return result;
    if (text->ends_with('\n')) text->pop_back();
    result.text = std::move(*text);
    result.good = true;
    return result;
}

const OutsideText& OutsideTexts::read_file(const toml::node& node, const std::filesystem::path& folder) {
    const OutsideText& result = of_file(node, folder);
    const MutexLock lock(mutex_);
    read_.insert(&node);
    return result;
}

bool OutsideTexts::is_read(const toml::node& node) const {
    const MutexLock lock(mutex_);
    return read_.contains(&node);
}

const OutsideText* OutsideTexts::find(const toml::node& node) const {
    if (const auto found = by_variables_.find(&node); found != by_variables_.end()) return &found->second;
    if (!names_text_file(node)) return nullptr;
    const MutexLock lock(mutex_);
    return read_.contains(&node) ? &by_files_.at(&node) : nullptr;
}

const OutsideText* OutsideTexts::find(Position position) const {
    for (const auto& [node, text] : by_variables_)
        if (position_of(*node) == position) return &text;
    const MutexLock lock(mutex_);
    for (const toml::node* const node : read_)
        if (position_of(*node) == position) return &by_files_.at(node);
    return nullptr;
}

bool names_text_file(const toml::node& node) noexcept {
    const toml::table* const table = node.as_table();
    if (table == nullptr || table->size() != 1) return false;
    const toml::node* const file = table->get("file");
    return file != nullptr && file->is_string();
}

std::string without_text(std::string_view what, const OutsideText& of) {
    const std::string& text = of.text;
    if (text.empty()) return std::string(what);
    ProblemParts parts = parts_of_problem(what);
    const bool quoted = replace_words(parts.message, in_quotes(text), of.shown);
    if (!quoted || text.size() >= run_of_message) replace_words(parts.message, text, of.shown);
    std::string rest = parts.message; // what is shown may look like the text, and is in the file
    replace_words(rest, of.shown, "");
    if (gives_away(rest, text, run_of_message) || quotes_part(rest, text)) parts.message = of.shown + " is wrong here";
    for (std::string* part : {&parts.expected, &parts.suggestion})
        if (gives_away(*part, text, run_of_expected)) part->clear();
    return parts.whole();
}

Position position_of(const toml::source_region& region) noexcept {
    std::uint32_t file = 0;
    if (region.path) std::from_chars(region.path->data(), region.path->data() + region.path->size(), file);
    return {region.begin.line, region.begin.column, file};
}

Position position_of(const toml::node& value) noexcept { return position_of(value.source()); }

} // namespace gatehouse::host
