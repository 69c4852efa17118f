// A line of the host's log, which is a JSON object without nesting.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace gatehouse::support {

struct Record {
    std::string line;                                       // as it was written
    std::map<std::string, std::string, std::less<>> fields; // numbers as text; empty if the line is no JSON object

    bool has(std::string_view key) const { return fields.find(key) != fields.end(); }
    // "" if it is absent.
    std::string operator[](std::string_view key) const;
    // 0 if it is absent or no number.
    double number(std::string_view key) const;

    std::string message() const { return (*this)["message"]; }
    std::string level() const { return (*this)["level"]; }
};

Record parse_record(std::string_view line);

} // namespace gatehouse::support
