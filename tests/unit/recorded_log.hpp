// A log whose records a test reads back, as JSON.
#pragma once

#include "base/log.hpp"
#include "text_files.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace gatehouse::host {

class RecordedLog {
  public:
    RecordedLog() : folder_(make_folder()), log(config(folder_ / "log")) {}
    ~RecordedLog() { std::filesystem::remove_all(folder_); }
    RecordedLog(const RecordedLog&) = delete;
    RecordedLog& operator=(const RecordedLog&) = delete;

    // What follows the time and the level in each record: `"message":"...",...}`.
    std::vector<std::string> records() {
        log.flush();
        std::vector<std::string> lines = lines_of(contents(folder_ / "log"));
        for (std::string& line : lines) line.erase(0, line.find(R"("message":)"));
        return lines;
    }

  private:
    static std::filesystem::path make_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "gatehouse-log-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        return name;
    }
    static LogConfig config(const std::filesystem::path& file) {
        LogConfig config;
        config.file = file;
        config.format = LogFormat::json;
        return config;
    }

    const std::filesystem::path folder_;

  public:
    Log log;
};

} // namespace gatehouse::host
