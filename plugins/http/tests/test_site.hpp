// What the tests of the http plugin share: a folder of files, and taking answers apart.
#pragma once

#include "conditional.hpp"

#include <gatehouse/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

namespace http::test {

namespace fs = std::filesystem;

// A folder that the destructor removes: the plugin serves site/ in it, and must not serve secret.txt beside that.
class Folder {
  public:
    Folder() {
        std::string pattern = (fs::path(::testing::TempDir()) / "gatehouse-http-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
        path_ = pattern;
        fs::create_directory(path_ / "site");
        write("../secret.txt", "secret");
        write("hello.txt", "hello, world\n");
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }

    fs::path site() const { return path_ / "site"; }
    void write(const std::string& name, std::string_view content) const {
        fs::create_directories((site() / name).parent_path());
        std::ofstream(site() / name, std::ios::binary) << content;
        fs::last_write_time(site() / name, fs::file_time_type::clock::now() - std::chrono::hours(1));
        settle(name);
    }
    // Waits until the file is old enough to have an entity tag: until the clock of its stamp has gone on.
    void settle(const std::string& name) const {
        for (timespec now{}, last{};;) {
            struct stat status{};
            if (::stat((site() / name).c_str(), &status) != 0) throw std::runtime_error("no " + name);
            ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
            if (names_state(status.st_ctim, now)) return;
            do ::clock_gettime(CLOCK_REALTIME_COARSE, &last);
            while (last.tv_sec == now.tv_sec && last.tv_nsec == now.tv_nsec);
        }
    }

  private:
    fs::path path_;
};

struct Answer {
    int status = 0;
    std::map<std::string, std::string> fields; // by name as it was sent
    std::string body;

    std::string field(const std::string& name) const {
        const auto found = fields.find(name);
        return found == fields.end() ? "" : found->second;
    }
};

// Takes the answer at the front of `output` off it. Throws if it is not one.
inline Answer take_answer(std::string& output, bool has_body = true) {
    const std::size_t end = output.find("\r\n\r\n");
    if (end == std::string::npos || !output.starts_with("HTTP/1.1 ")) throw std::runtime_error("not an answer: " + output);
    Answer answer;
    answer.status = std::stoi(output.substr(9, 3));
    std::size_t line = output.find("\r\n") + 2;
    while (line < end + 2) {
        const std::size_t next = output.find("\r\n", line);
        const std::size_t colon = output.find(": ", line);
        if (!answer.fields.emplace(output.substr(line, colon - line), output.substr(colon + 2, next - colon - 2)).second)
            throw std::runtime_error("a field twice: " + output);
        line = next + 2;
    }
    output.erase(0, end + 4);
    if (!has_body || answer.status == 304 || answer.status == 100) return answer;
    const std::size_t length = std::stoul(answer.field("Content-Length"));
    if (output.size() < length) throw std::runtime_error("the body is too short");
    answer.body = output.substr(0, length);
    output.erase(0, length);
    return answer;
}

inline std::vector<Answer> answers(std::string output) {
    std::vector<Answer> all;
    while (!output.empty()) all.push_back(take_answer(output));
    return all;
}

// The output without what differs from second to second.
inline std::string without_dates(std::string output) {
    for (std::size_t at = 0; (at = output.find("\r\nDate: ", at)) != std::string::npos;)
        output.erase(at, output.find("\r\n", at + 2) - at);
    return output;
}

inline std::string get(std::string_view target, std::string_view more_fields = "") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: example.org\r\n" + std::string(more_fields) + "\r\n";
}

// The http plugin over a folder.
class HttpTest : public ::testing::Test {
  public:
    gatehouse::kit::Table config() const { return {{"root", folder.site().string()}}; }

    // The answer to one request.
    Answer ask(const std::string& request) {
        std::string output = plugin.serve({request}).output;
        Answer answer = take_answer(output, !request.starts_with("HEAD"));
        EXPECT_EQ(output, "") << "more than one answer";
        return answer;
    }

    Folder folder;
    gatehouse::kit::Plugin plugin{config()};
};

} // namespace http::test
