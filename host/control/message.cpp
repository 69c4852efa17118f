#include "control/message.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

namespace gatehouse::host {
namespace {

constexpr std::size_t width = sizeof(std::uint32_t);

void append_size(std::string& bytes, std::size_t size) {
    const auto number = static_cast<std::uint32_t>(size);
    bytes.append(reinterpret_cast<const char*>(&number), width);
}

std::size_t size_at(std::string_view bytes) {
    std::uint32_t number = 0;
    std::memcpy(&number, bytes.data(), width);
    return number;
}

} // namespace

std::string encode_message(const std::vector<std::string>& texts) {
    std::size_t size = 0;
    for (const std::string& text : texts) size += width + text.size();
    std::string bytes;
    bytes.reserve(width + size);
    append_size(bytes, size);
    for (const std::string& text : texts) {
        append_size(bytes, text.size());
        bytes += text;
    }
    return bytes;
}

Decoded decode_message(std::string_view bytes, std::size_t most, std::vector<std::string>& texts) {
    texts.clear();
    if (bytes.size() < width) return Decoded::more;
    const std::size_t size = size_at(bytes);
    if (size > most) return Decoded::bad;
    if (bytes.size() - width < size) return Decoded::more;
    for (std::string_view rest = bytes.substr(width, size); !rest.empty();) {
        if (rest.size() < width || size_at(rest) > rest.size() - width) return Decoded::bad;
        texts.emplace_back(rest.substr(width, size_at(rest)));
        rest.remove_prefix(width + texts.back().size());
    }
    return Decoded::whole;
}

std::size_t message_size(std::string_view bytes) { return width + size_at(bytes); }

std::vector<std::string> texts_of(const CellTable& table) {
    std::vector<std::string> texts{std::string(answer_table), std::to_string(table.columns.size())};
    for (const Column& column : table.columns) {
        texts.push_back(static_cast<char>(column.type) + column.name);
        texts.push_back(column.unit);
    }
    for (const Cell& cell : table.cells)
        texts.push_back(static_cast<char>(cell.type) + (cell.is_text() ? cell.text : std::to_string(cell.number)));
    return texts;
}

bool read_table(const std::vector<std::string>& texts, CellTable& table) {
    constexpr std::string_view types = "-twnbsd";
    if (texts.size() < 2 || texts[0] != answer_table) return false;
    const std::size_t columns = std::strtoul(texts[1].c_str(), nullptr, 10);
    const std::span rest = std::span(texts).subspan(2);
    if (columns > rest.size() / 2 || (columns == 0 ? !rest.empty() : rest.size() % columns != 0)) return false;
    table = {};
    for (std::size_t i = 0; i < 2 * columns; i += 2) {
        const std::string& name = rest[i];
        if (name.empty() || types.substr(1).find(name[0]) == std::string_view::npos) return false;
        table.columns.emplace_back(name.substr(1), static_cast<Cell::Type>(name[0]), rest[i + 1]);
    }
    for (const std::string& text : rest.subspan(2 * columns)) {
        if (text.empty() || types.find(text[0]) == std::string_view::npos) return false;
        Cell& cell = table.cells.emplace_back();
        cell.type = static_cast<Cell::Type>(text[0]);
        if (cell.is_text())
            cell.text = text.substr(1);
        else
            cell.number = std::strtoll(text.c_str() + 1, nullptr, 10);
    }
    return true;
}

} // namespace gatehouse::host
