#include "answer.hpp"

#include "../http/date.hpp"
#include "../http/reason.hpp"

#include <array>
#include <charconv>
#include <ctime>

namespace admin {
// Nothing of this is to be kept, or taken for what it is not, by whoever it passes.
void Answer::head(int status, std::string_view type) {
    output_.text("HTTP/1.1 ");
    output_.number(static_cast<std::uint64_t>(status));
    output_.text(" ");
    output_.text(http::reason(status));
    output_.text("\r\nDate: ");
    output_.text(http::HttpDate(std::time(nullptr)).text());
    output_.text("\r\nContent-Type: ");
    output_.text(type);
    output_.text("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    if (!keep_alive_)
        output_.text("Connection: close\r\n");
    else if (version_ == 10)
        output_.text("Connection: keep-alive\r\n");
}

void Answer::whole(int status, std::string_view type, std::string_view content, std::string_view more) {
    head(status, type);
    output_.text(more);
    output_.text("Content-Length: ");
    output_.number(content.size());
    output_.text("\r\n\r\n");
    if (!head_only_) output_.text(content);
}

void Answer::begin(std::string_view type) {
    chunked_ = version_ > 10;
    keep_alive_ = keep_alive_ && chunked_;
    head(200, type);
    output_.text(chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
}

gatehouse::Status Answer::piece(std::string_view text) {
    if (head_only_ || text.empty()) return output_.status();
    std::array<char, 16> size{};
    const char* const end = std::to_chars(size.data(), size.data() + size.size(), text.size(), 16).ptr;
    if (chunked_) {
        output_.text({size.data(), static_cast<std::size_t>(end - size.data())});
        output_.text("\r\n");
    }
    output_.text(text);
    if (chunked_) output_.text("\r\n");
    return output_.status();
}

void Answer::end() {
    if (chunked_ && !head_only_) output_.text("0\r\n\r\n");
}

} // namespace admin
