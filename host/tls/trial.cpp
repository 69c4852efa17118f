#include "tls/trial.hpp"

#include "base/descriptor.hpp"
#include "tls/session.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace gatehouse::host {

std::string try_handshake(const std::shared_ptr<const TlsContext>& server, const std::string& name) {
    using Outcome = TlsSession::Outcome;
    constexpr int most_flights = 16;
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot make a pair of sockets");
    const Descriptor one(ends[0]);
    const Descriptor two(ends[1]);
    TlsClientConfig trusting;
    trusting.verify = false;
    std::string problem;
    const auto context = TlsContext::client(trusting, [&](std::string_view, const std::string& why) { problem = why; });
    if (!context) return problem;
    std::atomic<std::uint32_t> handshakes{1};
    const std::unique_ptr<TlsSession> here = TlsSession::server(server, one.get(), handshakes);
    const std::unique_ptr<TlsSession> there = TlsSession::client(context, two.get(), name);
    if (!here || !there) throw std::bad_alloc();
    // The client is done before the server has looked at a client's certificate, of which this one has none.
    for (int i = 0; i < most_flights; ++i) {
        const Outcome client = there->handshake();
        if (client == Outcome::done) return "";
        if (here->handshake() == Outcome::failed) return here->words();
        if (client == Outcome::failed) return there->words();
    }
    return "it does not come to an end";
}

std::vector<std::string> unreadable_tls_files(const TlsConfig& config) {
    std::vector<std::string> problems;
    for (std::size_t part = 0; part < count_parts(config); ++part) {
        const PartFiles files = files_of_part(config, part);
        for (const TlsFile* file : files) {
            const bool key_in_certificate = file != nullptr && file != files.front() && file->path == files.front()->path;
            if (file != nullptr && !key_in_certificate && ::faccessat(AT_FDCWD, file->path.c_str(), R_OK, AT_EACCESS) != 0)
                problems.push_back(at_file(*file, std::strerror(errno)));
        }
    }
    return problems;
}

} // namespace gatehouse::host
