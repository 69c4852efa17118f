// An HTTP/1.1 server of static files: RFC 9110, RFC 9112. README.md is its manual.
#include "../passwords/turns.hpp"
#include "request_reader.hpp"
#include "responder.hpp"
#include "site_config.hpp"
#include "target.hpp"

#include <gatehouse/plugin.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace http {

namespace {

using gatehouse::Connection;
using gatehouse::Key;
using gatehouse::Next;
using gatehouse::Status;
using namespace std::chrono_literals;

Limits read_limits(const gatehouse::Config& config) {
    const std::uint64_t header = config.size("max_header");
    const std::uint64_t target = config.size("max_target");
    if (target >= header) config.reject("max_target", "has to be less than max_header");
    return {static_cast<std::size_t>(header), static_cast<std::size_t>(target), config.size("max_body")};
}

} // namespace

class Http {
    using Turn = passwords::Turns::Turn;

  public:
    static constexpr std::string_view try_it = "curl http://{host}:{port}/";
    static constexpr Key keys[] = {
        root_key.without("required, or `sites`"),
        index_key,
        Key::string("cache_control", "the value of a `Cache-Control` field for files, such as `\"max-age=3600\"`"),
        cache_key,
        errors_key,
        fallback_key,
        redirects_key,
        listing_key,
        auth_key,
        Key::table("sites", "sites by the names of their hosts, see below; other hosts have the site of the keys above",
                   site_keys)
            .list(),
        Key::boolean("precompressed",
                     "a file may have compressed ones beside it, `NAME.br`, `NAME.zst` and `NAME.gz`, for clients "
                     "that want these")
            .fallback(false),
        Key::table("compress", "files are compressed while they are sent, for clients that want that; `{}` for the defaults",
                   compress_keys)
            .without("they are not"),
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

    // Of a connection with an answer that the client has not taken, or with a password that is to be checked.
    struct Held {
        std::string rest;           // requests that came behind
        std::unique_ptr<Turn> turn; // to check the password; null: it does not wait for that
    };

    // What a connection has while it is parked.
    struct Session {
        enum class Deadline : unsigned char { none, header, body };

        RequestReader reader;
        Deadline deadline = Deadline::none;
        bool answer_left = false;   // the host has something of the last answer left, and it is waited for
        std::unique_ptr<Held> held; // null: nothing is
    };

    explicit Http(gatehouse::Init& init)
        : init_(init), limits_(read_limits(init.config())), header_timeout_(init.config().duration("header_timeout")),
          body_timeout_(init.config().duration("body_timeout")), min_rate_(init.config().size("min_rate")),
          serving_(read_serving(init)) {}

    Next serve(Connection& conn, Session& session) {
        if (session.held && session.held->turn) return take_turn(conn, session);
        if (session.answer_left) return go_on(conn, session);
        std::array<char, 16 * 1024> buffer;
        auto chunk = conn.read(std::span<char>(buffer));
        if (chunk) return answer(conn, session, *chunk);
        Output output(conn, min_rate_);
        Responder responder(serving_, output);
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
        const std::unique_ptr<Held> held = std::move(session.held);
        return answer(conn, session, held ? std::string_view(held->rest) : "");
    }

    // A request waits for its password to be checked.
    Next take_turn(Connection& conn, Session& session) const {
        using gatehouse::Event;
        if (conn.event() == Event::timer || conn.event() == Event::timeout) {
            Output output(conn, min_rate_);
            Responder(serving_, output).refuse({503, "Too many passwords are to be checked.", session.reader.may_be_head()});
            static_cast<void>(output.flush());
            return Next::close;
        }
        if (session.held->turn->state() != Turn::State::here) return Next::wait;
        const std::unique_ptr<Held> held = std::move(session.held);
        conn.clear_deadline();
        session.deadline = Session::Deadline::none;
        return answer(conn, session, held->rest, std::move(held->turn));
    }

    // Whether the client may see what it asks for. `turn` is for its password: null, or its turn has come. If the result is
    // `waits`, there is one that has not.
    Access admit(Connection& conn, const Login& login, const Request& request, std::unique_ptr<Turn>& turn) const {
        const auto path = parse_target(request.target);
        if (!path || !login.guards(path->whole())) return Access::granted;
        const auto credentials = parse_basic(request.field("Authorization"));
        if (!credentials) return Access::denied;
        if (!turn && login.computes(*credentials)) {
            turn = std::make_unique<Turn>(passwords::Turns::of_library(), [this, id = conn.id()] { init_.wake(id); });
            if (turn->state() == Turn::State::waiting) return Access::waits;
        }
        const std::unique_ptr<Turn> taken(turn.release());
        if (taken && taken->state() == Turn::State::refused) return Access::busy;
        if (!login.verify(*credentials)) return Access::denied;
        (void)conn.set_user(credentials->name);
        return Access::granted;
    }

    // Answers what one read has brought, then parks: a client that never stops pipelining takes its turn like all others.
    // `turn`: of the first one, whose password is to be checked; null: there is none.
    Next answer(Connection& conn, Session& session, std::string_view input, std::unique_ptr<Turn> turn = nullptr) const {
        Output output(conn, min_rate_);
        Responder responder(serving_, output);
        Request request;
        Problem problem;
        while (output.status()) {
            switch (session.reader.next(input, limits_, request, problem)) {
            case RequestReader::Result::request: {
                const Site* const site = serving_.sites.find(request);
                const Access access =
                    site != nullptr && site->login ? admit(conn, *site->login, request, turn) : Access::granted;
                if (access == Access::waits) {
                    session.reader.put_back(request);
                    session.held = std::make_unique<Held>(std::string(input), std::move(turn));
                    if (!output.flush()) return finish(conn, output);
                    conn.set_deadline(header_timeout_);
                    session.deadline = Session::Deadline::header;
                    return Next::wait;
                }
                // A connection is good for one wrong password: limits of connections bound the guesses.
                const bool wrong = access == Access::denied && !request.field("Authorization").empty();
                const bool keep_alive = request.keep_alive && !wrong && !init_.stopping();
                responder.answer(request, site, access, keep_alive);
                if (!keep_alive) return finish(conn, output);
                if (!output.left()) break;
                if (!output.flush()) return finish(conn, output);
                if (!output.left()) break; // the client has taken all of it meanwhile
                if (!input.empty()) session.held = std::make_unique<Held>(std::string(input), nullptr);
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
    Serving serving_;
};

} // namespace http

GATEHOUSE_PLUGIN(http::Http, "http", "1.0.0")
