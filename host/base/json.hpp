// A JSON document that is built piece by piece.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::host {

class Json {
  public:
    static Json text(std::string_view text); // a string
    static Json raw(std::string json);       // what is JSON already: 3, true, null
    static Json object() { return Json('{'); }
    static Json array() { return Json('['); }
    static Json texts(const std::vector<std::string>& list);

    Json& set(std::string_view key, Json value); // of an object; keys stay in this order
    Json& add(Json value);                       // to an array

    // Indented for people, with an end of line.
    std::string pretty() const { return lines("") + '\n'; }
    // On one line, without its end.
    std::string line() const;

  private:
    explicit Json(char opens) : opens_(opens) {}
    std::string lines(const std::string& indent) const;

    char opens_ = 0;   // '{' or '['; 0: a value
    std::string json_; // of a value
    std::vector<std::pair<std::string, Json>> members_;
};

} // namespace gatehouse::host
