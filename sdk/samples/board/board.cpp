#include <gatehouse/plugin.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

// Tells its clients what is written into a named pipe: `mkfifo news; echo "We close at six." > news`.
class Board {
  public:
    static constexpr bool server_first = true;
    static constexpr std::string_view try_it = "nc {host} {port}";

    explicit Board(gatehouse::Init& init)
        : init_(init), pipe_(init.config().string("pipe")),
          notices_(init, "notices", "notices, for each client", {.labels = {"outcome"}}), told_(notices_.with({"told"})),
          missed_(notices_.with({"missed"})),
          size_(gatehouse::Metric<gatehouse::Histogram>(init, "notice_size", "the sizes of notices",
                                                        {.unit = "bytes", .bounds = {16, 256, 4096}})
                    .with()) {}

    void start() {
        fd_ = ::open(pipe_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC); // as a writer as well, so that it has no end
        if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "cannot open " + pipe_);
        poll_.emplace(init_, fd_, gatehouse::Ready::readable, [this](gatehouse::Ready) { take_notice(); });
    }

    ~Board() {
        poll_.reset(); // before the descriptor is closed
        if (fd_ >= 0) ::close(fd_);
    }

    gatehouse::Next serve(gatehouse::Connection& conn) {
        std::array<char, 256> buffer;
        switch (conn.event()) {
        case gatehouse::Event::open:
        case gatehouse::Event::wake:
            return conn.write(unread(conn.id())) ? gatehouse::Next::park : gatehouse::Next::close;
        case gatehouse::Event::data: // what the client says is not for us, but that it leaves is
            return conn.read(buffer) ? gatehouse::Next::park : gatehouse::Next::close;
        default: // the host ends this
            return gatehouse::Next::close;
        }
    }

    void closed(std::uint64_t id, std::string_view /*reason*/) {
        const std::lock_guard lock(mutex_);
        unread_.erase(id);
    }

  private:
    static constexpr std::size_t most_unread = 65536; // bytes, for a client that does not read

    void take_notice() {
        std::array<char, 4096> buffer;
        const ssize_t size = ::read(fd_, buffer.data(), buffer.size());
        if (size <= 0) return; // it was in vain; if there is more, the host calls again
        const std::string_view notice(buffer.data(), static_cast<std::size_t>(size));
        size_.observe(size);
        const std::lock_guard lock(mutex_);
        init_.log(GATEHOUSE_LEVEL_INFO, "a notice", {{"size", gatehouse::Value::bytes(size)}, {"clients", unread_.size()}});
        for (auto& [id, unread] : unread_) {
            if (unread.size() + notice.size() > most_unread) {
                missed_.add();
                continue;
            }
            unread += notice;
            told_.add();
            init_.wake(id);
        }
    }

    std::string unread(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        return std::exchange(unread_[id], "");
    }

    const gatehouse::Init init_; // constant after construction, as are the next five
    const std::string pipe_;
    const gatehouse::Metric<gatehouse::Counter> notices_;
    const gatehouse::Counter told_, missed_;
    const gatehouse::Histogram size_;
    int fd_ = -1; // constant after start()
    std::mutex mutex_;
    std::map<std::uint64_t, std::string> unread_; // of each client; guarded by mutex_
    std::optional<gatehouse::Poll> poll_;
};
GATEHOUSE_PLUGIN(Board, "board", "1.0.0")
