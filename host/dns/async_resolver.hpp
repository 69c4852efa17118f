// Looks up the addresses and the SRV records of names on the background thread, through one c-ares channel. It never blocks,
// and it caches nothing.
#pragma once

#include "dns/lookup.hpp"
#include "threads/background.hpp"
#include "wire/dns_answer.hpp"

#include <functional>
#include <memory>
#include <string>

struct ares_channeldata;
struct ares_addrinfo; // NOLINT(readability-identifier-naming): c-ares'

namespace gatehouse::host {

// `why` is in words, and empty if the name was found.
struct NameAnswer {
    Lookup status = Lookup::found;
    std::string why;
    DnsAnswer records;
    bool from_file = false; // from /etc/hosts, or known without asking: it has no time to live
    bool only_v4 = false;   // the question for the IPv6 addresses was not answered
};

class AsyncResolver final : public Activity {
  public:
    static constexpr std::size_t most_questions = 256; // open at a time

    // `resolvers`: "192.0.2.1:53,[2001:db8::1]:53", or "": those of /etc/resolv.conf. Throws std::runtime_error.
    AsyncResolver(Background& background, std::string resolvers);
    ~AsyncResolver() override;

    // Calls `answered` with the addresses of a host, or with the SRV records of a name: perhaps before this returns, after some
    // seconds at the latest, and not at all once this object is gone. [background]
    using Answered = std::function<void(const NameAnswer& answer)>;
    void find_addresses(const std::string& host, Answered answered);
    void find_services(const std::string& name, Answered answered);
    // The addresses of a host in the order in which they should be tried (RFC 6724).
    void find_to_connect(const std::string& host, Answered answered);

    // Whether so many more questions may be asked now. [background]
    bool has_room(std::size_t questions) const noexcept { return on_the_way_ + questions <= most_questions; }

  private:
    struct Question;

    void due() noexcept override;
    void ready(int fd, std::uint32_t events) noexcept override;

    ares_channeldata* channel(std::string& error);
    void ask(std::unique_ptr<Question> question);
    void ask_all(std::unique_ptr<Question> question, int flags);
    void answer(std::unique_ptr<Question> question, int status);
    void end_channel() noexcept;
    void set_timer() noexcept;

    static void heard(void* data, int status, int timeouts, unsigned char* bytes, int size);
    static void heard_all(void* data, int status, int timeouts, ares_addrinfo* list);
    static void watch_socket(void* data, int fd, int readable, int writable);

    Background& background_; // constant after construction
    const std::string resolvers_;

    // Of the background thread.
    ares_channeldata* channel_ = nullptr;
    Nanoseconds made_ = 0; // when channel_ was made
    std::size_t on_the_way_ = 0;
};

} // namespace gatehouse::host
