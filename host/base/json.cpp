#include "base/json.hpp"

#include "base/log_line.hpp"

namespace gatehouse::host {

Json Json::text(std::string_view text) { return raw('"' + escape_json(text) + '"'); }

Json Json::raw(std::string json) {
    Json value(0);
    value.json_ = std::move(json);
    return value;
}

Json Json::texts(const std::vector<std::string>& list) {
    Json all = array();
    for (const std::string& one : list) all.add(text(one));
    return all;
}

Json& Json::set(std::string_view key, Json value) {
    members_.emplace_back(key, std::move(value));
    return *this;
}

Json& Json::add(Json value) {
    members_.emplace_back("", std::move(value));
    return *this;
}

std::string Json::line() const {
    if (opens_ == 0) return json_;
    std::string all(1, opens_);
    for (const auto& [key, value] : members_) {
        if (all.size() > 1) all += ", ";
        if (opens_ == '{') all += '"' + escape_json(key) + "\": ";
        all += value.line();
    }
    return all + (opens_ == '{' ? '}' : ']');
}

std::string Json::lines(const std::string& indent) const {
    if (opens_ == 0) return json_;
    const char* const closes = opens_ == '{' ? "}" : "]";
    if (members_.empty()) return opens_ + std::string(closes);
    std::string all(1, opens_);
    for (const auto& [key, value] : members_) {
        if (all.size() > 1) all += ',';
        all += '\n' + indent + "  ";
        if (opens_ == '{') all += '"' + escape_json(key) + "\": ";
        all += value.lines(indent + "  ");
    }
    return all + '\n' + indent + closes;
}

} // namespace gatehouse::host
