// A SOCKS version 5 proxy (RFC 1928, RFC 1929): connects clients to the destination that they ask for, if the rules allow it.
#include "../passwords/turns.hpp"
#include "../passwords/users.hpp"
#include "dialogue.hpp"
#include "rules.hpp"

#include <gatehouse/plugin.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace socks5 {
namespace {

using gatehouse::Connection;
using gatehouse::Key;
using gatehouse::Next;
using gatehouse::Status;
using passwords::Turns;
using std::chrono::milliseconds;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

void read_rules(const gatehouse::Config& config, std::string_view key, Rules::Action action, Rules& rules) {
    for (const gatehouse::Config& item : config.items(key))
        if (const std::string problem = rules.add(item.string(""), action); !problem.empty()) item.reject("", problem);
}

void read_users(const gatehouse::Init& init, Users& users) {
    const gatehouse::Config& config = init.config();
    for (const gatehouse::Config& item : config.items("users")) {
        const std::string name = item.string("name");
        const std::string password = item.string("password");
        const std::string hash = item.string("hash");
        const std::string problem = password.empty() == hash.empty() ? "a user has either a password or a hash"
                                    : hash.empty()                   ? users.add_password(name, password)
                                                                     : users.add_hash(name, hash);
        if (!problem.empty()) item.reject("name", problem);
    }
    const auto text = init.text_file(config, "users_file");
    if (!text) return;
    const std::string path = config.string("users_file");
    if (const std::string problem = users.add_lines(*text); !problem.empty())
        return config.reject("users_file", path + ", " + problem);
    // An empty file must not open the proxy to everybody.
    if (users.empty()) config.reject("users_file", path + ": it has no users");
}

Reply reply_for(Status status) {
    switch (status.code()) {
    case GATEHOUSE_REFUSED:
        return Reply::connection_refused;
    case GATEHOUSE_UNREACHABLE: // SOCKS tells network and host apart, the host does not
    case GATEHOUSE_NOT_FOUND:
        return Reply::host_unreachable;
    case GATEHOUSE_TIMEOUT:
        return Reply::ttl_expired;
    default:
        return Reply::general_failure;
    }
}

} // namespace

class Socks5 {
  public:
    static constexpr Key user_keys[] = {
        Key::string("name", "the user's name").required(),
        Key::string("password", "in plain text").without("required, or `hash`"),
        Key::string("hash", "as crypt(3) knows it, such as `\"$y$…\"`").without("required, or `password`")};
    static constexpr Key keys[] = {
        Key::table("users", "who may use the proxy; see below", user_keys).list().without("everybody"),
        Key::path("users_file",
                  "a file with more users, a line `name:hash` for each; UTF-8; read at the start; a relative path "
                  "counts from the folder of the configuration file"),
        Key::string("allow", "destinations, see below").list(),
        Key::string("deny", "destinations, see below").list(),
        Key::duration("negotiation_timeout", "from a client's first byte to the end of its request")
            .at_least(1ms)
            .fallback(10s),
        Key::duration("connect_timeout", "for connecting, resolving the name included, over all of a name's addresses")
            .at_least(1ms)
            .fallback(10s),
        Key::duration("idle_timeout",
                      "the host ends a relay in which nothing moves for so long; 0: the listener's `idle_timeout`")
            .fallback(0ms),
        Key::boolean("log_requests", "a line in the log for each request that led to a connection; refused and denied requests "
                                     "always have one")
            .fallback(false)};
    static constexpr std::string_view try_it = "curl --socks5-hostname {host}:{port} http://example.com/";

    // The way to the destination: its name is looked up, and then one address after the other is tried.
    struct Way {
        Clock::time_point deadline;
        std::vector<Endpoint> destinations; // that are left, the next one last
        bool known = false;                 // the name has been looked up
        std::optional<gatehouse::Upstream> begun;
        Status status{GATEHOUSE_OK}; // of the last one
    };
    struct Session {
        Dialogue dialogue;
        std::unique_ptr<Turns::Turn> turn; // while it waits to log in, and while it does
        std::unique_ptr<Way> way;          // once it has said where to
    };

    explicit Socks5(gatehouse::Init& init)
        : host_(init), negotiation_timeout_(init.config().duration("negotiation_timeout")),
          connect_timeout_(init.config().duration("connect_timeout")), idle_timeout_(init.config().duration("idle_timeout")),
          log_requests_(init.config().boolean("log_requests")) {
        const gatehouse::Config& config = init.config();
        read_rules(config, "allow", Rules::Action::allow, rules_);
        read_rules(config, "deny", Rules::Action::deny, rules_);
        read_users(init, users_);
    }

    // One read for each call: a client that sends a message byte by byte holds no thread between them.
    Next serve(Connection& conn, Session& session) {
        Dialogue& dialogue = session.dialogue;
        if (session.way) {
            if (conn.event() == gatehouse::Event::timeout) return Next::close;
            return conn.event() == gatehouse::Event::ready ? go_on(conn, session) : Next::wait;
        }
        if (conn.event() == gatehouse::Event::open) conn.set_deadline(negotiation_timeout_); // for all of it
        std::array<char, 1024> buffer;
        std::string_view input;
        if (!session.turn) {
            auto bytes = conn.read(buffer);
            if (!bytes) return Next::close;
            input = *bytes;
        } else if (conn.event() != gatehouse::Event::wake) { // its time is over, or the host's
            return Next::close;
        }
        std::string answer;
        Dialogue::State state = dialogue.feed(input, users_, session.turn != nullptr, answer);
        if (state == Dialogue::State::login) state = log_in(conn, session, answer);
        if (state != Dialogue::State::login) session.turn.reset(); // the next one's, before this client is waited for
        if (!answer.empty() && !conn.write(answer)) return Next::close;
        switch (state) {
        case Dialogue::State::incomplete:
            return Next::park;
        case Dialogue::State::login:
            return Next::wait; // until its turn comes
        case Dialogue::State::requested:
            conn.clear_deadline();
            if (!dialogue.user().empty()) (void)conn.set_user(dialogue.user()); // whom it has let in
            session.way = std::make_unique<Way>();
            session.way->deadline = Clock::now() + connect_timeout_;
            return go_on(conn, session);
        case Dialogue::State::refused:
            log(GATEHOUSE_LEVEL_INFO, conn, dialogue, "refused: ", dialogue.why());
            break;
        }
        return Next::close;
    }

    gatehouse_match probe(std::span<const std::byte> bytes) const {
        constexpr unsigned most_methods = 16; // IANA has ten, and no client offers them all
        if (bytes.empty()) return GATEHOUSE_MATCH_MORE;
        if (std::to_integer<char>(bytes[0]) != version) return GATEHOUSE_MATCH_NO;
        if (bytes.size() == 1) return GATEHOUSE_MATCH_MORE;
        const auto methods = std::to_integer<unsigned>(bytes[1]);
        return methods >= 1 && methods <= most_methods ? GATEHOUSE_MATCH_YES : GATEHOUSE_MATCH_NO;
    }

  private:
    Dialogue::State log_in(const Connection& conn, Session& session, std::string& answer) const {
        session.turn = std::make_unique<Turns::Turn>(Turns::of_library(), [this, id = conn.id()] { host_.wake(id); });
        switch (session.turn->state()) {
        case Turns::Turn::State::waiting:
            return Dialogue::State::login;
        case Turns::Turn::State::here:
            return session.dialogue.feed("", users_, true, answer);
        case Turns::Turn::State::refused:
            break;
        }
        return session.dialogue.refuse_login(answer);
    }

    // As far as is possible without waiting.
    Next go_on(Connection& conn, Session& session) const {
        Way& way = *session.way;
        if (!way.known) {
            way.status = find(conn, session.dialogue.request(), way);
            if (way.status == Status::again) return Next::wait;
            way.known = true;
            way.begun.reset();
            if (!way.status) return fail(conn, way.status);
            std::erase_if(way.destinations, [this](const Endpoint& destination) { return !rules_.allow(destination); });
            if (way.destinations.empty()) {
                log(GATEHOUSE_LEVEL_INFO, conn, session.dialogue, "denied: ", to_string(session.dialogue.request()));
                (void)conn.write(reply_message(Reply::not_allowed));
                return Next::close;
            }
        }
        for (; !way.destinations.empty(); way.destinations.pop_back()) {
            way.status = connect(conn, way);
            if (way.status == Status::again) return Next::wait;
            if (way.status) return relay(conn, session);
            way.begun.reset();
        }
        return fail(conn, way.status);
    }

    // The addresses of the request's destination. The proxy judges an address and connects to the same one: a name could have
    // another answer the next time.
    Status find(Connection& conn, const Request& request, Way& way) const {
        if (request.name.empty()) {
            way.destinations.push_back(request.endpoint);
            return GATEHOUSE_OK;
        }
        if (request.endpoint.port == 0) return GATEHOUSE_OK; // no address, so the proxy denies it
        if (!way.begun) {
            const Status status = conn.resolve_now(to_string(request), connect_timeout_, way.begun);
            if (status != Status::again) return status;
        }
        std::string_view why;
        if (const Status status = conn.outcome(*way.begun, why); !status) return status;
        for (const std::string& address : conn.addresses(*way.begun))
            if (const auto endpoint = parse_endpoint(address)) way.destinations.push_back(*endpoint);
        std::ranges::reverse(way.destinations);
        return GATEHOUSE_OK;
    }

    // To the next of them. An address that does not answer must not use up the time of those behind it.
    static Status connect(Connection& conn, Way& way) {
        if (!way.begun) {
            const auto left = std::max(milliseconds(1), std::chrono::ceil<milliseconds>(way.deadline - Clock::now()));
            const std::string address = to_string(way.destinations.back());
            const auto share = left / static_cast<int>(way.destinations.size()) + milliseconds(1);
            const Status status = conn.connect_now({.address = address, .within = share}, way.begun);
            if (status != Status::again) return status;
        }
        std::string_view why;
        return conn.outcome(*way.begun, why);
    }

    static Next fail(Connection& conn, Status status) {
        if (!conn.write(reply_message(reply_for(status)))) return Next::close;
        return Next::no_upstream; // the host has recorded why
    }

    Next relay(Connection& conn, Session& session) const {
        Dialogue& dialogue = session.dialogue;
        if (log_requests_)
            log(GATEHOUSE_LEVEL_INFO, conn, dialogue,
                "connected: ", to_string(dialogue.request()) + " at " + to_string(session.way->destinations.back()));
        gatehouse::Upstream upstream = std::move(*session.way->begun);
        session.way.reset();
        const Endpoint bound = parse_endpoint(upstream.local()).value_or(Endpoint{});
        if (!conn.write(reply_message(Reply::succeeded, bound))) return Next::close;
        if (!dialogue.rest().empty() && !upstream.write(dialogue.rest())) return Next::no_upstream;
        dialogue.release();
        return conn.relay(std::move(upstream), idle_timeout_);
    }

    // "denied: localhost:22", with the client and the name that it gave
    static void log(gatehouse_level level, Connection& conn, const Dialogue& dialogue, std::string_view what,
                    std::string_view about) {
        const std::string_view user = dialogue.user();
        conn.log(level, std::string(what).append(about),
                 {{"peer", conn.peer()}, {"user", user.empty() ? gatehouse::Value() : gatehouse::Value(user)}});
    }

    // Constant after construction.
    const gatehouse::Init host_;
    const milliseconds negotiation_timeout_;
    const milliseconds connect_timeout_;
    const milliseconds idle_timeout_; // 0: the listener's
    const bool log_requests_;
    Rules rules_;
    Users users_;
};

} // namespace socks5

using Socks5 = socks5::Socks5;
GATEHOUSE_PLUGIN(Socks5, "socks5", "1.0.0")
