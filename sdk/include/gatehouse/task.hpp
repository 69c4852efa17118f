// Sequential code that holds no thread: a plugin's serve() may be a coroutine.
//
//     struct Echo {
//         gatehouse::Task<> serve(gatehouse::Stream& client) {
//             while (auto chunk = co_await client.some())
//                 if (!co_await client.write(*chunk)) co_return;
//         }
//     };
//     GATEHOUSE_PLUGIN(Echo, "echo", "1.0.0")
//
// Where the code would wait, the Task is suspended and its thread serves others. When serve() returns, the host delivers what
// was written and closes; a Task<Next> says what is next instead, as Next serve() does: co_return client.relay(...).
//
// - Each co_await may go on in another thread: hold no lock, no reference to a thread_local and no errno across one.
// - Statuses are those of read(), as gatehouse.h has them. Nothing is thrown at a suspended Task.
// - A connection that ends while its Task is suspended is not resumed: the host destroys the Task's frame, innermost first, in
// any
//   thread. Destructors must not block. Server connections that the frame holds are closed by that.
// - An exception that leaves serve() ends the connection with plugin_exception.
// - sleep() shares the one timer of the connection with set_deadline(): the earlier of the two comes first.
// - One co_await of a connection at a time: a Task awaits another Task, or one of the operations below.
#ifndef GATEHOUSE_TASK_HPP
#define GATEHOUSE_TASK_HPP

#include "connection.hpp"
#include "gatehouse.h"
#include "init.hpp"
#include "status.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace gatehouse {

namespace detail {

struct TaskSession;

// A stream, and what to watch it for.
struct Watched {
    gatehouse_conn* stream = nullptr;
    std::uint32_t wanted = 0;
};
inline constexpr std::size_t most_awaited = 4; // streams in one any()
using WatchList = std::array<Watched, most_awaited>;

// What a suspended Task waits for. It is a part of the Task's frame, so it is small.
class Awaited {
  public:
    // Something has come: tries again. True: it is over, and the Task goes on.
    virtual bool attempt(TaskSession& session, Event why) noexcept = 0;
    virtual void list(WatchList& /*watched*/) const noexcept {} // what is to be watched meanwhile: nothing

  protected:
    Awaited() = default;
    ~Awaited() = default;
};

// The result of a Task.
template <class T>
struct TaskResult {
    std::optional<T> value;
    void return_value(T result) { value.emplace(std::move(result)); }
    T take() { return std::move(*value); }
};
template <>
struct TaskResult<void> {
    void return_void() noexcept {}
    void take() noexcept {}
};

} // namespace detail

// A coroutine that has been called and not been awaited yet. The frame is destroyed with it.
template <class T>
class [[nodiscard]] Task {
  public:
    struct promise_type : detail::TaskResult<T> {
        std::coroutine_handle<> awaiter = std::noop_coroutine(); // goes on when this one has returned
        std::exception_ptr failure;

        Task get_return_object() noexcept { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        struct Final {
            bool await_ready() noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> done) noexcept {
                return done.promise().awaiter;
            }
            void await_resume() noexcept {}
        };
        Final final_suspend() noexcept { return {}; }
        void unhandled_exception() noexcept { failure = std::current_exception(); }
    };

    Task() noexcept = default; // none
    Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~Task() {
        if (frame_) frame_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
        frame_.promise().awaiter = awaiter;
        return frame_;
    }
    T await_resume() { return result(); }

    // For who runs it.
    std::coroutine_handle<> frame() const noexcept { return frame_; }
    bool done() const noexcept { return frame_.done(); }
    T result() {
        if (frame_.promise().failure) std::rethrow_exception(frame_.promise().failure);
        return frame_.promise().take();
    }

  private:
    explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    std::coroutine_handle<promise_type> frame_;
};

namespace detail {

// Both kinds of streams of a Task.
class TaskStream {
  public:
    class Read;
    class Some;
    class Write;
    class Send;

    // Waits for the first byte, and gives what has arrived, in a buffer of the thread: it is valid until the next co_await.
    Some some() noexcept;
    // The same in a buffer of the caller's, which is part of the frame if it is a local variable.
    Read read(std::span<char> buffer) noexcept;
    // Writes everything or fails. `text` is borrowed until then; it may be what some() has given.
    Write write(std::string_view text) noexcept;
    // Hands output over: see gatehouse_host.send. Over as soon as the host has taken it, which may be later if it holds much.
    Send send(std::span<const gatehouse_bytes> parts, int fd = -1, std::uint64_t offset = 0, std::uint64_t length = 0) noexcept;

    // For any(): there is something to read, or room to write.
    struct Readiness {
        TaskStream* stream;
        std::uint32_t wanted;
    };
    Readiness readable() noexcept { return {this, GATEHOUSE_READABLE}; }
    Readiness writable() noexcept { return {this, GATEHOUSE_WRITABLE}; }

    // What does not wait is as with a Connection.
    Result<std::string_view> read_now(std::span<char> buffer) noexcept { return stream().read_now(buffer); }
    Result<std::size_t> write_now(std::string_view text) noexcept { return stream().write_now(text); }
    Status finish() noexcept { return stream().finish(); }
    std::string_view fact(gatehouse_fact which) const noexcept { return stream().fact(which); }
    std::string_view peer() const noexcept { return fact(GATEHOUSE_FACT_PEER); }
    std::string_view local() const noexcept { return fact(GATEHOUSE_FACT_LOCAL); }
    gatehouse_conn* handle() const noexcept { return conn_; }

  protected:
    TaskStream(TaskSession& session, gatehouse_conn* conn) noexcept : session_(&session), conn_(conn) {}

    friend class Any;
    friend class gatehouse::Stream; // relay_some()

    struct Handle : ByteStream { // its calls that do not wait
        Handle(const Host* host, gatehouse_conn* conn) noexcept : ByteStream(host, conn) {}
    };
    Handle stream() const noexcept;

    TaskSession* session_;
    gatehouse_conn* conn_;
    bool may_have_more_ = true; // the last read has left something, perhaps
};

} // namespace detail

// A connection to a server, made by Stream::connect(). The destructor closes it.
class Server : public detail::TaskStream {
  public:
    Server(detail::TaskSession& session, Upstream upstream) noexcept
        : TaskStream(session, upstream.handle()), upstream_(std::move(upstream)) {}
    Server(Server&&) noexcept = default;
    Server& operator=(Server&&) noexcept = default;
    ~Server() { release(); }

  private:
    friend class Stream;
    Upstream release() noexcept; // it is the Task's no more

    Upstream upstream_;
};

// The client's connection, in a Task.
class Stream : public detail::TaskStream {
  public:
    class Connect;
    class StartTls;
    class RelaySome;
    class AcceptTls;
    class Sleep;
    class Woken;

    explicit Stream(detail::TaskSession& session, gatehouse_conn* conn) noexcept : TaskStream(session, conn) {}
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Connects to a server: see Connection::connect().
    Connect connect(const Connection::Server& server) noexcept;
    // Begins TLS on it: see Connection::start_tls().
    StartTls start_tls(Server& server, const gatehouse_tls_client& tls, std::string_view server_name,
                       std::chrono::milliseconds within) noexcept;
    // A connection from a pool, and back: see Connection::take(). Neither waits.
    Result<Server> take(const Connection::Server& server) noexcept;
    Status keep(Server server) noexcept { return connection().keep(server.release()); }
    // The host carries so many bytes between two streams of this client: see Connection::relay_some().
    RelaySome relay_some(const TaskStream& from, const TaskStream& to, std::uint64_t bytes, bool until_news = false) noexcept;
    // Shakes hands with a client that has asked for TLS (STARTTLS): see Connection::accept_tls().
    AcceptTls accept_tls(const gatehouse_tls_server& server, std::size_t unused) noexcept;
    Sleep sleep(std::chrono::milliseconds time) noexcept;
    // Until Init::wake() has been called with this connection's id, since the last time that this was awaited.
    Woken woken() noexcept;

    void set_deadline(std::chrono::milliseconds from_now) noexcept;
    void clear_deadline() noexcept;
    std::uint64_t id() const noexcept { return connection().id(); }
    bool stopping() const noexcept { return connection().stopping(); }
    void set_error(std::string_view text) noexcept { connection().set_error(text); }
    void log(gatehouse_level level, std::string_view text, std::initializer_list<Field> fields = {}) noexcept {
        connection().log(level, text, fields);
    }
    Status set_user(std::string_view name) noexcept { return connection().set_user(name); }
    Next relay(Server server, std::chrono::milliseconds idle = {}) noexcept {
        return connection().relay(server.release(), idle);
    }

  private:
    Connection connection() const noexcept;
};

namespace detail {

// The Task that serves a connection, and what it waits for.
struct TaskSession {
    TaskSession(const Host* the_host, gatehouse_conn* conn) noexcept : host(the_host), client(*this, conn) {}
    TaskSession(const TaskSession&) = delete;
    TaskSession& operator=(const TaskSession&) = delete;

    Connection connection() const noexcept { return {host, client.handle()}; }

    void suspend(std::coroutine_handle<> task, Awaited& until) noexcept {
        suspended = task;
        awaited = &until;
    }

    // Has watched what is waited for, and nothing else.
    Next park() {
        WatchList now{};
        awaited->list(now);
        std::uint32_t of_client = 0;
        bool of_servers = false;
        for (const Watched& one : now) {
            if (one.stream == client.handle()) of_client = one.wanted;
            of_servers = of_servers || (one.stream != nullptr && one.stream != client.handle());
        }
        if (client_wanted != of_client) watch(client.handle(), of_client);
        client_wanted = static_cast<std::uint8_t>(of_client);
        if (of_servers && !servers) servers = std::make_unique<WatchList>();
        if (servers) watch_servers(now);
        return Next::park;
    }

    using Time = std::chrono::milliseconds; // of the host's clock
    static constexpr Time never = Time::max();
    // The host has one timer: for the earlier of the deadline and this.
    void set_timer(Time wake_at) noexcept {
        const Time first = std::min(deadline, wake_at);
        if (first == never)
            connection().clear_deadline();
        else
            connection().set_deadline(first - host->now());
        sleeper_first = wake_at < deadline;
    }

    // The stream is closed, or another one's.
    void forget(const gatehouse_conn* stream) noexcept {
        if (!servers) return;
        for (Watched& one : *servers)
            if (one.stream == stream) one = {};
    }

    const Host* host;
    Stream client;
    Awaited* awaited = nullptr;
    std::coroutine_handle<> suspended;
    Time deadline = never;      // of the plugin
    Event untold = Event::data; // what ends every wait, and no co_await has said yet; data: nothing does
    bool woken = false;         // and no woken() has said so yet
    bool sleeper_first = false; // the timer is a sleep()'s
    std::uint8_t client_wanted = GATEHOUSE_READABLE;
    std::unique_ptr<WatchList> servers; // those that are watched; null: none has been

  private:
    void watch(gatehouse_conn* stream, std::uint32_t wanted) noexcept { host->table->watch(client.handle(), stream, wanted); }

    void watch_servers(const WatchList& now) noexcept {
        for (Watched& before : *servers)
            if (before.stream != nullptr && std::ranges::find(now, before.stream, &Watched::stream) == now.end()) {
                watch(before.stream, 0);
                before = {};
            }
        for (const Watched& one : now)
            if (one.stream != nullptr && one.stream != client.handle()) watch(one.stream, one.wanted);
        *servers = now;
    }
};

} // namespace detail

inline Upstream Server::release() noexcept {
    if (upstream_.handle() != nullptr) session_->forget(upstream_.handle());
    return std::move(upstream_);
}

namespace detail {

inline TaskStream::Handle TaskStream::stream() const noexcept { return {session_->host, conn_}; }

// Whether the event ends every wait, and how.
inline std::optional<Status> end_of_waits(Event why) noexcept {
    if (why == Event::timeout) return Status::timeout;
    if (why == Event::stopping) return Status::stopping;
    if (why == Event::timer) return Status::timer;
    return std::nullopt;
}

// The Task is about to hear of this status.
inline void tell(TaskSession& session, Status status) noexcept {
    if (status == end_of_waits(session.untold)) session.untold = Event::data;
}

class [[nodiscard]] TaskStream::Some : public Awaited {
  public:
    explicit Some(TaskStream& stream) noexcept : stream_(&stream) {}

    bool await_ready() noexcept { return stream_->may_have_more_ && attempt(*stream_->session_, Event::data); }
    void await_suspend(std::coroutine_handle<> task) noexcept { stream_->session_->suspend(task, *this); }
    Result<std::string_view> await_resume() const noexcept {
        if (!status_) return status_;
        return std::string_view(data_, size_);
    }

    bool attempt(TaskSession& /*session*/, Event /*why*/) noexcept override { return read(of_thread()); }
    void list(WatchList& watched) const noexcept final { watched[0] = {stream_->conn_, GATEHOUSE_READABLE}; }

  protected:
    // What is left is found by the host: a parked connection is served as long as there is something.
    bool read(std::span<char> buffer) noexcept {
        buffer = buffer.first(std::min<std::size_t>(buffer.size(), 1U << 30U));
        const Result<std::string_view> text = stream_->read_now(buffer);
        status_ = text.status();
        tell(*stream_->session_, status_);
        if (text) {
            data_ = text->data();
            size_ = static_cast<std::uint32_t>(text->size());
        }
        stream_->may_have_more_ = text && text->size() == buffer.size();
        return status_ != Status::again;
    }

  private:
    static std::span<char> of_thread() noexcept {
        thread_local std::array<char, 16384> buffer;
        return buffer;
    }

    TaskStream* stream_;
    const char* data_ = nullptr;
    std::uint32_t size_ = 0;
    Status status_{Status::again};
};

class [[nodiscard]] TaskStream::Read : public Some {
  public:
    Read(TaskStream& stream, std::span<char> buffer) noexcept : Some(stream), buffer_(buffer) {}

    bool attempt(TaskSession& /*session*/, Event /*why*/) noexcept final { return read(buffer_); }

  private:
    std::span<char> buffer_;
};

// What the socket does not take at once the host copies and sends, since some() may have given it: its buffer is soon
// another's. More than the host copies is the caller's own.
class [[nodiscard]] TaskStream::Write : public Awaited {
  public:
    Write(TaskStream& stream, std::string_view text) noexcept : stream_(&stream), text_(text) {}

    bool await_ready() noexcept { return attempt(*stream_->session_, Event::data); }
    void await_suspend(std::coroutine_handle<> task) noexcept { stream_->session_->suspend(task, *this); }
    Status await_resume() const noexcept { return status_; }

    bool attempt(TaskSession& /*session*/, Event why) noexcept final {
        if (why == Event::timeout) status_ = Status::timeout;
        tell(*stream_->session_, status_);
        if (why == Event::timeout || (handed_over_ && why == Event::sent)) return true;
        while (!handed_over_) {
            if (text_.size() <= most_handed_over) {
                const auto left = stream_->stream().send(text_);
                handed_over_ = left && *left > 0;
                status_ = left.status() == Status::again ? Status(GATEHOUSE_OK) : left.status();
                if (left.status() != Status::again) return !handed_over_;
                return false;
            }
            const Result<std::size_t> written = stream_->write_now(text_);
            if (!written) {
                status_ = written.status() == Status::again ? Status(GATEHOUSE_OK) : written.status();
                return written.status() != Status::again;
            }
            text_.remove_prefix(*written);
        }
        return false;
    }
    void list(WatchList& watched) const noexcept final {
        if (text_.size() > most_handed_over) watched[0] = {stream_->conn_, GATEHOUSE_WRITABLE};
    }

  private:
    static constexpr std::size_t most_handed_over = 64 * 1024;

    TaskStream* stream_;
    std::string_view text_; // that is left
    Status status_{GATEHOUSE_OK};
    bool handed_over_ = false;
};

class [[nodiscard]] TaskStream::Send : public Awaited {
  public:
    Send(TaskStream& stream, std::span<const gatehouse_bytes> parts, int fd, std::uint64_t offset,
         std::uint64_t length) noexcept
        : stream_(&stream), parts_(parts), fd_(fd), offset_(offset), length_(length) {}

    bool await_ready() noexcept { return attempt(*stream_->session_, Event::data); }
    void await_suspend(std::coroutine_handle<> task) noexcept { stream_->session_->suspend(task, *this); }
    Status await_resume() const noexcept { return status_; }

    bool attempt(TaskSession& /*session*/, Event why) noexcept final {
        const auto left = stream_->stream().send(parts_, fd_, offset_, length_);
        status_ = left.status() == Status::again && why == Event::timeout ? Status::timeout : left.status();
        tell(*stream_->session_, status_);
        return status_ != Status::again;
    }

  private:
    TaskStream* stream_;
    std::span<const gatehouse_bytes> parts_;
    int fd_;
    std::uint64_t offset_, length_;
    Status status_{GATEHOUSE_OK};
};

inline TaskStream::Some TaskStream::some() noexcept { return Some(*this); }
inline TaskStream::Read TaskStream::read(std::span<char> buffer) noexcept { return {*this, buffer}; }
inline TaskStream::Write TaskStream::write(std::string_view text) noexcept { return {*this, text}; }
inline TaskStream::Send TaskStream::send(std::span<const gatehouse_bytes> parts, int fd, std::uint64_t offset,
                                         std::uint64_t length) noexcept {
    return {*this, parts, fd, offset, length};
}

// Which of several streams is ready first.
class [[nodiscard]] Any : public Awaited {
  public:
    explicit Any(std::span<const TaskStream::Readiness> wanted) noexcept : session_(wanted.front().stream->session_) {
        for (std::size_t i = 0; i < wanted.size(); ++i) watched_[i] = {wanted[i].stream->conn_, wanted[i].wanted};
    }

    bool await_ready() const noexcept { return false; } // the host comes back at once if there is something
    void await_suspend(std::coroutine_handle<> task) noexcept { session_->suspend(task, *this); }
    Result<std::size_t> await_resume() const noexcept {
        if (!status_) return status_;
        return which_;
    }

    bool attempt(TaskSession& session, Event why) noexcept final {
        std::array<gatehouse_news, most_awaited> room;
        for (const gatehouse_news& news : session.connection().news(room)) {
            for (which_ = 0; which_ < watched_.size(); ++which_)
                if (watched_[which_].stream == news.stream && (watched_[which_].wanted & news.ready) != 0) return true;
        }
        const std::optional<Status> end = end_of_waits(why);
        if (end) status_ = *end;
        tell(session, status_);
        return end.has_value();
    }
    void list(WatchList& watched) const noexcept final { watched = watched_; }

  private:
    TaskSession* session_;
    WatchList watched_{};
    std::size_t which_ = 0;
    Status status_{GATEHOUSE_OK};
};

} // namespace detail

// Waits until one of several streams of a client can be read from or written to, and gives its place in the list. It may be
// there in vain: what it is good for is a read_now() or write_now().
template <class... More>
auto any(detail::TaskStream::Readiness first, More... more) noexcept {
    static_assert(1 + sizeof...(more) <= detail::most_awaited, "gatehouse: any() takes up to four");
    const std::array<detail::TaskStream::Readiness, 1 + sizeof...(more)> all{first, more...};
    return detail::Any(all);
}

class [[nodiscard]] Stream::Connect : public detail::Awaited {
  public:
    Connect(detail::TaskSession& session, const Connection::Server& server) noexcept : session_(&session), server_(server) {}

    bool await_ready() noexcept {
        status_ = session_->connection().connect_now(server_, upstream_);
        return status_ != Status::again || attempt(*session_, Event::ready);
    }
    void await_suspend(std::coroutine_handle<> task) noexcept { session_->suspend(task, *this); }
    Result<Server> await_resume() noexcept {
        if (!status_) return status_;
        return Server(*session_, std::move(*upstream_));
    }

    bool attempt(detail::TaskSession& session, Event why) noexcept final {
        std::string_view ignored;
        status_ = session.connection().outcome(*upstream_, ignored);
        if (status_ == Status::again && why == Event::timeout) status_ = Status::timeout;
        tell(session, status_);
        return status_ != Status::again;
    }

  private:
    detail::TaskSession* session_;
    Connection::Server server_;
    std::optional<Upstream> upstream_;
    Status status_{GATEHOUSE_OK};
};

class [[nodiscard]] Stream::StartTls : public detail::Awaited {
  public:
    StartTls(detail::TaskSession& session, Server& server, const gatehouse_tls_client& tls, std::string_view server_name,
             std::chrono::milliseconds within) noexcept
        : session_(&session), server_(&server), tls_(&tls), server_name_(server_name), within_(within) {}

    bool await_ready() noexcept {
        status_ = session_->connection().start_tls_now(server_->upstream_, *tls_, server_name_, within_);
        return status_ != Status::again || attempt(*session_, Event::ready);
    }
    void await_suspend(std::coroutine_handle<> task) noexcept { session_->suspend(task, *this); }
    Status await_resume() const noexcept { return status_; }

    bool attempt(detail::TaskSession& session, Event why) noexcept final {
        std::string_view ignored;
        status_ = session.connection().outcome(server_->upstream_, ignored);
        if (status_ == Status::again && why == Event::timeout) status_ = Status::timeout;
        tell(session, status_);
        return status_ != Status::again;
    }

  private:
    detail::TaskSession* session_;
    Server* server_;
    const gatehouse_tls_client* tls_;
    std::string_view server_name_;
    std::chrono::milliseconds within_;
    Status status_{GATEHOUSE_OK};
};

class [[nodiscard]] Stream::RelaySome : public detail::Awaited {
  public:
    RelaySome(detail::TaskSession& session, Connection::Relayed begun) noexcept : session_(&session), relayed_(begun) {}

    bool await_ready() const noexcept { return !relayed_.status; }
    void await_suspend(std::coroutine_handle<> task) noexcept { session_->suspend(task, *this); }
    Connection::Relayed await_resume() const noexcept { return relayed_; }

    bool attempt(detail::TaskSession& session, Event /*why*/) noexcept final {
        const Connection::Relayed relayed = session.connection().relayed();
        if (relayed.status == Status::invalid) return false; // it has not ended
        relayed_ = relayed;
        tell(session, relayed_.status);
        return true;
    }

  private:
    detail::TaskSession* session_;
    Connection::Relayed relayed_;
};

class [[nodiscard]] Stream::AcceptTls : public detail::Awaited {
  public:
    AcceptTls(detail::TaskSession& session, const gatehouse_tls_server& server, std::size_t unused) noexcept
        : session_(&session), server_(&server), unused_(unused) {}

    bool await_ready() noexcept {
        status_ = session_->connection().accept_tls_now(*server_, unused_);
        return status_ != Status::again || attempt(*session_, Event::ready);
    }
    void await_suspend(std::coroutine_handle<> task) noexcept { session_->suspend(task, *this); }
    Status await_resume() const noexcept { return status_; }

    bool attempt(detail::TaskSession& session, Event why) noexcept final {
        std::string_view ignored;
        status_ = session.connection().outcome(ignored);
        if (status_ == Status::again && (why == Event::timeout || why == Event::timer))
            status_ = why == Event::timer ? Status::timer : Status::timeout;
        tell(session, status_);
        return status_ != Status::again;
    }

  private:
    detail::TaskSession* session_;
    const gatehouse_tls_server* server_;
    std::size_t unused_;
    Status status_{GATEHOUSE_OK};
};

class [[nodiscard]] Stream::Sleep : public detail::Awaited {
  public:
    Sleep(detail::TaskSession& session, std::chrono::milliseconds time) noexcept : session_(&session), time_(time) {}

    bool await_ready() const noexcept { return time_.count() <= 0; }
    void await_suspend(std::coroutine_handle<> task) noexcept {
        session_->set_timer(session_->host->now() + time_);
        session_->suspend(task, *this);
    }
    Status await_resume() const noexcept { return status_; }

    bool attempt(detail::TaskSession& session, Event why) noexcept final {
        const std::optional<Status> end = detail::end_of_waits(why);
        if (!end) return false;
        status_ = why == Event::timer && session.sleeper_first ? Status(GATEHOUSE_OK) : *end;
        tell(session, *end);
        session.set_timer(detail::TaskSession::never);
        return true;
    }

  private:
    detail::TaskSession* session_;
    std::chrono::milliseconds time_;
    Status status_{GATEHOUSE_OK};
};

class [[nodiscard]] Stream::Woken : public detail::Awaited {
  public:
    explicit Woken(detail::TaskSession& session) noexcept : session_(&session) {}

    bool await_ready() const noexcept { return std::exchange(session_->woken, false); }
    void await_suspend(std::coroutine_handle<> task) noexcept { session_->suspend(task, *this); }
    Status await_resume() const noexcept { return status_; }

    bool attempt(detail::TaskSession& session, Event why) noexcept final {
        const std::optional<Status> end = detail::end_of_waits(why);
        if (end) status_ = *end;
        tell(session, status_);
        return end || std::exchange(session.woken, false);
    }

  private:
    detail::TaskSession* session_;
    Status status_{GATEHOUSE_OK};
};

inline Stream::Connect Stream::connect(const Connection::Server& server) noexcept { return {*session_, server}; }
inline Stream::StartTls Stream::start_tls(Server& server, const gatehouse_tls_client& tls, std::string_view server_name,
                                          std::chrono::milliseconds within) noexcept {
    return {*session_, server, tls, server_name, within};
}
inline Stream::RelaySome Stream::relay_some(const TaskStream& from, const TaskStream& to, std::uint64_t bytes,
                                            bool until_news) noexcept {
    return {*session_, {connection().relay_some(from.stream(), to.stream(), bytes, until_news), 0, nullptr}};
}
inline Result<Server> Stream::take(const Connection::Server& server) noexcept {
    Result<Upstream> taken = connection().take(server);
    if (!taken) return taken.status();
    return Server(*session_, std::move(*taken));
}
inline Stream::AcceptTls Stream::accept_tls(const gatehouse_tls_server& server, std::size_t unused) noexcept {
    return {*session_, server, unused};
}
inline Stream::Sleep Stream::sleep(std::chrono::milliseconds time) noexcept { return {*session_, time}; }
inline Stream::Woken Stream::woken() noexcept { return Woken(*session_); }
inline Connection Stream::connection() const noexcept { return session_->connection(); }

inline void Stream::set_deadline(std::chrono::milliseconds from_now) noexcept {
    session_->deadline = session_->host->now() + from_now;
    session_->set_timer(detail::TaskSession::never);
}
inline void Stream::clear_deadline() noexcept {
    session_->deadline = detail::TaskSession::never;
    session_->set_timer(detail::TaskSession::never);
}

namespace detail {

// A connection that a Task serves.
template <class Result>
class TaskRun : public TaskSession {
  public:
    using TaskSession::TaskSession;

    // serve() of the host. Throws what has left the Task.
    template <class P>
    Next serve(P& plugin) {
        const Event why = connection().event();
        if (why == Event::timer && !sleeper_first) deadline = never; // it has passed
        if (!task_.frame()) {
            task_ = plugin.serve(client);
            task_.frame().resume();
        } else {
            go_on(why);
        }
        if (!task_.done()) return park();
        if constexpr (std::is_void_v<Result>) {
            task_.result();
            return Next::close;
        } else {
            return task_.result();
        }
    }

  private:
    // What ends every wait is for the next co_await that would wait, if this one has something else to tell.
    void go_on(Event why) {
        if (end_of_waits(why)) untold = why;
        woken = woken || why == Event::wake;
        while (awaited->attempt(*this, why)) {
            suspended.resume();
            why = untold;
            if (task_.done() || why == Event::data) return;
        }
    }

    Task<Result> task_;
};

} // namespace detail

} // namespace gatehouse

#endif
