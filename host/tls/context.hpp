// What TLS connections have in common: certificates, keys and rules, as they were loaded from files. A context never changes.
// When files are loaded again they become another context, and each session keeps the one that it was made with.
//
// The OpenSSL part is in context_impl.hpp: context.cpp makes the contexts of servers, client_context.cpp those of clients.
#pragma once

#include "config/config.hpp"
#include "tls/files.hpp"
#include "tls/ticket_keys.hpp"

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// What is wrong with the files and lists of a section, a line for each problem: "FILE:LINE:COLUMN: KEY: ...".
class TlsError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class TlsContext {
  public:
    // For a listener. Throws TlsError with all problems. The contexts of one section share `keys`, so that each of them accepts
    // the tickets of the others; null: no tickets. [main]
    TlsContext(const TlsConfig& config, const TlsFiles& files, std::shared_ptr<TicketKeys> keys);

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

    // The names of the certificates and their last days, for the log. [any]
    std::string summary() const;

  private:
    friend class TlsSession;
    struct Impl;

    TlsContext();

    std::unique_ptr<Impl> impl_; // constant after construction, as are all
    std::vector<std::string> warnings_;
};

} // namespace gatehouse::host
