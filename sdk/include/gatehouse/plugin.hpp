// The C++20 way to write a Gatehouse plugin: a class with a serve() function, and one line that names it.
//
//     struct Echo {
//         gatehouse::Next serve(gatehouse::Connection& conn) {
//             std::array<std::byte, 16384> buffer;
//             auto chunk = conn.read(buffer);
//             if (!chunk || !conn.write(*chunk)) return gatehouse::Next::close;
//             return gatehouse::Next::park;
//         }
//     };
//     GATEHOUSE_PLUGIN(Echo, "echo", "1.0.0")
//
// What the class may have besides serve():
//
//     explicit Echo(gatehouse::Init&)           reads its configuration; throws to refuse the instance. Default: none needed.
//     struct Session { ... };                   state of one connection, made (with the plugin as argument, if it takes one)
//                                               before its first serve(conn, session), kept across parks, destroyed at its end
//     void stop()                               the drain begins
//     void closed(Session&, std::string_view)   the connection has ended, and why; without Session: closed(std::string_view)
//     gatehouse_match probe(std::span<const std::byte>)   are these first bytes of this protocol?
//     static constexpr bool server_first = true;          serve() is called before the client has said anything
//     static constexpr std::string_view try_it = "nc {host} {port}";
//
// serve() may return void: a plain dialogue that owns its thread until it returns; the host then closes the connection.
// serve() is called concurrently for different connections: members shared between them need a lock.
// Exceptions end the connection that threw (reason plugin_exception) and nothing else.
#ifndef GATEHOUSE_PLUGIN_HPP
#define GATEHOUSE_PLUGIN_HPP

#include "ext/sendfile.h"
#include "ext/upstream.h"
#include "gatehouse.h"

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace gatehouse {

// What serve() wants to happen next; see gatehouse_next.
enum class Next : gatehouse_next {
    close = GATEHOUSE_CLOSE,
    park = GATEHOUSE_PARK,
    relay = GATEHOUSE_RELAY,
    error = GATEHOUSE_NEXT_ERROR,
};

// Why serve() was called; see gatehouse_event.
enum class Event : gatehouse_event {
    open = GATEHOUSE_EVENT_OPEN,
    data = GATEHOUSE_EVENT_DATA,
    wake = GATEHOUSE_EVENT_WAKE,
    timeout = GATEHOUSE_EVENT_TIMEOUT,
    stopping = GATEHOUSE_EVENT_STOPPING,
};

// The outcome of a call: true if it succeeded, and why not otherwise.
class [[nodiscard]] Status {
  public:
    constexpr Status(gatehouse_status code) noexcept : code_(code) {}
    constexpr explicit operator bool() const noexcept { return code_ == GATEHOUSE_OK; }
    constexpr gatehouse_status code() const noexcept { return code_; }
    constexpr bool operator==(const Status&) const noexcept = default;

    static const Status end, timeout, stopping, reset, refused, not_found;

  private:
    gatehouse_status code_;
};
inline constexpr Status Status::end{GATEHOUSE_END};
inline constexpr Status Status::timeout{GATEHOUSE_TIMEOUT};
inline constexpr Status Status::stopping{GATEHOUSE_STOPPING};
inline constexpr Status Status::reset{GATEHOUSE_RESET};
inline constexpr Status Status::refused{GATEHOUSE_REFUSED};
inline constexpr Status Status::not_found{GATEHOUSE_NOT_FOUND};

// A value, or the status that says why there is none.
template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : value_(std::move(value)) {}
    Result(Status failure) noexcept : status_(failure) {}
    explicit operator bool() const noexcept { return value_.has_value(); }
    T& operator*() noexcept { return *value_; }
    T* operator->() noexcept { return &*value_; }
    Status status() const noexcept { return status_; }

  private:
    Status status_{GATEHOUSE_OK};
    std::optional<T> value_;
};

namespace detail {

inline gatehouse_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }
inline std::string_view view(gatehouse_str text) noexcept { return {text.data, text.size}; }

inline std::uint64_t milliseconds(std::chrono::milliseconds time) noexcept {
    return time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
}

// The host as one instance sees it.
struct Host {
    const gatehouse_host* table;
    gatehouse_instance* instance;
    const gatehouse_upstream_v1* upstream;
    const gatehouse_sendfile_v1* sendfile;

    Host(const gatehouse_host* host, gatehouse_instance* me) noexcept
        : table(host), instance(me),
          upstream(static_cast<const gatehouse_upstream_v1*>(host->get_extension(str(GATEHOUSE_EXT_UPSTREAM)))),
          sendfile(static_cast<const gatehouse_sendfile_v1*>(host->get_extension(str(GATEHOUSE_EXT_SENDFILE)))) {}
};

} // namespace detail

// The instance's configuration. Absent keys give the default; a key without one is required. A value that is not acceptable is
// recorded by the host, which then refuses the instance with file and line, so there is nothing to check here. [main]
class Config {
  public:
    Config(const gatehouse_host* host, const gatehouse_config* config) noexcept : host_(host), config_(config) {}

    std::string string(std::string_view key, std::optional<std::string_view> fallback = std::nullopt) const {
        gatehouse_str value{fallback ? (fallback->data() ? fallback->data() : "") : nullptr, fallback ? fallback->size() : 0};
        if (host_->config_string(config_, detail::str(key), &value) != GATEHOUSE_OK) return std::string(fallback.value_or(""));
        return std::string(detail::view(value));
    }
    std::int64_t integer(std::string_view key, std::int64_t fallback,
                         std::int64_t minimum = std::numeric_limits<std::int64_t>::min(),
                         std::int64_t maximum = std::numeric_limits<std::int64_t>::max()) const noexcept {
        host_->config_integer(config_, detail::str(key), minimum, maximum, &fallback);
        return fallback;
    }
    bool boolean(std::string_view key, bool fallback) const noexcept {
        std::int32_t value = fallback ? 1 : 0;
        host_->config_boolean(config_, detail::str(key), &value);
        return value != 0;
    }
    std::chrono::milliseconds duration(std::string_view key, std::chrono::milliseconds fallback) const noexcept {
        std::uint64_t value = detail::milliseconds(fallback);
        host_->config_duration(config_, detail::str(key), &value);
        return std::chrono::milliseconds(value);
    }
    std::uint64_t size(std::string_view key, std::uint64_t fallback) const noexcept {
        host_->config_size(config_, detail::str(key), &fallback);
        return fallback;
    }
    // The items of an array; one that is not a table has its value under the empty key: item.string("").
    std::vector<Config> items(std::string_view key) const {
        std::size_t count = 0;
        host_->config_count(config_, detail::str(key), &count);
        std::vector<Config> result;
        for (std::size_t i = 0; i < count; ++i) {
            const gatehouse_config* item = nullptr;
            if (host_->config_item(config_, detail::str(key), i, &item) == GATEHOUSE_OK) result.emplace_back(host_, item);
        }
        return result;
    }
    // Refuses the value of `key`; the message appears with file and line.
    void reject(std::string_view key, std::string_view why) const noexcept {
        host_->config_reject(config_, detail::str(key), detail::str(why));
    }

  private:
    const gatehouse_host* host_;
    const gatehouse_config* config_;
};

// What a plugin's constructor receives, and what it may keep a copy of: the way to log and to wake connections. [any], except
// config(), which is [main] and for the constructor only.
class Init {
  public:
    Init(const detail::Host& host, const gatehouse_config* config) noexcept : host_(host), config_(host.table, config) {}

    const Config& config() const noexcept { return config_; }
    void log(gatehouse_level level, std::string_view text) const noexcept {
        host_.table->log(host_.instance, level, detail::str(text));
    }
    bool wake(std::uint64_t connection) const noexcept { return host_.table->wake(host_.instance, connection) == GATEHOUSE_OK; }
    bool stopping() const noexcept { return host_.table->stopping(host_.instance) != 0; }

  private:
    detail::Host host_;
    Config config_;
};

// One end of a byte stream: what a client connection and an upstream connection have in common. [conn]
class Stream {
  public:
    // Waits for bytes and reads what is there into buffer; the result is the filled part of it.
    Result<std::span<std::byte>> read(std::span<std::byte> buffer) noexcept {
        std::size_t size = 0;
        if (Status status = host_->table->read(conn_, buffer.data(), buffer.size(), &size); !status) return status;
        return buffer.first(size);
    }
    Result<std::string_view> read(std::span<char> buffer) noexcept {
        std::size_t size = 0;
        if (Status status = host_->table->read(conn_, buffer.data(), buffer.size(), &size); !status) return status;
        return std::string_view(buffer.data(), size);
    }

    // Writes everything or fails.
    Status write(std::span<const gatehouse_bytes> parts) noexcept {
        return host_->table->write(conn_, parts.data(), parts.size());
    }
    Status write(std::initializer_list<std::string_view> parts) {
        std::vector<gatehouse_bytes> list;
        list.reserve(parts.size());
        for (std::string_view part : parts) list.push_back({part.data(), part.size()});
        return write(list);
    }
    Status write(std::span<const std::byte> bytes) noexcept {
        const gatehouse_bytes part{bytes.data(), bytes.size()};
        return host_->table->write(conn_, &part, 1);
    }
    Status write(std::string_view text) noexcept { return write(std::as_bytes(std::span(text))); }

    Status finish() noexcept { return host_->table->finish(conn_); }
    void set_deadline(std::chrono::milliseconds from_now) noexcept {
        // Zero means "no deadline" in the ABI; a deadline that has already passed is the shortest there is.
        host_->table->set_deadline(conn_, std::max<std::uint64_t>(1, detail::milliseconds(from_now)));
    }
    void clear_deadline() noexcept { host_->table->set_deadline(conn_, 0); }

    gatehouse_conn* handle() const noexcept { return conn_; }

  protected:
    Stream(const detail::Host* host, gatehouse_conn* conn) noexcept : host_(host), conn_(conn) {}

    const detail::Host* host_;
    gatehouse_conn* conn_;
};

// An outbound connection, closed with its owner unless a relay took it over.
class Upstream : public Stream {
  public:
    Upstream(const detail::Host* host, gatehouse_conn* conn) noexcept : Stream(host, conn) {}
    Upstream(Upstream&& other) noexcept : Stream(other.host_, other.release()) {}
    Upstream& operator=(Upstream&& other) noexcept {
        std::swap(host_, other.host_);
        std::swap(conn_, other.conn_);
        return *this;
    }
    ~Upstream() {
        if (conn_ != nullptr) host_->upstream->close(conn_);
    }
    gatehouse_conn* release() noexcept { return std::exchange(conn_, nullptr); }
};

// The client's connection.
class Connection : public Stream {
  public:
    Connection(const detail::Host* host, gatehouse_conn* conn) noexcept : Stream(host, conn) {}

    // True once the host drains: for a dialogue that only writes, and so is not told by read().
    bool stopping() const noexcept { return host_->table->stopping(host_->instance) != 0; }

    Event event() const noexcept { return static_cast<Event>(host_->table->event(conn_)); }
    std::uint64_t id() const noexcept { return host_->table->id(conn_); }
    // A fact about the connection, or an empty text if it is not known; valid until serve() returns.
    std::string_view fact(gatehouse_fact which) const noexcept {
        gatehouse_str value{};
        return host_->table->fact(conn_, which, &value) == GATEHOUSE_OK ? detail::view(value) : std::string_view();
    }
    std::string_view peer() const noexcept { return fact(GATEHOUSE_FACT_PEER); }
    std::string_view local() const noexcept { return fact(GATEHOUSE_FACT_LOCAL); }
    std::string_view listener() const noexcept { return fact(GATEHOUSE_FACT_LISTENER); }

    // Explains a failure; to be followed by `return Next::error`.
    void set_error(std::string_view text) noexcept { host_->table->set_error(host_->instance, detail::str(text)); }

    // Writes the parts and then `length` bytes of the file from `offset`; see ext/sendfile.h.
    Status send_file(std::span<const gatehouse_bytes> parts, int fd, std::uint64_t offset, std::uint64_t length) noexcept {
        if (host_->sendfile == nullptr) return GATEHOUSE_UNSUPPORTED;
        return host_->sendfile->send(conn_, parts.data(), parts.size(), fd, offset, length);
    }

    // Connects to "host:port", "[v6]:port" or "unix:/path"; see ext/upstream.h.
    Result<Upstream> connect(std::string_view address, std::chrono::milliseconds within) noexcept {
        if (host_->upstream == nullptr) return Status(GATEHOUSE_UNSUPPORTED);
        gatehouse_conn* upstream = nullptr;
        Status status = host_->upstream->connect(conn_, detail::str(address), detail::milliseconds(within), &upstream);
        if (!status) return status;
        return Upstream(host_, upstream);
    }

    // Hands both connections to the host's relay engine; to be returned from serve(). An idle time of zero is the listener's.
    Next relay(Upstream upstream, std::chrono::milliseconds idle = {}) noexcept {
        const Status status = host_->upstream->relay(conn_, upstream.release(), detail::milliseconds(idle));
        return status ? Next::relay : Next::error;
    }

    gatehouse_instance* instance() const noexcept { return host_->instance; }
    void* state() const noexcept { return host_->table->state(conn_); }
    void set_state(void* state) noexcept { host_->table->set_state(conn_, state); }
};

namespace detail {

template <class P>
concept HasSession = requires { typename P::Session; };

template <class P>
struct SessionOf {
    struct type {};
};
template <HasSession P>
struct SessionOf<P> {
    using type = typename P::Session;
};

// Turns a C++ class into the hooks of gatehouse_plugin. Every hook is a barrier that no exception passes.
template <class P>
class Adapter {
    using Session = typename SessionOf<P>::type;

    struct Instance {
        Host host;
        P plugin;

        template <class... Arguments>
        explicit Instance(const Host& table, Arguments&... arguments) : host(table), plugin(arguments...) {}
    };

    static void explain(const Host& host, const char* what) noexcept { host.table->set_error(host.instance, str(what)); }

    static gatehouse_status create(const gatehouse_host* table, gatehouse_instance* me, const gatehouse_config* config,
                                   void** self) noexcept {
        const Host host(table, me);
        try {
            if constexpr (std::constructible_from<P, Init&>) {
                Init init(host, config);
                *self = new Instance(host, init);
            } else {
                *self = new Instance(host);
            }
            return GATEHOUSE_OK;
        } catch (const std::exception& error) {
            explain(host, error.what());
        } catch (...) {
            explain(host, "the constructor threw something that is not a std::exception");
        }
        return GATEHOUSE_FAILED;
    }

    static gatehouse_next serve_instance(Instance& instance, Connection& conn) {
        auto next_of = [](auto&& call) -> gatehouse_next {
            if constexpr (std::is_void_v<decltype(call())>) {
                call();
                return GATEHOUSE_CLOSE;
            } else {
                return static_cast<gatehouse_next>(call());
            }
        };
        if constexpr (HasSession<P>) {
            auto* session = static_cast<Session*>(conn.state());
            if (session == nullptr) {
                if constexpr (std::constructible_from<Session, P&>)
                    session = new Session(instance.plugin);
                else
                    session = new Session();
                conn.set_state(session);
            }
            return next_of([&] { return instance.plugin.serve(conn, *session); });
        } else {
            return next_of([&] { return instance.plugin.serve(conn); });
        }
    }

    static gatehouse_next serve(void* self, gatehouse_conn* handle) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        Connection conn(&instance.host, handle);
        try {
            return serve_instance(instance, conn);
        } catch (const std::exception& error) {
            explain(instance.host, error.what());
        } catch (...) {
            explain(instance.host, "serve() threw something that is not a std::exception");
        }
        return GATEHOUSE_NEXT_EXCEPTION;
    }

    static void closed(void* self, void* state, gatehouse_str reason) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        const std::unique_ptr<Session> session(static_cast<Session*>(HasSession<P> ? state : nullptr));
        guard(instance, "closed() threw", [&] {
            if constexpr (requires(P& plugin, Session& s) { plugin.closed(s, view(reason)); }) {
                if (session) instance.plugin.closed(*session, view(reason));
            } else if constexpr (requires(P& plugin) { plugin.closed(view(reason)); }) {
                instance.plugin.closed(view(reason));
            }
        });
    }

    static void stop(void* self) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        guard(instance, "stop() threw", [&] {
            if constexpr (requires(P& plugin) { plugin.stop(); }) instance.plugin.stop();
        });
    }

    static gatehouse_match probe(void* self, const void* bytes, std::size_t size) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        gatehouse_match match = GATEHOUSE_MATCH_NO;
        guard(instance, "probe() threw", [&] {
            if constexpr (requires(P& plugin, std::span<const std::byte> s) { plugin.probe(s); })
                match = instance.plugin.probe(std::span(static_cast<const std::byte*>(bytes), size));
        });
        return match;
    }

    static void destroy(void* self) noexcept { delete static_cast<Instance*>(self); }

    // For hooks that have no way to report a failure: it is logged.
    static void guard(Instance& instance, std::string_view what, auto&& call) noexcept {
        try {
            call();
            return;
        } catch (const std::exception& error) {
            try {
                const std::string text = std::string(what) + ": " + error.what();
                instance.host.table->log(instance.host.instance, GATEHOUSE_ERROR, str(text));
                return;
            } catch (...) { // no memory for the text: the short form below has to do
            }
        } catch (...) { // not a std::exception: there is no text to add
        }
        instance.host.table->log(instance.host.instance, GATEHOUSE_ERROR, str(what));
    }

  public:
    static constexpr gatehouse_plugin table(std::string_view name, std::string_view version) noexcept {
        gatehouse_plugin plugin{};
        plugin.size = sizeof plugin;
        plugin.abi_major = GATEHOUSE_ABI_MAJOR;
        plugin.needs_minor = GATEHOUSE_NEEDS_MINOR;
        if constexpr (requires { P::server_first; }) plugin.flags = P::server_first ? GATEHOUSE_SERVER_FIRST : 0;
        plugin.name = {name.data(), name.size()};
        plugin.version = {version.data(), version.size()};
        if constexpr (requires { P::try_it; }) plugin.try_it = {P::try_it.data(), P::try_it.size()};
        plugin.create = create;
        plugin.serve = serve;
        plugin.closed = closed;
        plugin.stop = stop;
        plugin.destroy = destroy;
        if constexpr (requires(P& p, std::span<const std::byte> s) { p.probe(s); }) plugin.probe = probe;
        return plugin;
    }
};

} // namespace detail
} // namespace gatehouse

// Defines the one symbol that the host looks for. `name` and `version` are string literals.
#define GATEHOUSE_PLUGIN(Class, name, version)                                                                                 \
    extern "C" GATEHOUSE_EXPORT const gatehouse_plugin* gatehouse_plugin_v1() noexcept {                                       \
        static constexpr gatehouse_plugin table = ::gatehouse::detail::Adapter<Class>::table(name, version);                   \
        return &table;                                                                                                         \
    }

#endif
