#include "responder.hpp"
#include "accept.hpp"
#include "date.hpp"
#include "reason.hpp"
#include "target.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace http {

namespace {

constexpr std::string_view allow = "Allow: GET, HEAD\r\n";

// An entity tag that changes whenever the file does: RFC 9110 §8.8.3. By the stamp that is the kernel's alone: the time of
// modification can be set, and is the same for all files and builds where these have to be reproducible. It is weak for a file
// that the plugin compresses: another version of the library may make other bytes of it.
class EntityTag {
  public:
    EntityTag(const FileFacts& facts, const std::timespec& now, Coding made) noexcept {
        if (!names_state(facts.changed, now)) return;
        if (made != Coding::plain) put("W/");
        put('"');
        put_hex(facts.inode);
        put('-');
        put_hex(static_cast<std::uint64_t>(facts.changed.tv_sec));
        put('.');
        put_hex(static_cast<std::uint64_t>(facts.changed.tv_nsec));
        put('-');
        put_hex(facts.size);
        put(suffix_of(made));
        put('"');
    }
    std::string_view text() const noexcept { return {text_.data(), static_cast<std::size_t>(end_ - text_.data())}; }

  private:
    void put(char c) noexcept { *end_++ = c; }
    void put(std::string_view text) noexcept { end_ = std::ranges::copy(text, end_).out; }
    void put_hex(std::uint64_t value) noexcept { end_ = std::to_chars(end_, text_.data() + text_.size(), value, 16).ptr; }

    std::array<char, 4 * 16 + 5 + 2 + 4> text_;
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

struct Responder::Chosen {
    std::string_view type;
    OpenFile file;
    Coding coding = Coding::plain;
    bool made = false;   // the plugin has compressed it
    bool varies = false; // by the Accept-Encoding field
    std::uint64_t size() const noexcept { return made ? file.kept->content.size() : file.facts.size; }
};

struct Responder::Answer {
    const Chosen& chosen;
    std::string_view name; // of the file that is not compressed
    Validators state;
    std::optional<std::int64_t> last_modified; // what the field says
    Framing framing;
};

Responder::Responder(const Serving& serving, Output& output) noexcept
    : serving_(serving), output_(output), now_(time_for_stamps()) {}

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

// What an answer says of the file beside its content: RFC 9110 §15.4.5 wants all of it in a 304, too.
void Responder::metadata(const Answer& answer) {
    if (answer.last_modified) field("Last-Modified", HttpDate(*answer.last_modified).text());
    if (!answer.state.etag.empty()) field("ETag", answer.state.etag);
    if (!answer.chosen.made) field("Accept-Ranges", "bytes");
    if (answer.chosen.varies) field("Vary", "Accept-Encoding");
    cache_fields(answer.name);
}

void Responder::cache_fields(std::string_view name) {
    const CacheRule* rule = nullptr;
    if (!site_->cache.empty()) {
        const std::string path = '/' + std::string(name);
        const auto found =
            std::ranges::find_if(site_->cache, [&](const CacheRule& other) { return other.path.match(path).has_value(); });
        if (found != site_->cache.end()) rule = &*found;
    }
    const std::string& cache_control = rule != nullptr ? rule->cache_control : serving_.cache_control;
    if (!cache_control.empty()) field("Cache-Control", cache_control);
    if (rule != nullptr && rule->expires.count() > 0) field("Expires", HttpDate(now_.tv_sec + rule->expires.count()).text());
}

void Responder::end_head(const Framing& framing) {
    if (!framing.keep_alive)
        output_.text("Connection: close\r\n");
    else if (framing.old_version)
        output_.text("Connection: keep-alive\r\n");
    output_.text("\r\n");
}

void Responder::send_error(int status, std::string_view detail, const Framing& framing, std::string_view more_fields) {
    if (send_error_page(status, framing, more_fields)) return;
    const std::string body =
        std::to_string(status) + " " + std::string(reason(status)) + "\n" + std::string(detail) + (detail.empty() ? "" : "\n");
    send_text(status, "text/plain; charset=utf-8", body, framing, more_fields);
}

// False: the site has none, or its file cannot be read.
bool Responder::send_error_page(int status, const Framing& framing, std::string_view more_fields) {
    if (site_ == nullptr || !site_->root) return false;
    const auto page = site_->error_pages.find(status);
    Chosen chosen;
    if (page == site_->error_pages.end() || site_->root->open(page->second, now_, chosen.file) != OpenResult::file)
        return false;
    begin_head(status);
    output_.text(more_fields);
    field("Content-Type", serving_.types.of(page->second));
    length_field(chosen.size());
    end_head(framing);
    if (!framing.head_only) content(chosen, 0, chosen.size());
    return true;
}

void Responder::send_text(int status, std::string_view type, std::string_view text, const Framing& framing,
                          std::string_view more_fields) {
    begin_head(status);
    output_.text(more_fields);
    field("Content-Type", type);
    length_field(text.size());
    end_head(framing);
    if (!framing.head_only) output_.body(text);
}

void Responder::refuse(const Problem& problem) {
    site_ = nullptr; // it is not known beyond doubt
    const Framing framing{.keep_alive = false, .old_version = false, .head_only = problem.head_only};
    send_error(problem.status, problem.detail, framing, problem.status == 405 ? allow : std::string_view());
}

void Responder::redirect(std::string_view location, int status, const Framing& framing) {
    send_error(status, "", framing, std::string("Location: ").append(location).append("\r\n"));
}

void Responder::redirect_to_directory(const Path& path, const Framing& framing) {
    redirect((encode_path(path.relative) + "/").append(path.query), 301, framing);
}

// False: there is no such folder.
bool Responder::send_listing(const Request& request, const Path& path, const Framing& framing) {
    Listing listing;
    const OpenResult result = site_->root->list(path.relative, Listing::most, listing);
    if (result == OpenResult::not_found) return false;
    if (result != OpenResult::directory) {
        send_failure(result, framing);
        return true;
    }
    const bool json = prefers_json(request.field("Accept"));
    send_text(200, json ? "application/json" : "text/html; charset=utf-8",
              json ? listing_json(listing) : listing_page(path.relative, listing), framing, "Vary: Accept\r\n");
    return true;
}

void Responder::send_failure(OpenResult result, const Framing& framing) {
    switch (result) {
    case OpenResult::forbidden:
        return send_error(403, "", framing);
    case OpenResult::busy:
        return send_error(503, "The server is busy.", framing, "Retry-After: 1\r\n");
    case OpenResult::failed:
        return send_error(500, "The file cannot be read.", framing);
    default:
        return send_error(404, "", framing);
    }
}

void Responder::answer(const Request& request, const Site* site, Access access, bool keep_alive) {
    site_ = site;
    const Framing framing{
        .keep_alive = keep_alive, .old_version = request.version < 11, .head_only = request.method == Method::head};
    if (site == nullptr) return send_error(421, "This server has no site of that name.", framing);
    if (access == Access::busy) return send_error(503, "Too many passwords are to be checked.", framing, "Retry-After: 1\r\n");
    if (access == Access::denied) return send_error(401, "", framing, "WWW-Authenticate: " + site->login->challenge() + "\r\n");
    if (request.method == Method::other) return send_error(405, "Only GET and HEAD are served.", framing, allow);
    if (request.method == Method::unknown) return send_error(501, "Only GET and HEAD are served.", framing);
    serve(request, framing);
}

void Responder::serve(const Request& request, const Framing& framing) {
    const auto path = parse_target(request.target);
    if (!path) return send_error(400, "The request's target is not a path.", framing);
    if (is_hidden(path->relative)) return send_error(404, "", framing);
    if (!site_->redirects.empty())
        if (const auto elsewhere = site_->elsewhere(path->whole(), path->query))
            return redirect(elsewhere->location, elsewhere->status, framing);
    if (!site_->root) return send_error(404, "", framing);
    std::string name = path->relative;
    if (path->directory) {
        if (!name.empty()) name.push_back('/');
        name.append(site_->index);
    }

    Chosen chosen;
    OpenResult result = choose(request, name, chosen);
    if (result == OpenResult::directory && !path->directory) return redirect_to_directory(*path, framing);
    const bool missing = result == OpenResult::directory || result == OpenResult::not_found;
    if (missing && path->directory && site_->lists_folders && send_listing(request, *path, framing)) return;
    if (missing && !site_->fallback.empty()) {
        name = site_->fallback;
        result = choose(request, name, chosen);
    }
    if (result != OpenResult::file) return send_failure(result, framing);
    const FileFacts& facts = chosen.file.facts;
    const EntityTag etag(facts, now_, chosen.made ? chosen.coding : Coding::plain);
    std::optional<std::int64_t> modified;
    if (second_names_state(facts.modified, now_)) modified = facts.modified.tv_sec;
    // Nobody can have modified a file in the future. RFC 9110 §8.8.2.1 wants the time of the answer in its place, which is
    // another one for each answer and thus no condition.
    const auto last_modified = facts.modified.tv_sec > now_.tv_sec ? now_.tv_sec : modified;
    send(request, {chosen, name, {etag.text(), modified}, last_modified, framing});
}

// A compressed file is taken only if there is the plain one as well: "backup.gz" does not stand for a folder "backup".
OpenResult Responder::choose(const Request& request, const std::string& name, Chosen& chosen) const {
    const DocumentRoot& root = *site_->root;
    chosen.type = serving_.types.of(name);
    chosen.varies = serving_.precompressed;
    std::vector<Coding> codings;
    if (serving_.precompressed || serving_.compressed) codings = preferred_codings(request.field("Accept-Encoding"));
    if (serving_.precompressed && !codings.empty() && root.has_file(name)) {
        for (const Coding coding : codings) {
            if (root.open_if_there(name + std::string(suffix_of(coding)), now_, chosen.file) != OpenResult::file) continue;
            chosen.coding = coding;
            return OpenResult::file;
        }
    }
    const OpenResult result = root.open(name, now_, chosen.file);
    if (result != OpenResult::file || !serving_.compressed) return result;
    if (!serving_.compressed->takes(chosen.type, chosen.file.facts.size)) return result;
    chosen.varies = true;
    const bool wants_range = request.range && request.method == Method::get;
    if (codings.empty() || wants_range) return result;
    if (auto made = serving_.compressed->find(codings.front(), chosen.file, now_)) {
        chosen.file.kept = std::move(made);
        chosen.coding = codings.front();
        chosen.made = true;
    }
    return result;
}

void Responder::send(const Request& request, const Answer& answer) {
    switch (evaluate_preconditions(request, answer.state, now_.tv_sec)) {
    case Verdict::proceed:
        break;
    case Verdict::precondition_failed:
        return send_error(412, "", answer.framing);
    case Verdict::not_modified:
        begin_head(304);
        metadata(answer);
        return end_head(answer.framing);
    }
    if (request.range && request.method == Method::get && range_applies(request, answer.state, now_.tv_sec)) {
        const RangeRequest ranges = parse_range(*request.range, answer.chosen.size());
        if (ranges.kind == RangeRequest::Kind::unsatisfiable) {
            const std::string unsatisfied = "Content-Range: bytes */" + std::to_string(answer.chosen.size()) + "\r\n";
            return send_error(416, "", answer.framing, unsatisfied);
        }
        if (ranges.kind == RangeRequest::Kind::parts)
            return ranges.ranges.size() == 1 ? send_part(answer, ranges.ranges.front()) : send_parts(answer, ranges.ranges);
    }
    send_whole(answer);
}

void Responder::content(const Chosen& chosen, std::uint64_t offset, std::uint64_t length) {
    if (chosen.file.kept)
        output_.body(std::string_view(chosen.file.kept->content).substr(offset, length));
    else
        output_.file(chosen.file.file.fd(), offset, length);
}

void Responder::coding_field(const Chosen& chosen) {
    if (chosen.coding != Coding::plain) field("Content-Encoding", name_of(chosen.coding));
}

void Responder::send_whole(const Answer& answer) {
    begin_head(200);
    field("Content-Type", answer.chosen.type);
    coding_field(answer.chosen);
    length_field(answer.chosen.size());
    metadata(answer);
    end_head(answer.framing);
    if (!answer.framing.head_only) content(answer.chosen, 0, answer.chosen.size());
}

void Responder::send_part(const Answer& answer, const ByteRange& range) {
    begin_head(206);
    field("Content-Type", answer.chosen.type);
    coding_field(answer.chosen);
    field("Content-Range", content_range(range, answer.chosen.size()));
    length_field(range.length());
    metadata(answer);
    end_head(answer.framing);
    content(answer.chosen, range.first, range.length());
}

void Responder::send_parts(const Answer& answer, std::span<const ByteRange> ranges) {
    std::vector<std::string> heads;
    const std::string end = "\r\n--" + serving_.boundary + "--\r\n";
    const Coding coding = answer.chosen.coding; // of the parts: what is around them is plain
    const std::string coding_line = coding == Coding::plain ? "" : "\r\nContent-Encoding: " + std::string(name_of(coding));
    std::uint64_t length = end.size();
    for (const ByteRange& range : ranges) {
        heads.push_back("\r\n--" + serving_.boundary + "\r\nContent-Type: " + std::string(answer.chosen.type) + coding_line +
                        "\r\nContent-Range: " + content_range(range, answer.chosen.size()) + "\r\n\r\n");
        length += heads.back().size() + range.length();
    }
    begin_head(206);
    field("Content-Type", "multipart/byteranges; boundary=" + serving_.boundary);
    length_field(length);
    metadata(answer);
    end_head(answer.framing);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        output_.text(heads[i]);
        content(answer.chosen, ranges[i].first, ranges[i].length());
    }
    output_.text(end);
}

} // namespace http
