#include "net/name_map.hpp"

#include "base/ascii.hpp"
#include "base/printable.hpp"
#include "base/text_file.hpp"
#include "net/address.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <optional>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_problems = 10; // then it is most likely no map at all

// The first word of the text, which is taken off it.
std::string_view take_word(std::string_view& text) {
    text = trimmed(text);
    const std::string_view word = text.substr(0, text.find_first_of(ascii_blanks));
    text = trimmed(text.substr(word.size()));
    return word;
}

// "pool=shop": a word of small letters, digits, '-' and '_', and then anything.
bool is_key_and_text(std::string_view value) {
    const std::size_t equals = value.find('=');
    if (equals == 0 || equals + 1 >= value.size()) return false; // npos + 1 is 0
    return equals != value.npos && std::all_of(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
               return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
           });
}

} // namespace

std::string problem_of_map_value(std::string_view value) {
    constexpr std::string_view srv = "srv:";
    constexpr std::string_view expected = R"((expected "host:port", "[IPv6]:port", "unix:/path", "srv:NAME" or "key=text"))";
    const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; };
    if (value.empty()) return "the value is missing " + std::string(expected);
    if (value.size() > NameMap::longest_value)
        return "the value is too long (expected at most " + std::to_string(NameMap::longest_value) + " bytes)";
    if (std::any_of(value.begin(), value.end(), is_blank)) return in_quotes(value) + " is more than one word";
    if (value.find('#') != value.npos) return in_quotes(value) + " has a '#', which begins a comment";
    if (is_key_and_text(value)) return "";
    std::string error;
    if (value.starts_with(srv)) return parse_route_name(value.substr(srv.size()), error) ? "" : error;
    const std::optional<Address> address = parse_address(value, error);
    if (!address) return error;
    const bool is_somewhere =
        address->kind == Address::Kind::unix_socket ||
        (address->kind == Address::Kind::tcp && address->port != 0 && !address->host.empty() && address->host != "*");
    return is_somewhere ? "" : in_quotes(value) + " is no server's address " + std::string(expected);
}

NameMap::NameMap(std::string text, std::vector<std::string>& problems) : text_(std::move(text)) {
    const auto lines = static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n')) + 1;
    const std::size_t most = std::min(lines, most_names);
    entries_.reserve(most);
    places_.resize(std::bit_ceil(most * 2)); // half of them stay free, so that a search ends soon
    const std::size_t before = problems.size();
    for_each_line(text_, [&](std::string_view line, std::size_t number) {
        if (problems.size() - before < most_problems) add(line, static_cast<std::uint32_t>(number), problems);
    });
    entries_.shrink_to_fit();
}

void NameMap::add(std::string_view line, std::uint32_t number, std::vector<std::string>& problems) {
    std::string_view rest = line.substr(0, line.find('#'));
    const std::string_view written = take_word(rest);
    if (written.empty()) return;
    const auto wrong = [&](const std::string& why) { problems.push_back(std::to_string(number) + ": " + why); };
    std::string error;
    const std::optional<std::string> name = parse_route_name(written, error);
    if (!name) return wrong(error);
    if (error = problem_of_map_value(rest); !error.empty()) return wrong(error);
    std::uint32_t& place = places_[place_of(*name)];
    if (place != 0) return wrong(in_quotes(*name) + " stands in line " + std::to_string(entries_[place - 1].line) + " as well");
    if (entries_.size() == most_names) return wrong("too many names (expected at most " + std::to_string(most_names) + ")");
    // The normal form is never longer than what was written.
    const auto at = static_cast<std::size_t>(written.data() - text_.data());
    std::copy(name->begin(), name->end(), text_.begin() + static_cast<std::ptrdiff_t>(at));
    entries_.push_back({std::string_view(text_).substr(at, name->size()), rest, number});
    place = static_cast<std::uint32_t>(entries_.size());
    if (name->starts_with("*.")) longest_wildcard_ = std::max(longest_wildcard_, name->size());
}

// Where the name is, or the free place where it would be.
std::size_t NameMap::place_of(std::string_view name) const noexcept {
    const std::size_t mask = places_.size() - 1;
    std::size_t at = std::hash<std::string_view>()(name) & mask;
    while (places_[at] != 0 && entries_[places_[at] - 1].name != name) at = (at + 1) & mask;
    return at;
}

const NameMap::Entry* NameMap::exact(std::string_view name) const noexcept {
    const std::uint32_t place = places_[place_of(name)];
    return place != 0 ? &entries_[place - 1] : nullptr;
}

const NameMap::Entry* NameMap::find(const ServerName& name) const noexcept {
    if (name.empty()) return nullptr;
    const Entry* found = exact(name.text());
    if (found == nullptr)
        for_each_route_wildcard(name, [&](std::string_view wildcard) {
            if (wildcard.size() <= longest_wildcard_) found = exact(wildcard);
            return found != nullptr;
        });
    return found;
}

} // namespace gatehouse::host
