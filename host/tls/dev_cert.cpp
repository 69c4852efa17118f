#include "tls/dev_cert.hpp"

#include "base/descriptor.hpp"
#include "tls/certificate.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <ostream>
#include <stdexcept>

namespace gatehouse::host {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& file, const std::string& what) { throw std::runtime_error(file.string() + ": " + what); }

// Writes under another name first: the file appears whole, and a key has its permissions from the start.
void write_file(const fs::path& file, std::string_view text, mode_t mode) {
    const fs::path fresh = file.string() + ".new";
    ::unlink(fresh.c_str());
    const Descriptor descriptor(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!descriptor) fail(fresh, std::string("cannot be written: ") + std::strerror(errno));
    const ssize_t written = ::write(descriptor.get(), text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size()) || ::rename(fresh.c_str(), file.c_str()) != 0) {
        const int error = written >= 0 && written < static_cast<ssize_t>(text.size()) ? ENOSPC : errno;
        ::unlink(fresh.c_str());
        fail(file, std::string("cannot be written: ") + std::strerror(error));
    }
}

std::string read_file(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) fail(file, std::string("cannot be opened: ") + std::strerror(errno));
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

void make_dev_certificate(const fs::path& folder, std::vector<std::string> names, std::ostream& out) {
    if (names.empty()) names = {"localhost", "127.0.0.1", "::1"};
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) fail(folder, "cannot be made: " + error.message());

    const fs::path authority_file = folder / "ca.pem";
    const fs::path authority_key = folder / "ca.key";
    const bool exists = fs::exists(authority_file) && fs::exists(authority_key);
    MadeCertificate authority;
    if (exists)
        authority = {read_file(authority_file), read_file(authority_key)};
    else
        authority = make_authority("Gatehouse development authority");
    const MadeCertificate made = make_certificate(authority, names);
    if (!exists) {
        write_file(authority_key, authority.key, 0600);
        write_file(authority_file, authority.certificate, 0644);
    }
    write_file(folder / "key.pem", made.key, 0600);
    write_file(folder / "cert.pem", made.certificate, 0644);

    const std::string path = fs::absolute(folder).lexically_normal().string();
    std::string listed;
    for (const std::string& name : names) listed += (listed.empty() ? "" : ", ") + name;
    out << path << "/cert.pem, key.pem: a certificate for " << listed << "; valid for 397 days\n"
        << path << "/ca.pem, ca.key: its authority" << (exists ? ", kept as it was" : "; valid for 10 years")
        << ". Keep ca.key secret: a client that trusts ca.pem trusts every certificate signed with ca.key.\n"
        << "\nIn the configuration:\n\n    [tls.dev]\n    certificate = \"" << path << "/cert.pem\"\n    key = \"" << path
        << "/key.pem\"\n\nand  tls = \"dev\"  in the [[listeners]] section. Then, with the listener's port:\n\n"
        << "    curl --cacert " << path << "/ca.pem https://"
        << (names.front().find(':') == std::string::npos ? names.front() : '[' + names.front() + ']')
        << ":PORT/\n    openssl s_client -CAfile " << path << "/ca.pem -connect localhost:PORT\n";
}

} // namespace gatehouse::host
