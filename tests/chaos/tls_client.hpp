// A TLS client whose bytes pass through memory on their way to the host, so that they can be changed and cut there.
#pragma once

#include "clients.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

// As in <openssl/ssl.h>.
struct ssl_ctx_st;
struct ssl_st;

namespace gatehouse::chaos {

class TlsClient {
  public:
    struct Options {
        // NOLINTBEGIN(readability-redundant-member-init): without {}, g++ warns of each member that a caller leaves out
        std::string ca{};                               // a certificate that it has not signed is Wrong
        bool version_1_2 = false;                       // no later one
        std::function<void(std::string&)> on_the_way{}; // is given the bytes to the host before they leave
        // NOLINTEND(readability-redundant-member-init)
    };

    // Connects and shakes hands. Throws std::runtime_error if the host does not.
    TlsClient(const std::string& address, Options options);
    ~TlsClient();

    void send(std::string_view bytes);
    std::string receive(std::size_t at_most = 65536); // "": the host's close_notify
    std::string recv_exactly(std::size_t size);
    void finish();     // close_notify and FIN; the host may go on sending
    void key_update(); // with the request that the host does the same

    support::Client& plain() noexcept { return client_; }

  private:
    void flush();
    void take_in();
    // Calls OpenSSL until it needs nothing more from the host. False: its close_notify has come.
    bool drive(const std::function<int()>& call);

    Options options_;
    support::Client client_;
    std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
    std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
};

} // namespace gatehouse::chaos
