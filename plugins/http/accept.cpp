#include "accept.hpp"
#include "grammar.hpp"

#include <algorithm>

namespace http {

namespace {

// weight = OWS ";" OWS "q=" qvalue, of which this is the qvalue: "0" [ "." 0*3DIGIT ] / "1" [ "." 0*3("0") ]
std::optional<int> parse_qvalue(std::string_view text) noexcept {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
    if (text.size() > 1 && text[1] != '.') return std::nullopt;
    const std::string_view decimals = text.substr(std::min<std::size_t>(text.size(), 2));
    if (!is_digits(decimals)) return std::nullopt;
    int value = text[0] == '1' ? 1000 : 0;
    int place = 100;
    for (const char digit : decimals) {
        value += (digit - '0') * place;
        place /= 10;
    }
    return value <= 1000 ? std::optional(value) : std::nullopt;
}

} // namespace

std::optional<int> weight_of(std::string_view list, std::string_view name) noexcept {
    while (const auto member = next_member(list)) {
        std::string_view rest = *member;
        const std::size_t end = std::min(rest.find(';'), rest.size());
        if (!equals_ignoring_case(trim(rest.substr(0, end)), name)) continue;
        rest.remove_prefix(end);
        if (rest.empty()) return 1000;
        rest = trim(rest.substr(1));
        if (rest.size() < 2 || lower(rest[0]) != 'q' || rest[1] != '=') return std::nullopt;
        return parse_qvalue(rest.substr(2));
    }
    return std::nullopt;
}

std::vector<Coding> preferred_codings(std::string_view accept_encoding) {
    const std::optional<int> other = weight_of(accept_encoding, "*");
    const int plain = weight_of(accept_encoding, "identity").value_or(1);
    const auto weight = [&](Coding coding) { return weight_of(accept_encoding, name_of(coding)).value_or(other.value_or(0)); };
    std::vector<Coding> codings;
    for (const Coding coding : all_codings)
        if (const int wish = weight(coding); wish > 0 && wish >= plain) codings.push_back(coding);
    std::ranges::stable_sort(codings, [&](Coding a, Coding b) { return weight(a) > weight(b); });
    return codings;
}

bool prefers_json(std::string_view accept) noexcept {
    return weight_of(accept, "application/json").value_or(0) > weight_of(accept, "text/html").value_or(0);
}

} // namespace http
