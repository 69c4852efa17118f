// Values of the configuration as a file writes them, in a form that TOML and JSON share: 3, true, "30s", "64KiB", ["a", "b"].
// The same value always has the same text, and other values have others. Nothing ("") stands for what is absent: an empty text
// or list.
#pragma once

#include "config/config.hpp"
#include "config/words.hpp"

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

std::string value_text(std::string_view text);
std::string value_text(bool flag);
std::string value_text(Milliseconds duration);
std::string value_text(std::uint64_t bytes); // a size
std::string value_text(const std::vector<std::string>& list);
std::string value_text(const std::vector<Network>& networks);
std::string value_text(const std::vector<BytePattern>& patterns); // [{"prefix": "SSH-"}, {"hex": "1603", "at": 1}]
inline std::string value_text(const std::string& text) { return value_text(std::string_view(text)); }
inline std::string value_text(const std::filesystem::path& path) { return value_text(std::string_view(path.native())); }
inline std::string value_text(const Address& address) { return value_text(to_string(address)); }
inline std::string value_text(const TlsFile& file) { return value_text(file.path); }
inline std::string value_text(const TlsList& list) { return value_text(list.text); }
inline std::string value_text(unsigned number) { return std::to_string(number); }
inline std::string value_text(int number) { return std::to_string(number); }
inline std::string value_text(std::uint8_t number) { return std::to_string(number); }

template <class Enum, std::size_t count>
std::string word_text(Enum value, const Word<Enum> (&words)[count]) {
    for (const auto& [word, meaning] : words)
        if (meaning == value) return value_text(word);
    return "";
}
inline std::string value_text(Scheduling value) { return word_text(value, scheduling_words); }
inline std::string value_text(Seccomp value) { return word_text(value, seccomp_words); }
inline std::string value_text(LogLevel value) { return word_text(value, log_level_words); }
inline std::string value_text(LogOutputConfig::Kind value) { return word_text(value, log_kind_words); }
inline std::string value_text(LogFormat value) { return word_text(value, log_format_words); }
inline std::string value_text(TlsVersion value) { return word_text(value, tls_version_words); }
inline std::string value_text(TlsClient value) { return word_text(value, tls_client_words); }
inline std::string value_text(Truncation value) { return word_text(value, truncation_words); }
inline std::string value_text(WhenFull value) { return word_text(value, when_full_words); }
inline std::string value_text(PoolKind value) { return word_text(value, pool_words); }

} // namespace gatehouse::host
