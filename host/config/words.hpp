// The words that stand for the values of enumerations: readers take them, and whoever shows a value writes them.
#pragma once

#include "config/config.hpp"

#include <string_view>
#include <utility>

namespace gatehouse::host {

template <class Enum>
using Word = std::pair<std::string_view, Enum>;

inline constexpr Word<Scheduling> scheduling_words[] = {{"batch", Scheduling::batch}, {"other", Scheduling::other}};
inline constexpr Word<Seccomp> seccomp_words[] = {{"off", Seccomp::off}, {"on", Seccomp::on}, {"kill", Seccomp::kill}};
inline constexpr Word<LogLevel> log_level_words[] = {
    {"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}, {"error", LogLevel::error}};
inline constexpr Word<LogFormat> log_format_words[] = {
    {"auto", LogFormat::automatic}, {"human", LogFormat::human}, {"json", LogFormat::json}, {"logfmt", LogFormat::logfmt}};
inline constexpr Word<LogOutputConfig::Kind> log_kind_words[] = {{"stderr", LogOutputConfig::Kind::standard_error},
                                                                 {"file", LogOutputConfig::Kind::file},
                                                                 {"journald", LogOutputConfig::Kind::journald},
                                                                 {"syslog", LogOutputConfig::Kind::syslog}};
inline constexpr Word<TlsVersion> tls_version_words[] = {{"1.2", TlsVersion::v1_2}, {"1.3", TlsVersion::v1_3}};
inline constexpr Word<TlsClient> tls_client_words[] = {
    {"none", TlsClient::none}, {"optional", TlsClient::optional}, {"required", TlsClient::required}};
inline constexpr Word<Truncation> truncation_words[] = {{"accept", Truncation::accept}, {"reset", Truncation::reset}};
inline constexpr Word<WhenFull> when_full_words[] = {{"wait", WhenFull::wait}, {"refuse", WhenFull::refuse}};
inline constexpr Word<PoolKind> pool_words[] = {{"own", PoolKind::own}, {"shared", PoolKind::shared}};

} // namespace gatehouse::host
