// The files of a [tls.NAME] section. Each is read once for a load, so the bytes that are checked are those that are used, even
// if a file is replaced meanwhile.
//
// What is loaded together is a part of the section: a certificate with its key and what the issuer says about it, or the
// authorities of clients with their revocation lists.
#pragma once

#include "config/config.hpp"

#include <array>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace gatehouse::host {

// What is wrong with the files and lists of a section, a line for each problem: "FILE:LINE:COLUMN: KEY: ...".
class TlsError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct FileText {
    FileText() = default;
    FileText(const FileText&) = default;
    FileText& operator=(const FileText&) = default;
    ~FileText(); // overwrites the text: keys must not stay in memory

    std::string text;
    unsigned mode = 0; // permission bits
};

// The parts of a section are its pairs, by their indices, and then the authorities.
inline std::size_t count_parts(const TlsConfig& config) noexcept { return config.pairs.size() + 1; }

// The files of a part: certificate, key and OCSP response; or authorities and their revocation lists. Null: there is none.
using PartFiles = std::array<const TlsFile*, 3>;
PartFiles files_of_part(const TlsConfig& config, std::size_t part) noexcept;

using PartTexts = std::array<FileText, 3>;

// "FILE:LINE:COLUMN: KEY: PATH: what is wrong"
std::string at_file(const TlsFile& file, const std::string& what);

// Reads a whole file of at most 4 MiB. The result is empty, or says what is wrong. May wait for a disk or a network. [any]
std::string read_tls_file(const std::filesystem::path& path, FileText& file);

// Reads all files of a part; throws TlsError with all problems. [any]
PartTexts read_part(const PartFiles& files);

} // namespace gatehouse::host
