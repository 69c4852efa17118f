#include "top_command.hpp"

#include "base/printable.hpp"
#include "base/time_text.hpp"
#include "top_screen.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace gatehouse::host {
namespace {

constexpr char ctrl_c = 3;
constexpr Nanoseconds signal_look = 1'000'000'000; // one may come just before a wait

volatile std::sig_atomic_t is_to_end = 0;

// The screen as a program wants it, and as it was again when this goes: also after a signal.
class Screen {
  public:
    Screen() {
        if (::isatty(STDOUT_FILENO) != 1 || ::tcgetattr(STDIN_FILENO, &before_) != 0)
            throw std::runtime_error("top needs a terminal; with --once it prints one table");
        struct sigaction end{};
        end.sa_handler = [](int) { is_to_end = 1; };
        for (const int signal : {SIGTERM, SIGHUP}) ::sigaction(signal, &end, nullptr);
        termios raw = before_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG); // each key at once, ^C as well
        ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        std::cout << "\033[?1049h\033[?25l" << std::flush; // a screen of its own, without a cursor
    }
    ~Screen() {
        std::cout << "\033[?25h\033[?1049l" << std::flush;
        ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    static TopSize size() {
        winsize window{};
        if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) return {80, 24};
        return {window.ws_col, window.ws_row};
    }

    // Over what was there, so that nothing flickers.
    static void show(const std::string& text) {
        std::string out = "\033[H";
        const std::size_t most = size().rows;
        std::size_t lines = 0;
        for (std::size_t begin = 0; begin < text.size() && lines < most; ++lines) {
            const std::size_t end = std::min(text.find('\n', begin), text.size());
            out += (lines == 0 ? "" : "\r\n") + text.substr(begin, end - begin) + "\033[K";
            begin = end + 1;
        }
        std::cout << out << "\033[J" << std::flush;
    }

    // Whether the user ends it before that.
    static bool ends_before(Nanoseconds when) {
        for (;;) {
            const Nanoseconds left = when - monotonic_now();
            if (is_to_end != 0) return true;
            if (left <= 0) return false;
            pollfd keys{STDIN_FILENO, POLLIN, 0};
            if (::poll(&keys, 1, static_cast<int>(std::min(left, signal_look) / 1'000'000 + 1)) <= 0) continue;
            char key = 0;
            const ssize_t size = ::read(STDIN_FILENO, &key, 1);
            if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) return true;
            if (size > 0 && (key == 'q' || key == 'Q' || key == ctrl_c)) return true;
        }
    }

  private:
    termios before_{};
};

using AskTop = std::function<HostAnswer(Question question)>;

CellTable table_of(const AskTop& ask, const char* command) {
    Question question;
    question.command = command;
    HostAnswer answer = ask(std::move(question));
    if (!answer.code.empty()) throw std::runtime_error(answer.message);
    return std::move(answer.table);
}

TopSample sample(const AskTop& ask) {
    TopSample now;
    now.listeners = table_of(ask, "listeners");
    now.at = monotonic_now();
    now.servers = table_of(ask, "servers");
    return now;
}

std::string title() { return "gatehouse " + std::string(time_text(milliseconds_since_1970()).view().substr(11, 8)); }

} // namespace

void run_top(const TopOptions& options, const AskTop& ask) {
    const Nanoseconds every = options.every.count() * 1'000'000;
    if (options.once || options.json) {
        const TopSample before = sample(ask);
        ::poll(nullptr, 0, static_cast<int>(options.every.count()));
        const Top top = top_of(before, sample(ask));
        std::cout << (options.json ? top_json(top).line() + '\n' : top_screen(top, {}, title())) << std::flush;
        return;
    }
    const Screen screen;
    TopSample before;
    for (Nanoseconds next = monotonic_now();;) {
        try {
            TopSample now = sample(ask);
            Screen::show(top_screen(top_of(before, now), Screen::size(), title()));
            before = std::move(now);
        } catch (const std::runtime_error& error) {
            Screen::show(title() + "  " + printable(error.what(), 1000) + '\n');
        }
        next = std::max(next + every, monotonic_now());
        if (Screen::ends_before(next)) return;
    }
}

} // namespace gatehouse::host
