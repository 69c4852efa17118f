#include "accept.hpp"
#include "grammar.hpp"

#include <algorithm>

namespace http {

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
