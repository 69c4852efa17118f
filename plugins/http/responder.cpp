#include "responder.hpp"
#include "content_type.hpp"
#include "date.hpp"
#include "target.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace http {

namespace {

std::string_view reason(int status) noexcept {
    switch (status) {
    case 200:
        return "OK";
    case 206:
        return "Partial Content";
    case 301:
        return "Moved Permanently";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 416:
        return "Range Not Satisfiable";
    case 417:
        return "Expectation Failed";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "";
    }
}

constexpr std::string_view allow = "Allow: GET, HEAD\r\n";

// An entity tag that changes whenever the file does: RFC 9110 §8.8.3. By the stamp that is the kernel's alone: the time of
// modification can be set, and is the same for all files and builds where these have to be reproducible.
class EntityTag {
  public:
    EntityTag(const FileFacts& facts, const std::timespec& now) noexcept {
        if (!names_state(facts.changed, now)) return;
        put('"');
        put_hex(facts.inode);
        put('-');
        put_hex(static_cast<std::uint64_t>(facts.changed.tv_sec));
        put('.');
        put_hex(static_cast<std::uint64_t>(facts.changed.tv_nsec));
        put('-');
        put_hex(facts.size);
        put('"');
    }
    std::string_view text() const noexcept { return {text_.data(), static_cast<std::size_t>(end_ - text_.data())}; }

  private:
    void put(char c) noexcept { *end_++ = c; }
    void put_hex(std::uint64_t value) noexcept { end_ = std::to_chars(end_, text_.data() + text_.size(), value, 16).ptr; }

    std::array<char, 4 * 16 + 5> text_;
    char* end_ = text_.data();
};

// The clock of which file systems take their stamps.
std::timespec time_for_stamps() noexcept {
    std::timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now;
}

std::string content_range(const ByteRange& range, std::uint64_t size) {
    return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" + std::to_string(size);
}

} // namespace

struct Responder::Answer {
    const OpenFile& file;
    std::uint64_t size;
    std::string_view type;
    Validators state;
    std::optional<std::int64_t> last_modified; // what the field says
    Framing framing;
};

Responder::Responder(const Site& site, Output& output) noexcept : site_(site), output_(output), now_(time_for_stamps()) {}

void Responder::begin_head(int status) {
    output_.text("HTTP/1.1 ");
    output_.number(static_cast<std::uint64_t>(status));
    output_.text(" ");
    output_.text(reason(status));
    output_.text("\r\n");
    field("Date", HttpDate(now_.tv_sec).text());
}

void Responder::field(std::string_view name, std::string_view value) {
    output_.text(name);
    output_.text(": ");
    output_.text(value);
    output_.text("\r\n");
}

void Responder::length_field(std::uint64_t length) {
    output_.text("Content-Length: ");
    output_.number(length);
    output_.text("\r\n");
}

void Responder::validators(const Answer& answer) {
    if (answer.last_modified) field("Last-Modified", HttpDate(*answer.last_modified).text());
    if (!answer.state.etag.empty()) field("ETag", answer.state.etag);
    field("Accept-Ranges", "bytes");
    if (!site_.cache_control.empty()) field("Cache-Control", site_.cache_control);
}

void Responder::end_head(const Framing& framing) {
    if (!framing.keep_alive)
        output_.text("Connection: close\r\n");
    else if (framing.old_version)
        output_.text("Connection: keep-alive\r\n");
    output_.text("\r\n");
}

void Responder::send_error(int status, std::string_view detail, const Framing& framing, std::string_view more_fields) {
    const std::string body =
        std::to_string(status) + " " + std::string(reason(status)) + "\n" + std::string(detail) + (detail.empty() ? "" : "\n");
    begin_head(status);
    output_.text(more_fields);
    field("Content-Type", "text/plain; charset=utf-8");
    length_field(body.size());
    end_head(framing);
    if (!framing.head_only) output_.text(body);
}

void Responder::refuse(const Problem& problem) {
    const Framing framing{.keep_alive = false, .old_version = false, .head_only = problem.head_only};
    send_error(problem.status, problem.detail, framing, problem.status == 405 ? allow : std::string_view());
}

void Responder::redirect_to_directory(const Path& path, const Framing& framing) {
    std::string location = "Location: " + encode_path(path.relative) + "/";
    location.append(path.query).append("\r\n");
    send_error(301, "", framing, location);
}

void Responder::answer(const Request& request, bool keep_alive) {
    const Framing framing{
        .keep_alive = keep_alive, .old_version = request.version < 11, .head_only = request.method == Method::head};
    if (request.method == Method::other) return send_error(405, "Only GET and HEAD are served.", framing, allow);
    if (request.method == Method::unknown) return send_error(501, "Only GET and HEAD are served.", framing);

    auto path = parse_target(request.target);
    if (!path) return send_error(400, "The request's target is not a path.", framing);
    if (is_hidden(path->relative)) return send_error(404, "", framing);
    std::string name = path->relative;
    if (path->directory) {
        if (!name.empty()) name.push_back('/');
        name.append(site_.index);
    }

    OpenFile file;
    switch (site_.root.open(name, now_, file)) {
    case OpenResult::file:
        break;
    case OpenResult::directory:
        if (path->directory) return send_error(404, "", framing);
        return redirect_to_directory(*path, framing);
    case OpenResult::not_found:
        return send_error(404, "", framing);
    case OpenResult::forbidden:
        return send_error(403, "", framing);
    case OpenResult::busy:
        return send_error(503, "The server is busy.", framing, "Retry-After: 1\r\n");
    case OpenResult::failed:
        return send_error(500, "The file cannot be read.", framing);
    }
    const FileFacts& facts = file.facts;
    const EntityTag etag(facts, now_);
    std::optional<std::int64_t> modified;
    if (second_names_state(facts.modified, now_)) modified = facts.modified.tv_sec;
    // Nobody can have modified a file in the future. RFC 9110 §8.8.2.1 wants the time of the answer in its place, which is
    // another one for each answer and thus no condition.
    const auto last_modified = facts.modified.tv_sec > now_.tv_sec ? now_.tv_sec : modified;
    send(request, {file, facts.size, site_.types.of(name), {etag.text(), modified}, last_modified, framing});
}

void Responder::send(const Request& request, const Answer& answer) {
    switch (evaluate_preconditions(request, answer.state, now_.tv_sec)) {
    case Verdict::proceed:
        break;
    case Verdict::precondition_failed:
        return send_error(412, "", answer.framing);
    case Verdict::not_modified:
        begin_head(304);
        validators(answer);
        return end_head(answer.framing);
    }
    if (request.range && request.method == Method::get && range_applies(request, answer.state, now_.tv_sec)) {
        const RangeRequest ranges = parse_range(*request.range, answer.size);
        if (ranges.kind == RangeRequest::Kind::unsatisfiable) {
            const std::string unsatisfied = "Content-Range: bytes */" + std::to_string(answer.size) + "\r\n";
            return send_error(416, "", answer.framing, unsatisfied);
        }
        if (ranges.kind == RangeRequest::Kind::parts)
            return ranges.ranges.size() == 1 ? send_part(answer, ranges.ranges.front()) : send_parts(answer, ranges.ranges);
    }
    send_whole(answer);
}

void Responder::content(const Answer& answer, std::uint64_t offset, std::uint64_t length) {
    if (answer.file.kept)
        output_.text(std::string_view(answer.file.kept->content).substr(offset, length));
    else
        output_.file(answer.file.file.fd(), offset, length);
}

void Responder::send_whole(const Answer& answer) {
    begin_head(200);
    field("Content-Type", answer.type);
    length_field(answer.size);
    validators(answer);
    end_head(answer.framing);
    if (!answer.framing.head_only) content(answer, 0, answer.size);
}

void Responder::send_part(const Answer& answer, const ByteRange& range) {
    begin_head(206);
    field("Content-Type", answer.type);
    field("Content-Range", content_range(range, answer.size));
    length_field(range.length());
    validators(answer);
    end_head(answer.framing);
    content(answer, range.first, range.length());
}

void Responder::send_parts(const Answer& answer, std::span<const ByteRange> ranges) {
    std::vector<std::string> heads;
    const std::string end = "\r\n--" + site_.boundary + "--\r\n";
    std::uint64_t length = end.size();
    for (const ByteRange& range : ranges) {
        heads.push_back("\r\n--" + site_.boundary + "\r\nContent-Type: " + std::string(answer.type) +
                        "\r\nContent-Range: " + content_range(range, answer.size) + "\r\n\r\n");
        length += heads.back().size() + range.length();
    }
    begin_head(206);
    field("Content-Type", "multipart/byteranges; boundary=" + site_.boundary);
    length_field(length);
    validators(answer);
    end_head(answer.framing);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        output_.text(heads[i]);
        content(answer, ranges[i].first, ranges[i].length());
    }
    output_.text(end);
}

} // namespace http
