#include "listen/listener.hpp"

#include "base/account_number.hpp"
#include "base/if_memory_allows.hpp"
#include "base/limit_advice.hpp"
#include "listen/inherited.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <list>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <tuple>
#include <unistd.h>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_sockets = 1024; // of one name

std::string what_to_do(int error, const Address& address) {
    const bool tcp = address.kind == Address::Kind::tcp;
    switch (error) {
    case EADDRINUSE:
        return tcp ? "another program uses this port (`ss -ltnp 'sport = :" + std::to_string(address.port) +
                         "'` shows which); stop it, or choose another port"
                   : "another program listens on it; stop it, or choose another path";
    case EACCES:
        return tcp ? "ports below 1024 are for root or the capability CAP_NET_BIND_SERVICE; choose a higher port"
                   : "the folder must be writable for this user";
    case EADDRNOTAVAIL:
        return "no interface of this machine has this address (`ip address` lists them)";
    case EEXIST:
        return "something that is not a socket stands there; remove it, or choose another path";
    case ENOENT:
        return "the folder does not exist; create it";
    case EAFNOSUPPORT:
        return "the kernel has this address family switched off; use an address of the other family";
    default:
        return std::string(limit_advice(error));
    }
}

// The kernel cuts the backlog silently at this value.
int somaxconn() {
    int value = 0;
    std::ifstream("/proc/sys/net/core/somaxconn") >> value;
    return value;
}

// A user's or group's number by its name or number; nothing if there is none.
template <class Lookup>
std::optional<unsigned> account(const std::string& name, Lookup lookup) {
    const std::optional<unsigned> number = account_number(name);
    return number ? number : lookup(name.c_str());
}

[[noreturn]] void fail_to_listen(const ListenerConfig& config, std::string_view failed, int error) {
    std::string text = "listener " + config.name + ": " + std::string(failed) + " " + to_string(config.address) +
                       " failed: " + std::strerror(error);
    if (const std::string advice = what_to_do(error, config.address); !advice.empty()) text += "; " + advice;
    throw ListenError(text + " (" + config.where.text + ")");
}

struct FileOwner {
    uid_t user;
    gid_t group;
};

// Of a socket file; ~0: as it is.
FileOwner owner_of(const ListenerConfig& config) {
    auto user = [](const char* name) -> std::optional<unsigned> {
        const passwd* entry = ::getpwnam(name);
        return entry != nullptr ? std::optional<unsigned>(entry->pw_uid) : std::nullopt;
    };
    auto group = [](const char* name) -> std::optional<unsigned> {
        const struct group* entry = ::getgrnam(name);
        return entry != nullptr ? std::optional<unsigned>(entry->gr_gid) : std::nullopt;
    };
    const std::optional<unsigned> uid = config.owner.empty() ? ~0U : account(config.owner, user);
    const std::optional<unsigned> gid = config.group.empty() ? ~0U : account(config.group, group);
    if (!uid || !gid)
        throw ListenError("listener " + config.name + ": there is no " +
                          (uid ? "group " + config.group : "user " + config.owner) + " on this machine (" + config.where.text +
                          ")");
    return {*uid, *gid};
}

} // namespace

bool is_socket_file(const std::string& path) noexcept {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

void try_address(const ListenerConfig& config, Log& log) {
    if (config.address.kind == Address::Kind::inherited) return; // only the host's own start knows them
    if (config.address.kind == Address::Kind::tcp) {
        const Listener trial(config, log, Listener::Port::any);
        return;
    }
    owner_of(config);
    if (config.address.path.starts_with('@')) return;
    const std::filesystem::path path = config.address.path;
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    struct stat status{};
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) fail_to_listen(config, "bind to", errno);
    if (::lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode)) fail_to_listen(config, "bind to", EEXIST);
}

std::shared_ptr<Sockets> open_sockets(const ListenerConfig& config, Log& log, const Bind& bind) {
    auto opened = std::make_shared<Sockets>();
    Sockets& sockets = *opened;
    if (config.address.kind != Address::Kind::inherited) {
        sockets.emplace_back(config, log, Listener::Port::of_config, bind);
        return opened;
    }
    const std::vector<InheritedSocket> inherited = inherited_sockets();
    for (const InheritedSocket& socket : inherited)
        if (is_meant(socket, config.address)) sockets.emplace_back(config, socket.descriptor, log);
    if (sockets.size() > most_sockets)
        throw ListenError("listener " + config.name + ": " + std::to_string(sockets.size()) + " inherited sockets are named " +
                          config.address.name + " (expected at most " + std::to_string(most_sockets) + ") (" +
                          config.where.text + ")");
    if (sockets.empty())
        throw ListenError("listener " + config.name + ": no inherited socket " + config.address.name + "; " +
                          (inherited.empty() ? "this process was started without any (LISTEN_FDS is not set for it)"
                                             : "there are: " + names_of(inherited)) +
                          " (" + config.where.text + ")");
    return opened;
}

Listener::Listener(const ListenerConfig& config, Log& log, Port port, const Bind& bind) : config_(config), log_(log) {
    try {
        config.address.kind == Address::Kind::unix_socket ? open_unix() : open_tcp(port, bind);
        ask_address();
    } catch (...) {
        close(); // a socket file must not stay behind
        throw;
    }
}

Listener::Listener(const ListenerConfig& config, int bound, Log& log) : config_(config), log_(log) {
    adopt(bound);
    ask_address();
}

Listener::~Listener() { close(); }

void Listener::step(std::string_view what) const { log_.debug("listener step", {{"listener", config_.name}, {"step", what}}); }

void Listener::fail(std::string_view failed, int error) const { fail_to_listen(config_, failed, error); }

void Listener::open_tcp(Port which, const Bind& bind) {
    const bool any = config_.address.host.empty() || config_.address.host == "*";
    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const std::string port = std::to_string(which == Port::any ? 0 : config_.address.port);
    const std::string host = any ? "::" : config_.address.host;
    if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list); error != 0)
        throw ListenError("listener " + config_.name + ": cannot resolve " + host + ": " + ::gai_strerror(error) +
                          "; use an address of this machine (" + config_.where.text + ")");
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
    SocketAddress address;
    address.size = static_cast<socklen_t>(list->ai_addrlen);
    std::memcpy(&address.storage, list->ai_addr, list->ai_addrlen);

    socket_ = Descriptor(::socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_ && errno == EAFNOSUPPORT && any) { // a machine without IPv6
        auto* v4 = reinterpret_cast<sockaddr_in*>(address.get());
        *v4 = sockaddr_in{};
        v4->sin_family = AF_INET;
        v4->sin_port = htons(which == Port::any ? 0 : config_.address.port);
        address.size = sizeof(sockaddr_in);
        socket_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    }
    if (!socket_) fail("socket for", errno);
    step("socket fd=" + std::to_string(socket_.get()));
    set_options(address.storage.ss_family);
    bind_to(address, bind);
}

void Listener::set_options(int family) {
    auto set = [&](int level, int name, int value, std::string_view key) {
        if (::setsockopt(socket_.get(), level, name, &value, sizeof value) != 0)
            log_.warning("socket option not set",
                         {{"listener", config_.name}, {"option", key}, {"error", std::strerror(errno)}});
    };
    auto bytes = [](std::uint64_t size) { return static_cast<int>(std::min<std::uint64_t>(size, 1U << 30U)); };
    if (config_.receive_buffer > 0) set(SOL_SOCKET, SO_RCVBUF, bytes(config_.receive_buffer), "receive_buffer");
    if (config_.send_buffer > 0) set(SOL_SOCKET, SO_SNDBUF, bytes(config_.send_buffer), "send_buffer");
    // An urgent byte (MSG_OOB) arrives among the others, since no plugin reads it apart. TCP connections inherit this.
    set(SOL_SOCKET, SO_OOBINLINE, 1, "oobinline");
    if (family != AF_INET && family != AF_INET6) return;
    set(SOL_SOCKET, SO_REUSEADDR, config_.reuse_address ? 1 : 0, "reuse_address");
    const auto value_of = [&](int level, int name) {
        int value = 0;
        socklen_t size = sizeof value;
        return ::getsockopt(socket_.get(), level, name, &value, &size) == 0 ? value : 0;
    };
    // The kernel takes it before bind only; a socket with another value has another address for the host.
    if (family == AF_INET6 && config_.address.kind == Address::Kind::tcp &&
        (value_of(IPPROTO_IPV6, IPV6_V6ONLY) != 0) != config_.ipv6_only)
        set(IPPROTO_IPV6, IPV6_V6ONLY, config_.ipv6_only ? 1 : 0, "ipv6_only");
    // Accepted connections inherit these from the listening socket, which saves two calls for each.
    set(IPPROTO_TCP, TCP_NODELAY, config_.nodelay ? 1 : 0, "nodelay");
    if (!config_.keepalive.on) set(SOL_SOCKET, SO_KEEPALIVE, 0, "keepalive"); // an inherited socket may have it
    if (!set_keepalive(socket_.get(), config_.keepalive))
        log_.warning("socket option not set",
                     {{"listener", config_.name}, {"option", "keepalive"}, {"error", std::strerror(errno)}});
    // A socket that has had these may lose them in a reload.
    const auto has = [&](int name) { return value_of(IPPROTO_TCP, name) != 0; };
    const auto seconds = std::min<std::int64_t>((config_.defer_accept.count() + 999) / 1000, 3600);
    if (seconds > 0 || has(TCP_DEFER_ACCEPT)) set(IPPROTO_TCP, TCP_DEFER_ACCEPT, static_cast<int>(seconds), "defer_accept");
    if (config_.fast_open > 0 || has(TCP_FASTOPEN)) set(IPPROTO_TCP, TCP_FASTOPEN, config_.fast_open, "fast_open");
}

void Listener::bind_to(const SocketAddress& address, const Bind& bind) {
    int error = ::bind(socket_.get(), address.get(), address.size) == 0 ? 0 : errno;
    if (error == EACCES && bind) error = bind(socket_.get(), address);
    if (error != 0) fail("bind to", error);
    step("bind address=" + to_string(address));
}

void Listener::open_unix() {
    const std::optional<SocketAddress> address = numeric_address(config_.address);
    if (!address) fail("bind to", ENAMETOOLONG);
    socket_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) fail("socket for", errno);
    step("socket fd=" + std::to_string(socket_.get()));
    set_options(AF_UNIX);

    const std::string& path = config_.address.path;
    const bool abstract = path.starts_with('@');
    struct stat old{};
    if (!abstract && ::lstat(path.c_str(), &old) == 0) {
        if (!S_ISSOCK(old.st_mode)) fail("bind to", EEXIST);
        // A socket file that refuses the connection was left behind by a process that died; one that accepts it is in use.
        const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (::connect(probe.get(), address->get(), address->size) == 0 || errno == EAGAIN) fail("bind to", EADDRINUSE);
        if (errno != ECONNREFUSED) fail("bind to", errno);
        if (::unlink(path.c_str()) != 0) fail("replacing the stale socket", errno);
        step("removed a stale socket file path=" + path);
    }
    bind_to(*address, {});
    if (abstract) return;
    if (::lstat(path.c_str(), &file_) != 0) fail("stat of", errno);
    set_file(path); // before listen(), so that no client connects while the file still has the wrong mode
}

void Listener::set_file(const std::string& path) {
    // Who may write to the folder may have put something else there by now, which is not this one's to give away.
    const Descriptor file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat now{};
    if (!file || ::fstat(file.get(), &now) != 0) fail("looking at", errno);
    if (now.st_ino != file_.st_ino || now.st_dev != file_.st_dev) fail("looking at", EEXIST);
    const std::string self = "/proc/self/fd/" + std::to_string(file.get()); // fchmod() takes no such descriptor
    if (::chmod(self.c_str(), config_.mode) != 0) fail("setting the mode of", errno);
    if (config_.owner.empty() && config_.group.empty()) return;
    const auto [user, group] = owner_of(config_);
    if (::fchownat(file.get(), "", user, group, AT_EMPTY_PATH) != 0) fail("setting the owner of", errno);
}

void Listener::adopt(int fd) {
    // A copy: the inherited one is not this object's to close.
    socket_ = Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!socket_) fail("taking over", errno);
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
        throw ListenError("listener " + config_.name + ": inherited descriptor " + std::to_string(fd) +
                          " is not a stream socket (" + config_.where.text + ")");
    ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
    int family = 0;
    size = sizeof family;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_DOMAIN, &family, &size);
    set_options(family);
    step("inherited fd=" + std::to_string(fd));
    const std::string& path = config_.address.path;
    const bool file = config_.address.kind == Address::Kind::unix_socket && !path.starts_with('@');
    if (!file || ::lstat(path.c_str(), &file_) != 0) return;
    if (S_ISSOCK(file_.st_mode))
        set_file(path);
    else
        file_ = {};
}

void Listener::ask_address() {
    bound_.size = sizeof bound_.storage;
    if (::getsockname(socket_.get(), bound_.get(), &bound_.size) != 0) fail("asking for the address of", errno);
    address_ = to_string(bound_);
    if (bound_.storage.ss_family == AF_INET) port_ = ntohs(reinterpret_cast<const sockaddr_in*>(bound_.get())->sin_port);
    if (bound_.storage.ss_family != AF_INET6) return;
    port_ = ntohs(reinterpret_cast<const sockaddr_in6*>(bound_.get())->sin6_port);
    int alone = 0;
    socklen_t size = sizeof alone;
    ipv6_only_ = ::getsockopt(socket_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &alone, &size) == 0 && alone != 0;
}

void Listener::listen() {
    if (::listen(socket_.get(), config_.backlog) != 0) fail("listen on", errno);
    listens_ = true;
    step("listen address=" + address_ + " backlog=" + std::to_string(config_.backlog));
    // A socket that tells its queue tells the cut limit too, also where /proc/sys is hidden.
    const std::optional<AcceptQueue> told = queue();
    if (const int most = told ? static_cast<int>(told->limit) : somaxconn(); most > 0 && config_.backlog > most)
        log_.warning("the kernel cuts the backlog; raise it with: sysctl net.core.somaxconn=" + std::to_string(config_.backlog),
                     {{"listener", config_.name}, {"backlog", config_.backlog}, {"somaxconn", most}});
}

bool Listener::listens() const noexcept {
    int on = 0;
    socklen_t size = sizeof on;
    return listens_ && ::getsockopt(socket_.get(), SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on != 0;
}

void Listener::pause() noexcept {
    if (bound_.storage.ss_family == AF_UNIX || config_.address.kind == Address::Kind::inherited) return;
    if (!listens() || ::shutdown(socket_.get(), SHUT_RD) != 0) return;
    // The kernel takes a port back that it has chosen by itself, and would choose another one.
    if (config_.address.port == 0) ::bind(socket_.get(), bound_.get(), bound_.size);
}

int Listener::accept(SocketAddress& peer) const noexcept {
    peer.size = sizeof peer.storage;
    const int fd = ::accept4(socket_.get(), peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const int on = 1;
    if (fd >= 0 && peer.storage.ss_family == AF_UNIX) ::setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    return fd;
}

void Listener::change(const ListenerConfig& config) noexcept {
    if_memory_allows([&] {
        const auto file = [](const ListenerConfig& of) { return std::tie(of.mode, of.owner, of.group); };
        const auto options = [](const ListenerConfig& of) {
            return std::tie(of.reuse_address, of.nodelay, of.keepalive, of.receive_buffer, of.send_buffer, of.defer_accept,
                            of.fast_open);
        };
        const bool same_file = file(config) == file(config_);
        const bool same_options = options(config) == options(config_);
        config_ = config;
        if (!same_options) set_options(bound_.storage.ss_family);
        try {
            if (file_.st_ino != 0 && !same_file) set_file(config_.address.path);
        } catch (const ListenError& error) {
            log_.warning("the socket file stays as it is", {{"listener", config_.name}, {"problem", error.what()}});
        }
    });
}

void Listener::let_go() noexcept {
    closed_.store(true);
    shared_.store(true);
    const Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC)); // without one, the socket stays open with this process
    if (nothing) ::dup3(nothing.get(), socket_.get(), O_CLOEXEC);
}

void Listener::close() noexcept {
    if (socket_ && !closed_.exchange(true) && !shared_.load()) finish_close();
}

void Listener::share(bool shared) noexcept {
    shared_.store(shared);
    if (!shared && closed_.load()) finish_close(); // which had to wait for this
}

void Listener::discard() noexcept {
    remove_file();
    close();
}

void Listener::remove_file() noexcept {
    if (file_.st_ino == 0) return;
    struct stat now{};
    const std::string& path = config_.address.path;
    const bool ours = ::lstat(path.c_str(), &now) == 0 && now.st_ino == file_.st_ino && now.st_dev == file_.st_dev;
    if (ours && ::unlink(path.c_str()) != 0)
        log_.warning("the socket file stays behind",
                     {{"listener", config_.name}, {"path", path}, {"error", std::strerror(errno)}});
    file_ = {};
}

void Listener::finish_close() noexcept {
    remove_file();
    // Threads may be in accept() right now, so the descriptor itself stays until they have gone, or its number could be
    // another's. An inherited socket is its giver's as well: it goes on listening.
    if (config_.address.kind != Address::Kind::inherited) ::shutdown(socket_.get(), SHUT_RDWR);
    step("close");
}

} // namespace gatehouse::host
