#include <gatehouse/plugin.hpp>
#include <gatehouse/task.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;
using gatehouse::Result;
using gatehouse::Server;
using gatehouse::Status;
using gatehouse::Stream;
using gatehouse::Task;

// A reverse proxy for HTTP/1.1 (RFC 9112). It reads the heads; the host carries the bodies, of any size, without a thread. The
// connections to the server are kept, and serve other clients' requests.
class HttpProxy {
  public:
    static constexpr std::string_view try_it = "curl http://{host}:{port}/";

    explicit HttpProxy(gatehouse::Init& init)
        : address_(init.config().string("server")), pool_(init.pool({.most = 256, .idle = 30s})) {}

    Task<> serve(Stream& client) {
        std::string input; // what the client has said behind the last request
        for (Head request; co_await read_head(client, input, request);) {
            const std::string_view problem = why_not(request);
            if (!problem.empty()) {
                (void)co_await client.write(problem);
                co_return;
            }
            if (!co_await answer(client, request, input)) co_return;
        }
    }

  private:
    static constexpr std::size_t longest_head = 16 * 1024;
    static constexpr std::uint64_t until_the_end = std::numeric_limits<std::uint64_t>::max();

    struct Head {
        std::string text; // with the empty line
        std::string_view first_line() const { return std::string_view(text).substr(0, text.find("\r\n")); }

        // The values of all fields of this name, in small letters; nothing: there is none.
        std::optional<std::string> field(std::string_view name) const {
            std::optional<std::string> all;
            for (std::size_t at = text.find("\r\n") + 2; at < text.size() - 2;) {
                const std::size_t end = text.find("\r\n", at);
                const std::string line = small(std::string_view(text).substr(at, end - at));
                if (line.starts_with(name) && line[name.size()] == ':') {
                    const std::size_t value = std::min(line.find_first_not_of(" \t", name.size() + 1), line.size());
                    all = (all ? *all + "," : "") + line.substr(value);
                }
                at = end + 2;
            }
            return all;
        }
        bool has(std::string_view name, std::string_view word) const {
            return field(name).value_or("").find(word) != std::string::npos;
        }
        // Of the body. Nothing: it is none, or there are several (RFC 9112 6.3).
        std::optional<std::uint64_t> length() const {
            const std::string text_of_it = field("content-length").value_or("0");
            std::uint64_t length = 0;
            const char* const end = text_of_it.data() + text_of_it.size();
            const auto [stopped, error] = std::from_chars(text_of_it.data(), end, length);
            return error == std::errc{} && stopped == end ? std::optional(length) : std::nullopt;
        }
    };

    static std::string small(std::string_view text) {
        std::string result(text);
        std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return result;
    }

    // Moves the next head out of `input`. False: there is none, or it is too long.
    static Task<bool> read_head(gatehouse::detail::TaskStream& from, std::string& input, Head& head) {
        for (std::size_t end = 0; (end = input.find("\r\n\r\n")) == std::string::npos;) {
            if (input.size() > longest_head) co_return false;
            const auto some = co_await from.some();
            if (!some) co_return false;
            input += *some;
        }
        const std::size_t size = input.find("\r\n\r\n") + 4;
        head.text = input.substr(0, size);
        input.erase(0, size);
        co_return true;
    }

    // What the client is told if this is not for a server; what two programs may read in two ways is for none.
    static std::string_view why_not(const Head& request) {
        if (request.field("transfer-encoding"))
            return "HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        const bool folded = request.text.find("\r\n ") != std::string::npos || request.text.find("\r\n\t") != std::string::npos;
        if (!request.first_line().ends_with(" HTTP/1.1") || !request.length() || folded)
            return "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return "";
    }

    // It does the same if the server gets it twice: RFC 9110 9.2.2.
    static bool is_idempotent(const Head& request) {
        constexpr std::array<std::string_view, 6> methods{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
        const std::string_view line = request.first_line();
        return std::ranges::find(methods, line.substr(0, line.find(' '))) != methods.end();
    }

    // One request and its answer. False: the client's connection is over.
    Task<bool> answer(Stream& client, const Head& request, std::string& input) {
        const gatehouse::Connection::Server where{.address = address_, .within = 5s, .pool = pool_};
        const std::uint64_t length = *request.length();
        const std::string body = take(input, length); // what has come with the head
        // A server may close a kept connection in this moment. So only what may be sent once more goes over one.
        Result<Server> server = Status::not_found;
        if (is_idempotent(request) && body.size() == length) server = client.take(where);
        for (bool was_kept = bool(server), once_more = true; once_more; was_kept = false) {
            if (!was_kept) server = co_await client.connect(where);
            if (!server) break;
            std::string output;
            Head head;
            const Sent sent = co_await send(client, *server, request, body, length);
            if (sent == Sent::client_fails) co_return false;
            if (sent != Sent::not_at_all && co_await read_head(*server, output, head))
                co_return co_await pass(client, request, std::move(*server), std::move(head), output, sent == Sent::whole);
            once_more = was_kept;
        }
        (void)co_await client.write("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        co_return false;
    }

    enum class Sent { not_at_all, in_part, whole, client_fails };

    // In part: the server answers before it has all.
    static Task<Sent> send(Stream& client, Server& server, const Head& request, std::string_view body, std::uint64_t length) {
        const std::array<gatehouse_bytes, 2> parts{{{request.text.data(), request.text.size()}, {body.data(), body.size()}}};
        if (!co_await server.send(parts)) co_return Sent::not_at_all;
        if (body.size() == length) co_return Sent::whole;
        const auto relayed = co_await client.relay_some(client, server, length - body.size(), true);
        if (relayed.status) co_return Sent::whole;
        if (relayed.status == Status::again) co_return Sent::in_part;
        co_return relayed.failed == server.handle() ? Sent::not_at_all : Sent::client_fails;
    }

    // The answer. False: the client's connection is over.
    Task<bool> pass(Stream& client, const Head& request, Server server, Head head, std::string output, bool sent) const {
        while (head.text.starts_with("HTTP/1.1 1")) // more of them follow, RFC 9110 15.2
            if (!co_await client.write(head.text) || !co_await read_head(server, output, head)) co_return false;
        const bool is_bare =
            request.text.starts_with("HEAD ") || head.text.starts_with("HTTP/1.1 204") || head.text.starts_with("HTTP/1.1 304");
        const bool has_length = is_bare || (head.field("content-length") && !head.field("transfer-encoding"));
        const std::uint64_t length = is_bare ? 0 : has_length ? head.length().value_or(until_the_end) : until_the_end;
        const std::string body = take(output, length);
        const std::array<gatehouse_bytes, 2> parts{{{head.text.data(), head.text.size()}, {body.data(), body.size()}}};
        if (!co_await client.send(parts)) co_return false;
        if (const std::uint64_t left = length - body.size(); left > 0)
            if (!(co_await client.relay_some(server, client, left)).status) co_return false;
        const bool goes_on = sent && has_length && !head.has("connection", "close") && !request.has("connection", "close");
        if (goes_on && output.empty()) (void)client.keep(std::move(server));
        co_return goes_on;
    }

    // The first bytes, as many as belong to a body of this length.
    static std::string take(std::string& input, std::uint64_t length) {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(length, input.size()));
        std::string taken = input.substr(0, size);
        input.erase(0, size);
        return taken;
    }

    const std::string address_;
    gatehouse_pool* const pool_;
};
GATEHOUSE_PLUGIN(HttpProxy, "http_proxy", "1.0.0")
