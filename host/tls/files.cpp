#include "tls/files.hpp"

#include "base/descriptor.hpp"
#include "base/printable.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_bytes = 4 << 20; // the system's own authorities are a fifth of a megabyte

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

FileStamp stamp_of(const struct stat& status) {
    return {status.st_dev, status.st_ino, status.st_size, nanoseconds(status.st_ctim), nanoseconds(status.st_mtim)};
}

bool changed(const TlsFile& file, const FileText& text) {
    if (file.path.empty()) return false;
    struct stat status{};
    return (::stat(file.path.c_str(), &status) == 0 ? stamp_of(status) : FileStamp{}) != text.stamp;
}

} // namespace

std::string read_tls_file(const std::filesystem::path& path, FileText& file) {
    // O_NONBLOCK: without it, opening a FIFO without a writer would wait for ever.
    const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!descriptor) return std::string("cannot be opened: ") + std::strerror(errno);
    file = {};
    struct stat status{};
    if (::fstat(descriptor.get(), &status) != 0) return std::string("cannot be examined: ") + std::strerror(errno);
    if (!S_ISREG(status.st_mode)) return "is not a regular file";
    // Of the opened file: the path may lead to another one by now.
    file.stamp = stamp_of(status);
    file.mode = status.st_mode & 07777U;
    char buffer[16384];
    for (;;) {
        const ssize_t size = ::read(descriptor.get(), buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return std::string("cannot be read: ") + std::strerror(errno);
        if (size == 0) return "";
        file.text.append(buffer, static_cast<std::size_t>(size));
        if (file.text.size() > most_bytes) return "is too large (expected at most 4 MiB)";
    }
}

TlsFiles read_tls_files(const TlsConfig& config, std::vector<std::string>& problems) {
    std::map<std::filesystem::path, FileText> read; // certificate and key may be one file
    const auto text_of = [&](const TlsFile& file) {
        if (file.path.empty()) return FileText{};
        const auto [entry, is_new] = read.try_emplace(file.path);
        if (is_new)
            if (const std::string problem = read_tls_file(file.path, entry->second); !problem.empty())
                problems.push_back(file.where.text + ": " + printable(file.path.native()) + ": " + problem);
        return entry->second;
    };
    TlsFiles files;
    for (const TlsPairConfig& pair : config.pairs)
        files.pairs.push_back({text_of(pair.certificate), text_of(pair.key), text_of(pair.ocsp)});
    files.client_ca = text_of(config.client_ca);
    return files;
}

bool tls_files_changed(const TlsConfig& config, const TlsFiles& files) {
    for (std::size_t i = 0; i < config.pairs.size(); ++i) {
        const TlsPairConfig& pair = config.pairs[i];
        const TlsFiles::Pair& text = files.pairs[i];
        if (changed(pair.certificate, text.certificate) || changed(pair.key, text.key) || changed(pair.ocsp, text.ocsp))
            return true;
    }
    return changed(config.client_ca, files.client_ca);
}

} // namespace gatehouse::host
