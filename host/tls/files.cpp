#include "tls/files.hpp"

#include "base/printable.hpp"
#include "base/text_file.hpp"

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
    struct stat status {};
    return (::stat(file.path.c_str(), &status) == 0 ? stamp_of(status) : FileStamp{}) != text.stamp;
}

} // namespace

std::string read_tls_file(const std::filesystem::path& path, FileText& file) {
    file = {};
    struct stat status {};
    std::string problem = read_file(path, {most_bytes, "a PEM file, or DER for OCSP"}, file.text, status);
    if (!problem.empty()) return problem;
    file.stamp = stamp_of(status);
    file.mode = status.st_mode & 07777U;
    return "";
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
