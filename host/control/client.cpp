#include "control/client.hpp"

#include "base/descriptor.hpp"
#include "control/message.hpp"
#include "net/address.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>

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
        throw std::runtime_error("cannot reach the host" + at +
                                 "; only the user that runs it, root, and the group of control_readers may ask it");
    case EAGAIN: // SO_RCVTIMEO or SO_SNDTIMEO
        throw std::runtime_error("the host does not answer at " + socket.string() + "; its log may say why");
    default:
        throw std::runtime_error("cannot reach the host" + at);
    }
}

} // namespace

std::vector<std::string> ask_host(const std::filesystem::path& socket, const std::vector<std::string>& question) {
    const std::string bytes = encode_message(question);
    if (bytes.size() > most_question) throw std::runtime_error("the arguments are longer than 64 KiB");
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
    // Both are far below what fits into a socket's buffer, or are read on at once by the other side.
    if (::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) fail(socket, errno);

    std::string in;
    std::vector<std::string> answer;
    for (;;) {
        std::array<char, 65536> buffer; // not initialised: filled by recv
        const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) fail(socket, errno);
        in.append(buffer.data(), static_cast<std::size_t>(size));
        Decoded decoded = decode_message(in, most_answer, answer);
        if (decoded == Decoded::whole && answer.size() == 2 && answer[0] == answer_later) {
            wait(std::strtol(answer[1].c_str(), nullptr, 10) + reserve);
            in.erase(0, message_size(in));
            decoded = decode_message(in, most_answer, answer);
        }
        if (decoded == Decoded::whole) return answer;
        if (size == 0 || decoded == Decoded::bad)
            throw std::runtime_error("the host closed the connection at " + socket.string() +
                                     (in.empty() ? " without an answer" : " in the middle of its answer") +
                                     "; its log may say why");
    }
}

} // namespace gatehouse::host
