// The files of a [tls.NAME] section as they were at one moment: each is read once, so that whatever is checked is what is used,
// however often somebody replaces them meanwhile.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <time.h>
#include <vector>

namespace gatehouse::host {

// Which version of a file it is.
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
    std::vector<Pair> pairs; // as in the configuration
    FileText client_ca;
};

// The whole of a file, which is not larger than 4 MiB: empty, or what is wrong. [main]
std::string read_tls_file(const std::filesystem::path& path, FileText& file);

// Appends "FILE:LINE:COLUMN: KEY: PATH: what is wrong" to `problems` for each file that cannot be read. [main]
TlsFiles read_tls_files(const TlsConfig& config, std::vector<std::string>& problems);

// Whether one of the files is another by now than it was. [main]
bool tls_files_changed(const TlsConfig& config, const TlsFiles& files);

} // namespace gatehouse::host
