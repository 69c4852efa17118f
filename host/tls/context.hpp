// What TLS connections have in common: certificates, keys and rules, as they were loaded from files. A context never changes.
// When files are loaded again there is another context, and each session keeps the one that it was made with.
//
// The OpenSSL part is in context_impl.hpp: context.cpp makes the contexts of servers, client_context.cpp those of clients.
#pragma once

#include "config/config.hpp"
#include "tls/loader.hpp"
#include "tls/ticket_keys.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

class TlsContext {
  public:
    // For a listener. The contexts of one section share `keys`, so that each of them accepts the tickets of the others; null:
    // no tickets. Throws TlsError if OpenSSL does not know what is in one of the section's lists. [main] [background]
    TlsContext(const TlsConfig& config, std::vector<std::shared_ptr<const LoadedPair>> pairs,
               const LoadedAuthorities& authorities, std::shared_ptr<TicketKeys> keys);

    // For connections to servers. Reads the files of `config`. Calls `reject` for each problem, with the key of the table that
    // `config` was read from; after any problem the result is null. [main]
    using Reject = std::function<void(std::string_view key, const std::string& why)>;
    static std::shared_ptr<const TlsContext> client(const TlsClientConfig& config, const Reject& reject);

    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    // What works but needs the operator: a certificate that has expired or soon will, a key that every user may use. Lines as
    // in TlsError; a client's have no place in front. [any]
    const std::vector<std::string>& warnings() const noexcept { return warnings_; }

    // The certificates, in the order of the configuration; a client's has none here. [any]
    const std::vector<std::shared_ptr<const LoadedPair>>& pairs() const noexcept;

  private:
    friend class TlsSession;
    struct Impl;

    TlsContext();

    std::unique_ptr<Impl> impl_; // constant after construction, as are all
    std::vector<std::string> warnings_;
};

// The names of certificates and their last days, for people; of many only the first. [any]
std::string summary(std::span<const std::shared_ptr<const LoadedPair>> pairs);

} // namespace gatehouse::host
