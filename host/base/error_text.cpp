#include "base/error_text.hpp"

#include <new>
#include <utility>

namespace gatehouse::host {

void ErrorText::set(std::string_view text) noexcept {
    constexpr std::size_t most = 512;
    try {
        text_ = text.empty() ? nullptr : std::make_unique<std::string>(text.substr(0, most));
    } catch (const std::bad_alloc&) {
        text_.reset();
    }
}

std::string ErrorText::take() {
    const std::unique_ptr<std::string> text = std::exchange(text_, nullptr);
    return text ? std::move(*text) : std::string();
}

} // namespace gatehouse::host
