#include "trial/record.hpp"

#include <charconv>

namespace gatehouse::host {
namespace {

bool skip(std::string_view& text, char expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(1);
    return true;
}

// A JSON string whose opening quote has been read. Of \u the log writes \u00NN only.
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
            if (c == 'n') c = '\n';
            if (c == 't') c = '\t';
            if (c == 'u') {
                unsigned code = 0;
                if (text.size() < 4) return std::nullopt;
                std::from_chars(text.data(), text.data() + 4, code, 16);
                text.remove_prefix(4);
                c = static_cast<char>(code);
            }
        }
        value += c;
    }
    return std::nullopt;
}

} // namespace

std::optional<Record> Record::parse(std::string_view line) {
    Record record;
    if (!skip(line, '{')) return std::nullopt;
    do {
        if (!skip(line, '"')) return std::nullopt;
        const std::optional<std::string> key = rest_of_string(line);
        if (!key || !skip(line, ':')) return std::nullopt;
        if (skip(line, '"')) {
            std::optional<std::string> value = rest_of_string(line);
            if (!value) return std::nullopt;
            record.fields_.insert_or_assign(*key, std::move(*value));
        } else {
            const std::size_t size = line.find_first_of(",}");
            if (size == std::string_view::npos) return std::nullopt;
            record.fields_.insert_or_assign(*key, std::string(line.substr(0, size)));
            line.remove_prefix(size);
        }
    } while (skip(line, ','));
    if (line != "}") return std::nullopt;
    return record;
}

std::string Record::operator[](std::string_view key) const {
    const auto found = fields_.find(key);
    return found == fields_.end() ? "" : found->second;
}

} // namespace gatehouse::host
