// Whether the configuration on disk is the one that runs, for the metrics. A scrape is told what was found last, and has it
// looked at again: on a thread that may wait for a disk, and only while somebody scrapes.
#pragma once

#include "base/file_stamp.hpp"
#include "config/config.hpp"
#include "threads/alarm.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace gatehouse::host {

class FileCheck {
  public:
    // What was found last, if it was about this generation. Nothing: nobody has asked before, or the files cannot be read.
    // [any]
    std::optional<bool> differs(unsigned generation) const noexcept {
        const std::uint64_t found = found_.load();
        return found >> 1U == generation ? std::optional((found & 1U) != 0) : std::nullopt;
    }

    // The files are to be looked at; the main thread hears of it. [any]
    void ask(Alarm& alarm) noexcept {
        State before = State::idle;
        if (state_.compare_exchange_strong(before, State::asked)) alarm.wake_by(monotonic_now());
    }
    // Whether somebody has asked: then look() is to be called, or give_up(). [main]
    bool begin() noexcept {
        State before = State::asked;
        return state_.compare_exchange_strong(before, State::looks);
    }
    void give_up() noexcept { state_.store(State::idle); }

    // Reads the configuration and compares it with the running one, if one of its files has changed since the last look.
    // `load` throws if the files are wrong. [maker]
    void look(unsigned generation, const Config& running, const std::function<Config()>& load) noexcept;

  private:
    enum class State : std::uint8_t { idle, asked, looks };

    std::atomic<State> state_{State::idle};
    std::atomic<std::uint64_t> found_{0}; // twice the generation, and 1 if they differ; 0: nothing
    unsigned generation_ = 0;             // of the last look. [maker], as the next one
    std::vector<FileStamp> stamps_;
};

} // namespace gatehouse::host
