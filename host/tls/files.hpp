// The files of a [tls.NAME] section as they were at one moment. Each is read once, so the bytes that are checked are those that
// are used, even if a file is replaced meanwhile.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <time.h>
#include <vector>

namespace gatehouse::host {

// Tells one version of a file from another.
struct FileStamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = -1;
    std::int64_t changed = 0; // ctime and mtime, in nanoseconds
    std::int64_t modified = 0;

    bool operator==(const FileStamp&) const = default;
};

struct FileText {
    std::string text;
    FileStamp stamp;
    unsigned mode = 0; // permission bits
};

struct TlsFiles {
    struct Pair {
        FileText certificate;
        FileText key;
        FileText ocsp;
    };
    std::vector<Pair> pairs; // in the order of TlsConfig::pairs
    FileText client_ca;
};

// Reads a whole file of at most 4 MiB. The result is empty, or says what is wrong. [main]
std::string read_tls_file(const std::filesystem::path& path, FileText& file);

// Appends "FILE:LINE:COLUMN: KEY: PATH: what is wrong" to `problems` for each file that cannot be read. [main]
TlsFiles read_tls_files(const TlsConfig& config, std::vector<std::string>& problems);

// Whether one of the files has been changed or replaced since `files` was read. [main]
bool tls_files_changed(const TlsConfig& config, const TlsFiles& files);

} // namespace gatehouse::host
