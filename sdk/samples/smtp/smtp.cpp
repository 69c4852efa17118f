#include <gatehouse/plugin.hpp>
#include <gatehouse/task.hpp>

#include <algorithm>
#include <cctype>
#include <string>

using namespace std::chrono_literals;
using gatehouse::Stream;
using gatehouse::Task;

// An SMTP server that takes every letter and throws it away (RFC 5321), for programs that send mail and are being tested. It
// reads like a dialogue, and a client that says nothing holds no thread: serve() is a coroutine. A client may ask for TLS with
// STARTTLS (RFC 3207).
class Smtp {
  public:
    static constexpr bool server_first = true;
    static constexpr std::string_view try_it = "nc -C {host} {port}";
    static constexpr gatehouse::Key keys[] = {
        gatehouse::Key::tls_server("tls", "the section [tls.NAME] for STARTTLS").without("there is no STARTTLS"),
    };

    explicit Smtp(gatehouse::Init& init) : tls_(init.tls_server(init.config(), "tls")) {}

    Task<> serve(Stream& client) {
        std::string input; // what has come behind the last line
        if (!co_await client.write("220 this is a mail sink\r\n")) co_return;
        client.set_deadline(5min); // RFC 5321 4.5.3.2.7
        for (std::string line; co_await read_line(client, input, line); client.set_deadline(5min)) {
            const std::string verb = upper(line.substr(0, line.find(' ')));
            if (verb == "DATA") {
                if (!co_await client.write("354 go on\r\n") || !co_await read_letter(client, input)) co_return;
            }
            if (verb == "STARTTLS" && may_start_tls(client)) {
                if (!co_await start_tls(client, input)) co_return;
                continue;
            }
            if (!co_await client.write(answer_to(verb, may_start_tls(client))) || verb == "QUIT") co_return;
        }
    }

  private:
    static constexpr std::size_t longest_line = 1000; // RFC 5321 4.5.3.1.6, "\r\n" included

    bool may_start_tls(const Stream& client) const {
        return tls_ != nullptr && client.fact(GATEHOUSE_FACT_TLS_VERSION).empty();
    }

    // What has come behind the command came in plain: the host then refuses to shake hands.
    Task<bool> start_tls(Stream& client, const std::string& input) const {
        if (!co_await client.write("220 go ahead\r\n")) co_return false;
        co_return bool(co_await client.accept_tls(*tls_, input.size()));
    }

    // The next line without its end; false: there is none.
    static Task<bool> read_line(Stream& client, std::string& input, std::string& line) {
        std::size_t end = 0;
        while ((end = input.find("\r\n")) == std::string::npos) {
            if (input.size() > longest_line) {
                (void)co_await client.write("500 the line is too long\r\n");
                co_return false;
            }
            const auto some = co_await client.some();
            if (!some) co_return false;
            input += *some;
        }
        line = input.substr(0, end);
        input.erase(0, end + 2);
        co_return true;
    }

    // Up to the line with a single dot; false: it has not come.
    static Task<bool> read_letter(Stream& client, std::string& input) {
        for (std::string line; co_await read_line(client, input, line); client.set_deadline(3min)) // RFC 5321 4.5.3.2.5
            if (line == ".") co_return true;
        co_return false;
    }

    static std::string_view answer_to(std::string_view verb, bool may_start_tls) {
        if (verb == "EHLO" && may_start_tls) return "250-fine\r\n250 STARTTLS\r\n";
        if (verb == "HELO" || verb == "EHLO" || verb == "MAIL" || verb == "RCPT" || verb == "NOOP" || verb == "RSET")
            return "250 fine\r\n";
        if (verb == "DATA") return "250 thrown away\r\n";
        return verb == "QUIT" ? "221 goodbye\r\n" : "500 what?\r\n";
    }

    static std::string upper(std::string text) {
        std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        return text;
    }

    const gatehouse_tls_server* tls_; // null: there is no STARTTLS
};
GATEHOUSE_PLUGIN(Smtp, "smtp", "1.0.0")
