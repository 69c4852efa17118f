#include "dns/async_resolver.hpp"

#include "net/server_name.hpp"

#include <algorithm>
#include <ares.h>
#include <arpa/nameser.h>
#include <cstring>
#include <netdb.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/time.h>

namespace gatehouse::host {
namespace {

constexpr int first_try = 1000; // milliseconds, with each name server; c-ares doubles it
constexpr int tries_of_each = 2;
constexpr Nanoseconds most_age = 60'000'000'000; // of a channel: the next one reads /etc/resolv.conf anew

bool is_nothing(int status) { return status == ARES_ENODATA || status == ARES_ENOTFOUND; }

Lookup status_of(int status) {
    if (status == ARES_SUCCESS) return Lookup::found;
    if (is_nothing(status)) return Lookup::not_found;
    return status == ARES_ETIMEOUT || status == ARES_ECANCELLED ? Lookup::timeout : Lookup::failed;
}

std::string words(int status) {
    switch (status) {
    case ARES_ETIMEOUT:
    case ARES_ECANCELLED:
        return "no answer in time";
    case ARES_ENOTFOUND:
        return "there is no such name";
    case ARES_ENODATA:
        return "the name has no such records";
    case ARES_ECONNREFUSED: // none was reached, or each said that it has failed
    case ARES_ESERVFAIL:
        return "no name server could answer";
    case ARES_EBADRESP:
        return "the answer is malformed";
    default:
        return ::ares_strerror(status);
    }
}

// RFC 6761, section 6.3: c-ares answers these without asking.
bool is_localhost(const ServerName& name) { return name.text() == "localhost" || fits_route_name("*.localhost", name); }

} // namespace

// c-ares carries a question as a bare pointer; the callback owns it again.
struct AsyncResolver::Question {
    AsyncResolver& resolver;
    std::string name;
    DnsType type;
    Answered answered;
    NameAnswer found;
};

AsyncResolver::AsyncResolver(Background& background, std::string resolvers)
    : background_(background), resolvers_(std::move(resolvers)) {
    if (const int status = ::ares_library_init(ARES_LIB_INIT_ALL); status != ARES_SUCCESS)
        throw std::runtime_error(std::string("c-ares: ") + ::ares_strerror(status));
}

AsyncResolver::~AsyncResolver() {
    end_channel();
    ::ares_library_cleanup();
}

// c-ares calls back for each open question, and the callbacks drop them.
void AsyncResolver::end_channel() noexcept {
    if (channel_ != nullptr) ::ares_destroy(std::exchange(channel_, nullptr));
}

ares_channeldata* AsyncResolver::channel(std::string& error) {
    if (on_the_way_ == 0 && monotonic_now() - made_ > most_age) end_channel();
    if (channel_ != nullptr) return channel_;
    ares_options options{};
    options.timeout = first_try;
    options.tries = tries_of_each;
    char lookups[] = "fb"; // /etc/hosts before the name servers
    options.lookups = lookups;
    options.sock_state_cb = watch_socket;
    options.sock_state_cb_data = this;
    int status = ::ares_init_options(&channel_, &options,
                                     ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
    if (status == ARES_SUCCESS && !resolvers_.empty()) {
        status = ::ares_set_servers_ports_csv(channel_, resolvers_.c_str());
        if (status != ARES_SUCCESS) end_channel();
    }
    if (status != ARES_SUCCESS) {
        channel_ = nullptr;
        error = ::ares_strerror(status);
    }
    made_ = monotonic_now();
    return channel_;
}

void AsyncResolver::find_addresses(const std::string& host, Answered answered) {
    auto question = std::make_unique<Question>(Question{*this, host, DnsType::a, std::move(answered), {}});
    ares_channeldata* channel = this->channel(question->found.why);
    if (channel == nullptr) return answer(std::move(question), ARES_ENOTINITIALIZED);
    // c-ares does not say where an answer is from, so the file is asked first. It has names without a dot at the end.
    const ServerName normal(host);
    const std::string name(normal.text());
    bool in_file = is_localhost(normal);
    for (const int family : {AF_INET, AF_INET6}) {
        hostent* entry = nullptr;
        if (in_file || ::ares_gethostbyname_file(channel, name.c_str(), family, &entry) != ARES_SUCCESS) continue;
        ::ares_free_hostent(entry);
        in_file = true;
    }
    if (!in_file) return ask(std::move(question));
    question->name = name;
    question->found.from_file = true;
    ask_all(std::move(question), ARES_AI_NOSORT);
}

void AsyncResolver::find_to_connect(const std::string& host, Answered answered) {
    auto question = std::make_unique<Question>(Question{*this, host, DnsType::a, std::move(answered), {}});
    if (channel(question->found.why) == nullptr) return answer(std::move(question), ARES_ENOTINITIALIZED);
    ask_all(std::move(question), 0);
}

void AsyncResolver::find_services(const std::string& name, Answered answered) {
    auto question = std::make_unique<Question>(Question{*this, name, DnsType::srv, std::move(answered), {}});
    if (channel(question->found.why) == nullptr) return answer(std::move(question), ARES_ENOTINITIALIZED);
    ask(std::move(question));
}

// The IPv4 addresses first, then the IPv6 addresses of the name that had them: with a search list, that is not always the name
// that was asked for.
void AsyncResolver::ask(std::unique_ptr<Question> question) {
    const std::string known = question->found.records.name;
    const bool exact = question->type == DnsType::aaaa && question->found.status == Lookup::found && !known.empty();
    const std::string name = exact ? known : question->name;
    const int type = static_cast<int>(question->type);
    ++on_the_way_;
    (exact ? ::ares_query : ::ares_search)(channel_, name.c_str(), ns_c_in, type, heard, question.release());
    set_timer();
}

// The addresses of both families, by the ways that getaddrinfo() has.
void AsyncResolver::ask_all(std::unique_ptr<Question> question, int flags) {
    ares_addrinfo_hints hints{};
    hints.ai_flags = flags;
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    const std::string name = question->name;
    ++on_the_way_;
    ::ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, heard_all, question.release());
    set_timer();
}

// An answer for which there is no memory is lost, as one may be on the network: the watch that has asked has a time limit.
void AsyncResolver::heard_all(void* data, int status, int /*timeouts*/, ares_addrinfo* list) try {
    const std::unique_ptr<ares_addrinfo, decltype(&::ares_freeaddrinfo)> owner(list, ::ares_freeaddrinfo);
    std::unique_ptr<Question> question(static_cast<Question*>(data));
    --question->resolver.on_the_way_;
    if (status == ARES_EDESTRUCTION) return;
    for (const ares_addrinfo_node* node = list != nullptr ? list->nodes : nullptr; node != nullptr; node = node->ai_next) {
        SocketAddress address;
        address.size = node->ai_addrlen;
        std::memcpy(&address.storage, node->ai_addr, node->ai_addrlen);
        question->found.records.addresses.push_back(address);
        const auto ttl = static_cast<std::uint32_t>(std::max(node->ai_ttl, 0));
        question->found.records.ttl = std::min(question->found.records.ttl, ttl);
    }
    AsyncResolver& resolver = question->resolver;
    resolver.answer(std::move(question), status);
} catch (const std::bad_alloc&) {
}

void AsyncResolver::heard(void* data, int status, int /*timeouts*/, unsigned char* bytes, int size) try {
    std::unique_ptr<Question> question(static_cast<Question*>(data));
    AsyncResolver& resolver = question->resolver;
    --resolver.on_the_way_;
    if (status == ARES_EDESTRUCTION) return;
    DnsAnswer records;
    if (status == ARES_SUCCESS && !parse_dns_answer({bytes, static_cast<std::size_t>(size)}, question->type, records))
        status = ARES_EBADRESP;
    NameAnswer& found = question->found;
    if (question->type == DnsType::srv) {
        found.records = std::move(records);
        return resolver.answer(std::move(question), status);
    }
    const bool first = question->type == DnsType::a;
    if (first && (status == ARES_SUCCESS || is_nothing(status))) {
        found.records = std::move(records);
        found.status = status_of(status);
        question->type = DnsType::aaaa;
        return resolver.ask(std::move(question));
    }
    if (!first && found.status == Lookup::found) { // there are IPv4 addresses
        found.only_v4 = status != ARES_SUCCESS && !is_nothing(status);
        if (!records.addresses.empty()) found.records.ttl = std::min(found.records.ttl, records.ttl);
        found.records.addresses.insert(found.records.addresses.end(), records.addresses.begin(), records.addresses.end());
        return resolver.answer(std::move(question), ARES_SUCCESS);
    }
    found.records = std::move(records);
    resolver.answer(std::move(question), status);
} catch (const std::bad_alloc&) {
}

void AsyncResolver::answer(std::unique_ptr<Question> question, int status) {
    NameAnswer& found = question->found;
    if (status == ARES_SUCCESS && found.records.addresses.empty() && found.records.services.empty()) status = ARES_ENODATA;
    found.status = status_of(status);
    if (status != ARES_SUCCESS && found.why.empty()) found.why = words(status);
    question->answered(found);
}

// --- sockets and times ---------------------------------------------------------------------------------------------------

// If a socket cannot be watched, its answer is not read, and c-ares times the question out.
void AsyncResolver::watch_socket(void* data, int fd, int readable, int writable) {
    auto& resolver = *static_cast<AsyncResolver*>(data);
    const std::uint32_t events = (readable != 0 ? EPOLLIN : 0U) | (writable != 0 ? EPOLLOUT : 0U);
    if (events == 0)
        resolver.background_.unwatch(fd);
    else
        resolver.background_.watch(resolver, fd, events);
}

void AsyncResolver::due() noexcept {
    if (channel_ == nullptr) return;
    ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer();
}

void AsyncResolver::ready(int fd, std::uint32_t events) noexcept {
    const bool readable = (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0;
    const bool writable = (events & EPOLLOUT) != 0;
    ::ares_process_fd(channel_, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
    set_timer();
}

void AsyncResolver::set_timer() noexcept {
    timeval left{};
    const bool waits = channel_ != nullptr && ::ares_timeout(channel_, nullptr, &left) != nullptr;
    const Nanoseconds after = left.tv_sec * 1'000'000'000 + left.tv_usec * 1'000 +
                              1'000'000; // 1 ms more: a timer that came early would find nothing to do
    background_.at(*this, waits ? monotonic_now() + after : never);
}

} // namespace gatehouse::host
