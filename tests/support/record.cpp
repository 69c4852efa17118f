#include "record.hpp"

#include <cstdlib>
#include <optional>

namespace gatehouse::support {
namespace {

// Reads a JSON string whose opening quote has been read; \u00NN is the only \u the host writes.
std::optional<std::string> rest_of_string(std::string_view& text) {
    std::string value;
    while (!text.empty()) {
        char c = text.front();
        text.remove_prefix(1);
        if (c == '"') return value;
        if (c == '\\') {
            if (text.empty()) return std::nullopt;
            c = text.front();
            text.remove_prefix(1);
            if (c == 'u') {
                if (text.size() < 4) return std::nullopt;
                c = static_cast<char>(std::strtol(std::string(text.substr(0, 4)).c_str(), nullptr, 16));
                text.remove_prefix(4);
            }
        }
        value += c;
    }
    return std::nullopt;
}

bool skip(std::string_view& text, char expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(1);
    return true;
}

} // namespace

std::string Record::operator[](std::string_view key) const {
    const auto found = fields.find(key);
    return found == fields.end() ? "" : found->second;
}

double Record::number(std::string_view key) const { return std::strtod((*this)[key].c_str(), nullptr); }

Record parse_record(std::string_view line) {
    Record record{std::string(line), {}};
    Record not_json = record;
    if (!skip(line, '{')) return not_json;
    do {
        if (!skip(line, '"')) return not_json;
        const auto key = rest_of_string(line);
        if (!key || !skip(line, ':')) return not_json;
        if (skip(line, '"')) {
            const auto value = rest_of_string(line);
            if (!value) return not_json;
            record.fields[*key] = *value;
        } else {
            const std::size_t size = line.find_first_of(",}");
            if (size == std::string_view::npos) return not_json;
            record.fields[*key] = line.substr(0, size);
            line.remove_prefix(size);
        }
    } while (skip(line, ','));
    return line == "}" ? record : not_json;
}

} // namespace gatehouse::support
