// An HTTP/1.1 server of static files: RFC 9110, RFC 9112. README.md is its manual.
#include "grammar.hpp"
#include "request_reader.hpp"
#include "responder.hpp"

#include <gatehouse/plugin.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http {

namespace {

using gatehouse::Connection;
using gatehouse::Key;
using gatehouse::Next;
using gatehouse::Status;
using namespace std::chrono_literals;

std::string random_boundary() {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::random_device random;
    std::string text;
    for (int i = 0; i < 32; ++i) text.push_back(digits[random() % digits.size()]);
    return text;
}

// RFC 9110 §5.5: visible characters, blanks and obs-text.
bool is_field_value(std::string_view text) noexcept {
    for (const char c : text)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
    return true;
}

DocumentRoot open_root(const gatehouse::Config& config) {
    const std::string path = config.string("root");
    try {
        return DocumentRoot(path);
    } catch (const std::exception& error) {
        config.reject("root", error.what());
        throw;
    }
}

ContentTypes read_types(const gatehouse::Config& config) {
    std::vector<ContentTypes::Rule> rules;
    for (const gatehouse::Config& item : config.items("types")) {
        ContentTypes::Rule& rule = rules.emplace_back(item.string("type"));
        if (!is_media_type(rule.type)) item.reject("type", "has to be a media type such as \"text/html; charset=utf-8\"");
        for (const gatehouse::Config& value : item.items("extensions")) {
            rule.extensions.push_back(value.string(""));
            const std::string& extension = rule.extensions.back();
            if (extension.empty() || extension.size() > ContentTypes::longest_extension ||
                extension.find_first_of("./") != std::string::npos)
                item.reject("extensions", "have to be names without a dot, such as \"html\", of up to " +
                                              std::to_string(ContentTypes::longest_extension) + " bytes");
        }
    }
    std::string other = config.string("default_type");
    if (!is_media_type(other)) config.reject("default_type", "has to be a media type such as \"text/plain\"");
    const std::string charset = config.string("charset");
    if (!charset.empty() && !is_token(charset)) config.reject("charset", "has to be a name such as \"utf-8\"");
    return {rules, std::move(other), charset};
}

Site read_site(const gatehouse::Config& config) {
    std::string index = config.string("index");
    if (index.empty() || index == "." || index == ".." || index.find('/') != std::string::npos)
        config.reject("index", "has to be the plain name of a file");
    std::string cache_control = config.string("cache_control");
    if (!is_field_value(cache_control)) config.reject("cache_control", "has to be one line of text");
    return {open_root(config), std::move(index), read_types(config), std::move(cache_control), random_boundary()};
}

Limits read_limits(const gatehouse::Config& config) {
    const std::uint64_t header = config.size("max_header");
    const std::uint64_t target = config.size("max_target");
    if (target >= header) config.reject("max_target", "has to be less than max_header");
    return {static_cast<std::size_t>(header), static_cast<std::size_t>(target), config.size("max_body")};
}

constexpr Key type_keys[] = {
    Key::string("type", "the media type, with its parameters: `\"text/html; charset=utf-8\"`").required(),
    Key::string("extensions", "the extensions of such files, without the dot: `[\"html\", \"htm\"]`").list().required()};

} // namespace

class Http {
  public:
    static constexpr std::string_view try_it = "curl http://{host}:{port}/";
    static constexpr Key keys[] = {
        Key::path("root", "the folder with the files; it has to exist").required(),
        Key::string("index", "the file to send for a folder; a plain name").fallback("index.html"),
        Key::string("cache_control", "the value of a `Cache-Control` field for files, such as `\"max-age=3600\"`"),
        Key::table("types", "media types that come before the built-in ones, see below", type_keys).list(),
        Key::string("default_type", "the media type of files whose extension has none").fallback("application/octet-stream"),
        Key::string("charset",
                    "the charset of all text types that name none; without it HTML, XML and the browser say which it is"),
        Key::duration("header_timeout", "from the first byte of a request to the end of its header").fallback(10s),
        Key::duration("body_timeout", "from the end of the header to the end of the request's body").fallback(30s),
        Key::bytes("min_rate", "what a client has to take: an answer of N bytes may last 30 s + N / `min_rate`; 0: any rate")
            .in("a second")
            .fallback(1024),
        Key::bytes("max_header", "request line and fields; the answer to more is 431")
            .range(256, 1024 * 1024)
            .fallback(Limits{}.max_header),
        Key::bytes("max_target", "the request target, less than `max_header`; the answer to more is 414")
            .at_least(1)
            .fallback(Limits{}.max_target),
        Key::bytes("max_body",
                   "a request's body, chunk framing included, which the plugin reads and drops; the answer to more is 413")
            .fallback(Limits{}.max_body)};

    // What a connection has while it is parked.
    struct Session {
        enum class Deadline : unsigned char { none, header, body };

        RequestReader reader;
        Deadline deadline = Deadline::none;
        bool answer_left = false;          // the host has something of the last answer left, and it is waited for
        std::unique_ptr<std::string> rest; // requests that came behind the one that is answered; null: none
    };

    explicit Http(gatehouse::Init& init)
        : init_(init), limits_(read_limits(init.config())), header_timeout_(init.config().duration("header_timeout")),
          body_timeout_(init.config().duration("body_timeout")), min_rate_(init.config().size("min_rate")),
          site_(read_site(init.config())) {}

    Next serve(Connection& conn, Session& session) {
        if (session.answer_left) return go_on(conn, session);
        std::array<char, 16 * 1024> buffer;
        auto chunk = conn.read(std::span<char>(buffer));
        if (chunk) return answer(conn, session, *chunk);
        Output output(conn, min_rate_);
        Responder responder(site_, output);
        return interrupted(chunk.status(), session, responder, output);
    }

    // Whether a connection starts with a method that HTTP knows, followed by a blank.
    gatehouse_match probe(std::span<const std::byte> bytes) const noexcept {
        std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (text.starts_with("\r\n")) text.remove_prefix(2); // as the head scanner does
        if (text == "\r") return GATEHOUSE_MATCH_MORE;
        for (std::string_view method :
             {"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "TRACE ", "CONNECT "}) {
            if (text.starts_with(method)) return GATEHOUSE_MATCH_YES;
            if (method.starts_with(text)) return GATEHOUSE_MATCH_MORE;
        }
        return GATEHOUSE_MATCH_NO;
    }

  private:
    // The host still sends an answer.
    Next go_on(Connection& conn, Session& session) const {
        using gatehouse::Event;
        if (conn.event() == Event::timer || conn.event() == Event::timeout) return Next::close; // the client is too slow
        if (conn.event() != Event::sent) return Next::wait;
        session.answer_left = false;
        conn.clear_deadline();
        session.deadline = Session::Deadline::none;
        const std::unique_ptr<std::string> rest = std::move(session.rest);
        return answer(conn, session, rest ? std::string_view(*rest) : "");
    }

    // Answers what one read has brought, then parks: a client that never stops pipelining takes its turn like all others.
    Next answer(Connection& conn, Session& session, std::string_view input) const {
        Output output(conn, min_rate_);
        Responder responder(site_, output);
        Request request;
        Problem problem;
        while (output.status()) {
            switch (session.reader.next(input, limits_, request, problem)) {
            case RequestReader::Result::request: {
                const bool keep_alive = request.keep_alive && !init_.stopping();
                responder.answer(request, keep_alive);
                if (!keep_alive) return finish(conn, output);
                if (!output.left()) break;
                if (!output.flush()) return finish(conn, output);
                if (!output.left()) break; // the client has taken all of it meanwhile
                if (!input.empty()) session.rest = std::make_unique<std::string>(input);
                session.answer_left = true;
                return Next::wait;
            }
            case RequestReader::Result::problem:
                responder.refuse(problem);
                return finish(conn, output);
            case RequestReader::Result::need_more:
                if (session.reader.take_continue()) output.text("HTTP/1.1 100 Continue\r\n\r\n");
                if (!output.flush()) return finish(conn, output);
                session.answer_left = output.left();
                if (session.answer_left) return Next::wait;
                set_deadline(conn, session, output.has_moved_deadline());
                return Next::park;
            }
        }
        return finish(conn, output);
    }

    // The read has returned a failure. Between requests no client waits for an answer.
    Next interrupted(Status why, Session& session, Responder& responder, Output& output) const {
        if (session.reader.idle()) return Next::close;
        if (why == Status::stopping) return Next::park; // the client may still complete this request, its last one
        const bool head_only = session.reader.may_be_head();
        if (why == Status::timeout || why == Status::timer)
            responder.refuse({408, "The request did not come in time.", head_only});
        if (why == Status::end) responder.refuse({400, "The request is not complete.", head_only});
        static_cast<void>(output.flush());
        return Next::close;
    }

    static Next finish(Connection& conn, Output& output) {
        // The host records why a client went away. A file that has shrunk is a failure, which only a close can tell the client.
        if (output.flush().code() != GATEHOUSE_FAILED) return Next::close;
        conn.set_error("a file became shorter while it was sent, or the connection failed");
        return Next::error;
    }

    // Absolute: it starts with the first byte of a head or a body, and later bytes do not move it.
    void set_deadline(Connection& conn, Session& session, bool was_moved) const noexcept {
        using Deadline = Session::Deadline;
        const Deadline wanted = session.reader.idle()      ? Deadline::none
                                : session.reader.in_body() ? Deadline::body
                                                           : Deadline::header;
        if (wanted == session.deadline && !was_moved) return;
        session.deadline = wanted;
        switch (wanted) {
        case Deadline::none:
            return conn.clear_deadline();
        case Deadline::header:
            return conn.set_deadline(header_timeout_);
        case Deadline::body:
            return conn.set_deadline(body_timeout_);
        }
    }

    // Constant after construction.
    gatehouse::Init init_;
    Limits limits_;
    std::chrono::milliseconds header_timeout_;
    std::chrono::milliseconds body_timeout_;
    std::uint64_t min_rate_; // bytes per second
    Site site_;
};

} // namespace http

GATEHOUSE_PLUGIN(http::Http, "http", "1.0.0")
