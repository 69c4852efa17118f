// A line of the host's log as JSON, read again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::host {

class Record {
  public:
    // Nothing if the line is none: what a library or a crash has written among them.
    static std::optional<Record> parse(std::string_view line);

    // The value of a field as text; empty if there is none.
    std::string operator[](std::string_view key) const;
    std::string message() const { return (*this)["message"]; }

  private:
    std::map<std::string, std::string, std::less<>> fields_;
};

} // namespace gatehouse::host
