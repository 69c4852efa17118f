// Compresses files while they are served, and keeps what came of it: a file is compressed once, not for each client.
#pragma once

#include "coding.hpp"
#include "document_root.hpp"
#include "file_cache.hpp"

#include <atomic>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace http {

class CompressedFiles {
  public:
    struct Settings {
        std::uint64_t smallest; // bytes of a file, both included
        std::uint64_t largest;
        int level;
        std::vector<std::string> types; // media types without parameters; "text/*" stands for all of that kind
    };

    explicit CompressedFiles(Settings settings);

    bool takes(std::string_view type, std::uint64_t size) const noexcept;

    // The content of an open file in a coding. Null: it would not be smaller, the file changes, there is no memory, or as many
    // threads compress as there are CPUs. Then it goes out as it is: no client waits. [any]
    std::shared_ptr<const FileCache::Entry> find(Coding coding, const OpenFile& file, const std::timespec& now) const;

  private:
    static constexpr std::uint64_t largest_kept = 512 * 1024; // bytes of a compressed file; a larger one goes out as it is

    const Settings settings_;
    mutable FileCache cache_{256}; // 128 MiB at most
    mutable std::atomic<int> free_;
};

} // namespace http
