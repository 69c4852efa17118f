#include <gatehouse/plugin.hpp>

#include <array>
#include <cstdint>
#include <string>

using namespace std::chrono_literals;
using gatehouse::Event;
using gatehouse::Next;
using gatehouse::Ready;
using gatehouse::Status;

// Stands between each client and the server of the configuration, and logs how much each side has said. It is the plainest way
// to look at both directions: a loop in a thread for each client. rewriter does the same without threads.
class Tap {
  public:
    static constexpr bool server_first = true; // the server behind it may speak first

    explicit Tap(gatehouse::Init& init) : host_(init), server_(init.config().string("server")) {}

    Next serve(gatehouse::Connection& client) {
        auto server = client.connect(server_, 5s);
        if (!server) return Next::error; // the host has recorded why
        (void)client.watch(*server, Ready::readable);
        Direction asked{client, *server}, answered{*server, client};
        while (asked.open || answered.open) {
            if (!client.wait() || client.event() == Event::timeout) return Next::close;
            if (!asked.pass() || !answered.pass()) return Next::close;
        }
        host_.log(GATEHOUSE_LEVEL_INFO,
                  std::to_string(asked.bytes) + " bytes asked, " + std::to_string(answered.bytes) + " answered");
        return Next::close;
    }

  private:
    struct Direction {
        gatehouse::ByteStream& from;
        gatehouse::ByteStream& to;
        bool open = true;
        std::uint64_t bytes = 0;

        // What has come goes to the other side. False: one of them is broken.
        bool pass() {
            std::array<char, 16384> buffer;
            if (!open) return true;
            const auto some = from.read_now(buffer);
            if (some) {
                bytes += some->size();
                return bool(to.write(*some));
            }
            if (some.status() == Status::end) open = false;
            return open ? some.status() != Status::reset : bool(to.finish());
        }
    };

    const gatehouse::Init host_;
    const std::string server_;
};
GATEHOUSE_PLUGIN(Tap, "tap", "1.0.0")
