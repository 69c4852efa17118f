// The words of a plugin's test: what the client does, what the connection is like, and what came of it.
#ifndef GATEHOUSE_TESTING_SCRIPT_HPP
#define GATEHOUSE_TESTING_SCRIPT_HPP

#include "../gatehouse.h"
#include "../value.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::kit {

using std::chrono::milliseconds;

// One thing that happens to a connection. A text is bytes that arrive together: one read never spans two steps. A string
// literal keeps its NULs.
struct Step {
    enum class Kind { bytes, end, reset, timeout, stopping, wake, pass };

    Kind kind = Kind::bytes;
    std::string bytes;
    milliseconds time{0};

    template <std::size_t size>
    Step(const char (&literal)[size]) : bytes(literal, size - 1) {}
    Step(std::string text) : bytes(std::move(text)) {}
    Step(std::string_view text) : bytes(text) {}
    explicit Step(Kind what, milliseconds duration = milliseconds(0)) : kind(what), time(duration) {}
};

using Script = std::vector<Step>;

inline const Step end{Step::Kind::end};         // the client has finished sending
inline const Step reset{Step::Kind::reset};     // the connection is gone in both directions
inline const Step timeout{Step::Kind::timeout}; // the plugin's deadline passes, or a configured one
inline const Step stopping{
    Step::Kind::stopping};                // the host begins to drain: it calls stop(), and then this connection learns of it
inline const Step wake{Step::Kind::wake}; // the plugin has called wake() with the connection's id

// Time goes by without a byte; the plugin's own deadline passes if it is due.
inline Step pass(milliseconds time) { return Step(Step::Kind::pass, time); }

inline constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

// A value that the plugin has given: in a line of its log, or as a cell of an answer. It is equal to the gatehouse::Value of
// the same type, and so to a number or a text: EXPECT_EQ(cell, Value::bytes(17)).
struct ValueRecord {
    gatehouse_type type = GATEHOUSE_TYPE_NONE;
    std::int64_t number = 0;
    std::string text;

    ValueRecord() = default;
    ValueRecord(const gatehouse_value& value)
        : type(value.type), number(value.number), text(value.text.data, value.text.size) {}
    template <std::convertible_to<gatehouse::Value> T>
        requires(!std::derived_from<T, gatehouse_value>)
    ValueRecord(const T& value) : ValueRecord(static_cast<const gatehouse_value&>(gatehouse::Value(value))) {}
    bool operator==(const ValueRecord&) const = default;

    friend std::ostream& operator<<(std::ostream& out, const ValueRecord& value) {
        const bool words = value.type == GATEHOUSE_TYPE_TEXT || value.type == GATEHOUSE_TYPE_STATE;
        return (words ? out << value.text : out << value.number) << " (type " << value.type << ')';
    }
};

// Who has connected to a unix socket.
struct PeerCredentials {
    std::uint32_t pid = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

// What a connection is like: {.read_limit = 1} delivers byte by byte, {.write_limit = 100} breaks after 100 bytes.
struct Circumstances {
    // Facts; the host does not know an empty one. The addresses are facts as bytes, too: see Connection::peer_sockaddr().
    std::string peer = "192.0.2.1:40123";
    std::string local = "192.0.2.254:7000";
    std::string listener = "test";
    std::string instance = "test";
    std::size_t read_limit = unlimited;              // a read returns at most this many bytes
    std::size_t write_limit = unlimited;             // the client takes this many bytes in all; then writing fails ...
    gatehouse_status write_status = GATEHOUSE_RESET; // ... with this
    std::size_t room = unlimited; // in each serve() write_now() takes this many bytes, and send() leaves what is more
    gatehouse_status handshake = GATEHOUSE_OK; // what accept_tls() comes to; nothing of a script is the client's part in it
    bool handshake_takes_time = false;         // accept_tls_now() does not know at once
    // NOLINTNEXTLINE(readability-redundant-member-init): without {}, g++ warns of callers that leave it out
    std::optional<PeerCredentials> credentials{}; // of the client of a unix socket
    // NOLINTBEGIN(readability-redundant-member-init): as above
    std::string server_name{}; // that a route by name has looked at, and what the route's map has for it
    std::string route_value{};
    // NOLINTEND(readability-redundant-member-init)
};

// What a plugin did with an upstream connection.
struct UpstreamRecord {
    std::string address;
    std::string source;     // that it was to connect from; empty: any
    milliseconds within{0}; // the time limit of connect()
    bool connected = true;  // false: nobody was there, which connect_now() had to find out
    std::string received;   // what the server has received, relayed bytes included
    bool tls = false;       // start_tls() has succeeded, with `server_name`; the plugin had written `plain` before
    std::string server_name;
    std::string plain;
    bool finished = false; // the plugin has called finish()
    bool closed = false;   // the plugin has closed it
    bool taken = false;    // it was taken from a pool
    bool kept = false;     // the plugin has left it in a pool
    bool relayed = false;  // the plugin has called relay(), and the host then carried the rest of both scripts
    milliseconds idle{0};  // the idle time of relay()
};

// What came of a connection.
struct Outcome {
    std::string output;                        // every byte that the client has received
    bool finished = false;                     // the plugin has called finish()
    bool open = true;                          // it is parked, and has not ended
    gatehouse_next next = GATEHOUSE_NEXT_PARK; // what serve() returned last
    std::string reason;                        // why it ended, as closed() gets it
    std::string error;                         // the text of set_error()
    std::string user;                          // as the plugin has set it
    std::string cause;                         // of upstream_failed, as the plugin has set it
    std::vector<gatehouse_event> events;       // one for each call of serve()
    std::optional<milliseconds> deadline;      // the plugin's last one, counted from when it set it
    std::vector<UpstreamRecord> upstreams;     // one for each that was connected
    std::string tls;                           // accept_tls() has succeeded, with this section [tls.NAME]; empty: it has not
    std::string plain;                         // the part of `output` before that
};

// Calls check(script) for the whole input, for the input cut in two at each byte, and for each byte by itself.
template <class Check>
void for_each_split(std::string_view input, Check&& check) {
    check(Script{Step(input)});
    for (std::size_t cut = 1; cut < input.size(); ++cut) check(Script{Step(input.substr(0, cut)), Step(input.substr(cut))});
    Script bytes;
    for (std::size_t i = 0; i < input.size(); ++i) bytes.emplace_back(input.substr(i, 1));
    check(bytes);
}

} // namespace gatehouse::kit

#endif
