#include "tls/files.hpp"

#include "base/printable.hpp"
#include "base/text_file.hpp"

#include <cstring>
#include <sys/stat.h>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_bytes = 4 << 20; // the system's own authorities are a fifth of a megabyte

} // namespace

FileText::~FileText() { ::explicit_bzero(text.data(), text.size()); }

PartFiles files_of_part(const TlsConfig& config, std::size_t part) noexcept {
    const auto given = [](const TlsFile& file) { return file.path.empty() ? nullptr : &file; };
    if (part == config.pairs.size()) return {given(config.client_ca), given(config.client_crl), nullptr};
    const TlsPairConfig& pair = config.pairs[part];
    return {given(pair.certificate), given(pair.key_file()), given(pair.ocsp)};
}

std::string at_file(const TlsFile& file, const std::string& what) {
    return file.where.text + ": " + printable(file.path) + ": " + what;
}

std::string read_tls_file(const std::filesystem::path& path, FileText& file) {
    file = {};
    struct stat status{};
    std::string problem = read_file(path, {most_bytes, "a PEM file, or DER for OCSP"}, file.text, status);
    file.mode = status.st_mode & 07777U;
    return problem;
}

PartTexts read_part(const PartFiles& files) {
    PartTexts texts;
    std::string problems;
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (files[i] == nullptr) continue;
        if (i > 0 && files[0] != nullptr && files[i]->path == files[0]->path) { // certificate and key may be one file
            texts[i] = texts[0];
            continue;
        }
        if (const std::string problem = read_tls_file(files[i]->path, texts[i]); !problem.empty())
            problems += (problems.empty() ? "" : "\n") + at_file(*files[i], problem);
    }
    if (!problems.empty()) throw TlsError(problems);
    return texts;
}

} // namespace gatehouse::host
