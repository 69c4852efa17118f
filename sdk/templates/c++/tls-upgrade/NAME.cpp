#include <gatehouse/plugin.hpp>
#include <gatehouse/task.hpp>

#include <string>

using namespace std::chrono_literals;
using gatehouse::Stream;
using gatehouse::Task;

// Speaks lines, in plain at first, as POP3 does (RFC 2595). A client that says STLS gets TLS, and only then hears what is
// secret. No thread waits for a client, whether that is silent or shakes hands.
class Upgrade {
  public:
    static constexpr bool server_first = true;
    static constexpr std::string_view try_it = "openssl s_client -quiet -starttls pop3 -connect {host}:{port}";
    static constexpr gatehouse::Key keys[] = {
        gatehouse::Key::tls_server("tls", "the section [tls.NAME] with the certificates").required(),
    };

    explicit Upgrade(gatehouse::Init& init) : tls_(init.tls_server(init.config(), "tls")) {}

    Task<> serve(Stream& client) {
        std::string input; // what has come behind the last line
        if (!co_await client.write("+OK hello\r\n")) co_return;
        client.set_deadline(1min);
        for (std::string line; co_await read_line(client, input, line); client.set_deadline(1min)) {
            if (line == "STLS" && !has_tls(client)) {
                if (!co_await client.write("+OK go ahead\r\n")) co_return;
                // What has come behind the line came in plain, and anybody may have sent it: the host ends such a connection.
                if (!co_await client.accept_tls(*tls_, input.size())) co_return;
                continue; // what the client has said in plain is forgotten
            }
            if (!co_await client.write(answer_to(line, has_tls(client))) || line == "QUIT") co_return;
        }
    }

  private:
    static constexpr std::size_t longest_line = 1024; // clients are hostile: what grows has a limit

    static bool has_tls(const Stream& client) { return !client.fact(GATEHOUSE_FACT_TLS_VERSION).empty(); }

    // The next line without its end; false: there is none.
    static Task<bool> read_line(Stream& client, std::string& input, std::string& line) {
        std::size_t end = 0;
        while ((end = input.find("\r\n")) == std::string::npos) {
            if (input.size() > longest_line) co_return false;
            const auto some = co_await client.some();
            if (!some) co_return false;
            input += *some;
        }
        line = input.substr(0, end);
        input.erase(0, end + 2);
        co_return true;
    }

    // Your protocol begins here.
    static std::string_view answer_to(std::string_view line, bool has_tls) {
        if (line == "SECRET") return has_tls ? "+OK 42\r\n" : "-ERR only with TLS\r\n";
        return line == "QUIT" ? "+OK goodbye\r\n" : "-ERR what?\r\n";
    }

    const gatehouse_tls_server* tls_; // of the host, which looks after the certificates
};
GATEHOUSE_PLUGIN(Upgrade, "@NAME@", "0.1.0")
