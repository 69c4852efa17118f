#include <gatehouse/plugin.hpp>

#include <array>
#include <string>

using namespace std::chrono_literals;

// Tells each client how many ticks it has been there for. No client holds a thread between two of them.
class Ticker {
  public:
    static constexpr bool server_first = true;
    static constexpr std::string_view try_it = "nc {host} {port}";

    struct Session {
        unsigned ticks = 0;
    };

    explicit Ticker(gatehouse::Init& init) : every_(init.config().duration("every", 1s)) {
        if (every_ < 1ms) init.config().reject("every", "is too short (expected at least 1ms)");
    }

    gatehouse::Next serve(gatehouse::Connection& conn, Session& session) {
        switch (conn.event()) {
        case gatehouse::Event::open:
        case gatehouse::Event::timer:
            conn.set_deadline(every_);
            return conn.write(std::to_string(session.ticks++) + "\n") ? gatehouse::Next::park : gatehouse::Next::close;
        case gatehouse::Event::data: { // what the client says is not for us, but that it leaves is
            std::array<std::byte, 256> buffer;
            return conn.read(buffer) ? gatehouse::Next::park : gatehouse::Next::close;
        }
        default: // the host ends this
            return gatehouse::Next::close;
        }
    }

  private:
    const std::chrono::milliseconds every_;
};
GATEHOUSE_PLUGIN(Ticker, "ticker", "1.0.0")
