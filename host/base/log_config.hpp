// What the configuration says of the log: [log], and [[log.outputs]].
#pragma once

#include "base/log_line.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace gatehouse::host {

enum class LogFormat { automatic, human, json, logfmt }; // automatic: human on a terminal and in journald, JSON otherwise

// One place where records go.
struct LogOutputConfig {
    enum class Kind { standard_error, file, journald, syslog };

    Kind kind = Kind::standard_error;
    LogFormat format = LogFormat::automatic;
    LogLevel level = LogLevel::debug;   // it does not get what is less important
    std::filesystem::path file;         // of the kind `file`
    std::uint64_t rotate_size = 0;      // bytes, then the file is put aside; 0: never
    unsigned rotate_keep = 10;          // files that are put aside
    std::string to;                     // of journald and syslog, see log_receiver(); empty: the usual place on this machine
    std::vector<std::string> records;   // messages; it gets no others. Empty: all
    std::vector<std::string> listeners; // the same by the field `listener`

    bool operator==(const LogOutputConfig&) const = default;
};

struct LogConfig {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::automatic;
    std::filesystem::path file;           // empty: standard error
    bool access = true;                   // one line for each connection that has ended
    unsigned refused_per_second = 10;     // lines, of one listener, reason and source; 0: no limit
    std::vector<LogOutputConfig> outputs; // in the place of `format` and `file`, if there are any

    bool operator==(const LogConfig&) const = default;

    // Those, or the one that `format` and `file` say.
    std::vector<LogOutputConfig> all_outputs() const {
        if (!outputs.empty()) return outputs;
        LogOutputConfig one;
        one.kind = file.empty() ? LogOutputConfig::Kind::standard_error : LogOutputConfig::Kind::file;
        one.format = format;
        one.file = file;
        return {one};
    }
};

} // namespace gatehouse::host
