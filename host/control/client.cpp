#include "control/client.hpp"

#include "base/descriptor.hpp"
#include "net/address.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <utility>

namespace gatehouse::host {
namespace {

[[noreturn]] void fail(const std::filesystem::path& socket, int error) {
    const std::string at = " at " + socket.string() + ": " + std::strerror(error);
    switch (error) {
    case ENOENT:
    case ECONNREFUSED:
        throw std::runtime_error("no host is running" + at + "; start one with: gatehouse run CONF");
    case EACCES:
    case EPERM:
        throw std::runtime_error(
            "cannot reach the host" + at +
            "; only the user that runs it, root and the groups of control_readers and control_operators may ask it");
    case EAGAIN: // SO_RCVTIMEO or SO_SNDTIMEO
        throw std::runtime_error("the host does not answer at " + socket.string() + "; its log may say why");
    default:
        throw std::runtime_error("cannot reach the host" + at);
    }
}

} // namespace

HostAnswer ask_host(const std::filesystem::path& socket, Question question) {
    question.later = true;
    const std::string line = question_line(question);
    if (line.size() > most_question + 1) throw std::runtime_error("the arguments are longer than 64 KiB");
    std::string error;
    const auto address = parse_address("unix:" + socket.string(), error);
    if (!address) throw std::runtime_error(error);
    const auto target = numeric_address(*address);
    const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto wait = [&fd](long seconds) {
        const timeval patience{seconds, 0};
        for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
            ::setsockopt(fd.get(), SOL_SOCKET, option, &patience, sizeof patience);
    };
    constexpr long reserve = 6; // the host gives up after five
    wait(reserve);
    if (::connect(fd.get(), target->get(), target->size) != 0) fail(socket, errno);
    // Far below what fits into a socket's buffer, or read on at once by the other side.
    if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()) && errno != EPIPE)
        fail(socket, errno);

    std::string in;
    for (;;) {
        std::array<char, 65536> buffer; // not initialised: filled by recv
        const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno != ECONNRESET) fail(socket, errno);
        const std::size_t searched = in.size();
        if (size > 0) in.append(buffer.data(), static_cast<std::size_t>(size));
        for (std::size_t end = in.find('\n', searched); end != std::string::npos; end = in.find('\n')) {
            Reply reply;
            if (!read_reply(std::string_view(in).substr(0, end), reply))
                throw std::runtime_error("what answers at " + socket.string() + " does not speak as a host of this version");
            if (reply.later == 0) return std::move(reply.answer);
            in.erase(0, end + 1);
            constexpr std::uint64_t longest = 86'400;
            wait(static_cast<long>(std::min(reply.later, longest)) + reserve);
        }
        if (size <= 0 || in.size() > most_answer)
            throw std::runtime_error("the host closed the connection at " + socket.string() +
                                     (in.empty() ? " without an answer" : " in the middle of its answer") +
                                     "; its log may say why");
    }
}

Question plugin_question(const std::string& instance, std::vector<std::string> words) {
    Question question;
    question.command = "plugin.command";
    question.with["instance"] = instance;
    question.with["words"] = std::move(words);
    return question;
}

} // namespace gatehouse::host
