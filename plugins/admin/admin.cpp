// The host's metrics, its health and what it tells of itself, over HTTP/1.1. README.md is its manual.
#include "../http/grammar.hpp"
#include "../http/output.hpp"
#include "../http/request_reader.hpp"
#include "../http/target.hpp"
#include "answer.hpp"
#include "gate.hpp"
#include "health.hpp"
#include "json.hpp"

#include <gatehouse/host_view.hpp>
#include <gatehouse/plugin.hpp>

#include <array>
#include <chrono>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace admin {
namespace {

using gatehouse::Connection;
using gatehouse::Event;
using gatehouse::Key;
using gatehouse::Next;
using gatehouse::Status;
using namespace std::chrono_literals;

constexpr std::uint64_t min_rate = 1024; // bytes a second that a client takes in the long run
constexpr auto request_timeout = 10s;
constexpr std::string_view plain = "text/plain; charset=utf-8";
constexpr std::string_view index =
    "/metrics\n/livez\n/startupz\n/readyz\n/readyz/listener/NAME\n/readyz/pool/NAME\n/api/host\n/api/listeners\n"
    "/api/plugins\n/api/limits\n/api/metrics\n/api/certs\n/api/health\n";

std::vector<std::string> read_hosts(const gatehouse::Config& config) {
    std::vector<std::string> hosts;
    for (const gatehouse::Config& item : config.items("hosts")) {
        hosts.push_back(item.string(""));
        if (hosts.back().empty() || !http::is_host(hosts.back()))
            config.reject("hosts", "have to be names without a port, such as \"admin.example\"");
    }
    return hosts;
}

// The first line of the file.
std::string read_token(const gatehouse::Init& init) {
    constexpr std::size_t least = 16;
    const auto text = init.text_file(init.config(), "token_file");
    if (!text) return "";
    std::string token(text->substr(0, text->find_first_of("\r\n")));
    bool visible = true;
    for (const char c : token) visible = visible && c > ' ' && c < 0x7f;
    if (token.size() < least || !visible)
        init.config().reject("token_file", "has to have a token in its first line: at least 16 visible characters of ASCII");
    return token;
}

} // namespace

class Admin {
  public:
    static constexpr std::string_view try_it = "curl http://{host}:{port}/readyz?verbose";
    static constexpr Key keys[] = {
        Key::path("token_file",
                  "a file whose first line is a token: who sends it as `Authorization: Bearer TOKEN` may ask from "
                  "other machines than this one; read at the start"),
        Key::string("hosts", "names by which clients may ask, beside IP addresses and `localhost`: `[\"admin.example\"]`")
            .list(),
        Key::boolean("public_health", "whether everybody may ask for `/livez`, `/startupz` and `/readyz`, as Kubernetes does")
            .fallback(false)};

    struct Session {
        http::RequestReader reader;
        bool answer_left = false; // the host has something of the last answer left, and it is waited for
        bool in_request = false;  // a deadline is set
    };

    explicit Admin(gatehouse::Init& init)
        : init_(init), host_(init), token_(read_token(init)), hosts_(read_hosts(init.config())),
          public_health_(init.config().boolean("public_health")) {}

    Next serve(Connection& conn, Session& session) {
        std::string_view input;
        std::array<char, 16 * 1024> buffer;
        if (session.answer_left) {
            if (conn.event() == Event::timer || conn.event() == Event::timeout) return Next::close; // it is too slow
            if (conn.event() != Event::sent) return Next::wait;
            session.answer_left = false;
            conn.clear_deadline();
        } else {
            const auto chunk = conn.read(std::span<char>(buffer));
            if (!chunk) return interrupted(conn, chunk.status(), session);
            input = *chunk;
        }
        http::Output output(conn, min_rate);
        http::Request request;
        http::Problem problem;
        while (output.status()) {
            switch (session.reader.next(input, limits, request, problem)) {
            case http::RequestReader::Result::request: {
                Answer answer(output, request.version, request.method == http::Method::head,
                              request.keep_alive && !init_.stopping());
                reply(conn, request, answer);
                if (!answer.keep_alive()) return finish(output);
                break;
            }
            case http::RequestReader::Result::problem:
                refuse(output, problem);
                return finish(output);
            case http::RequestReader::Result::need_more:
                if (session.reader.take_continue()) output.text("HTTP/1.1 100 Continue\r\n\r\n");
                if (!output.flush()) return finish(output);
                session.answer_left = output.left();
                if (session.answer_left) return Next::wait;
                watch_the_time(conn, session, output.has_moved_deadline());
                return Next::park;
            }
        }
        return finish(output);
    }

  private:
    static constexpr http::Limits limits{8 * 1024, 4 * 1024, 4 * 1024};

    static Next finish(http::Output& output) {
        static_cast<void>(output.flush()); // the host records why a client has gone
        return Next::close;
    }

    static void refuse(http::Output& output, const http::Problem& problem) {
        Answer(output, 11, problem.head_only, false).whole(problem.status, plain, std::string(problem.detail) + '\n');
    }

    static Next interrupted(Connection& conn, Status why, Session& session) {
        if (why == Status::stopping && !session.reader.idle()) return Next::park; // the client may complete its last request
        if (session.reader.idle() || (why != Status::timer && why != Status::timeout)) return Next::close;
        http::Output output(conn, min_rate);
        refuse(output, {408, "The request did not come in time.", session.reader.may_be_head()});
        return finish(output);
    }

    // From the first byte of a request; later bytes do not move it.
    static void watch_the_time(Connection& conn, Session& session, bool moved) noexcept {
        const bool in_request = !session.reader.idle();
        if (in_request == session.in_request && !moved) return;
        session.in_request = in_request;
        in_request ? conn.set_deadline(request_timeout) : conn.clear_deadline();
    }

    void reply(Connection& conn, const http::Request& request, Answer& answer) const {
        const std::optional<http::Path> path = http::parse_target(request.target);
        const std::string_view name = path ? std::string_view(path->relative) : "";
        if (!request.host.empty() && !is_own_host(request.host, hosts_))
            return answer.whole(421, plain, "This is not the name of this server; add it to `hosts` of the admin plugin.\n");
        if (const std::string origin = request.field("Origin"); !origin.empty() && !is_same_origin(origin, request.host))
            return answer.whole(403, plain, "Pages of other origins may not ask.\n");
        const bool asks_health = name == "livez" || name == "startupz" || name == "readyz" || name.starts_with("readyz/");
        if (!(public_health_ && asks_health) && !is_allowed(conn, request))
            return token_.empty() ? answer.whole(403, plain, "Only this machine may ask; see token_file of the admin plugin.\n")
                                  : answer.whole(401, plain, "A token is needed.\n", "WWW-Authenticate: Bearer\r\n");
        if (request.method != http::Method::get && request.method != http::Method::head)
            return answer.whole(405, plain, "Nothing can be changed here.\n", "Allow: GET, HEAD\r\n");
        if (!path) return answer.whole(400, plain, "The request's target is malformed.\n");
        try {
            show(name, path->query, request, answer);
        } catch (const std::out_of_range&) { // the host has no such table, or ends
            answer.whole(404, plain, "There is no such page.\n");
        } catch (const std::bad_alloc&) {
            answer.whole(503, plain, "The host is out of memory.\n");
        }
    }

    bool is_allowed(const Connection& conn, const http::Request& request) const {
        if (is_local(conn.peer_sockaddr())) return true;
        if (!conn.fact(GATEHOUSE_FACT_TLS_CLIENT_SUBJECT).empty()) return true; // its certificate was verified
        return has_token(request.field("Authorization"), token_);
    }

    void show(std::string_view name, std::string_view query, const http::Request& request, Answer& answer) const {
        constexpr std::string_view api = "api/";
        constexpr std::string_view listener = "readyz/listener/";
        constexpr std::string_view pool = "readyz/pool/";
        if (name.empty()) return answer.whole(200, plain, index);
        if (name == "metrics") return show_metrics(request, answer);
        if (name.starts_with(api)) return answer.whole(200, "application/json", json_of(host_.table(name.substr(api.size()))));
        const bool verbose = query == "?verbose";
        if (name == "livez") return show_health("live", "", verbose, answer);
        if (name == "startupz") return show_health("startup", "", verbose, answer);
        if (name == "readyz") return show_health("ready", "", verbose, answer);
        if (name.starts_with(listener)) return show_health("listener", name.substr(listener.size()), verbose, answer);
        if (name.starts_with(pool))
            return show(pool_health(host_.table("metrics"), name.substr(pool.size()), verbose), "pool", answer);
        answer.whole(404, plain, "There is no such page.\n");
    }

    void show_metrics(const http::Request& request, Answer& answer) const {
        const bool openmetrics = http::weight_of(request.field("Accept"), "application/openmetrics-text").value_or(0) > 0;
        bool begun = false;
        const auto take = [&](std::string_view piece) {
            if (!std::exchange(begun, true))
                answer.begin(openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                         : "text/plain; version=0.0.4; charset=utf-8");
            return static_cast<bool>(answer.piece(piece));
        };
        try {
            if (host_.metrics(openmetrics ? GATEHOUSE_METRICS_OPENMETRICS : GATEHOUSE_METRICS_TEXT, take)) answer.end();
        } catch (const std::exception&) { // no memory, or the host ends
            if (!begun) throw;
            answer.give_up();
        }
    }

    void show_health(std::string_view check, std::string_view part, bool verbose, Answer& answer) const {
        show(health(host_.table("health"), check, part, verbose), "listener", answer);
    }

    static void show(const std::optional<Health>& found, std::string_view what, Answer& answer) {
        if (!found) return answer.whole(404, plain, "There is no such " + std::string(what) + ".\n");
        answer.whole(found->good ? 200 : 503, plain, found->text);
    }

    const gatehouse::Init init_; // constant after construction, as are all
    const gatehouse::HostView host_;
    const std::string token_; // empty: nobody has one
    const std::vector<std::string> hosts_;
    const bool public_health_;
};

} // namespace admin

GATEHOUSE_PLUGIN(admin::Admin, "admin", "1.0.0")
