// A host in a process of its own that serves a plugin under trial, and what is seen of it from outside: its log, its process,
// how it ends.
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/own_program.hpp"
#include "trial/finding.hpp"
#include "trial/record.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::host {

struct Resources {
    std::size_t descriptors = 0;
    std::size_t threads = 0;
    std::uint64_t memory = 0; // KiB that belong to no file
    Nanoseconds cpu = 0;      // time
};

class HostProcess {
  public:
    // Starts it with this configuration, the text of a file; `folder` is for its temporary files.
    HostProcess(const std::string& configuration, const std::string& folder);
    ~HostProcess() = default; // kills what still runs
    HostProcess(const HostProcess&) = delete;
    HostProcess& operator=(const HostProcess&) = delete;

    // Whether it accepts clients; if it does not within 10 s, `result` has the reason. To be called first.
    bool is_ready(CheckResult& result);

    std::uint16_t port(const std::string& listener) const { return ports_.at(listener); }
    Nanoseconds started_in() const noexcept { return started_in_; } // the time that start() has taken, and the host's own start

    // Who the client with this port is, for what stop() says of it.
    void knows(std::uint16_t client, const std::string& what) { clients_[client] = what; }

    // How many connections are open; nothing if it has ended or does not answer.
    std::optional<std::size_t> open_connections();
    // Waits until no more than `most` are. False: it has ended, or time is over.
    bool calms_down(std::size_t most, Nanoseconds deadline);

    Resources resources() const;
    // The names of its threads that run, or would if they had a CPU.
    std::vector<std::string> ready_threads() const;
    bool has_ended() { return child_.wait(0).has_value(); }
    bool is_dying(); // it has ended, or has said that it crashes

    void begin_stop() noexcept; // asks it to, without waiting
    // Has it stop, unless it was asked before, and waits for it. What has gone wrong since it was started goes into `result`:
    // crashes, hooks that have thrown or not returned, and what serve() has done wrong. Returns how long the stop took.
    Nanoseconds stop(CheckResult& result);

    // How the connection of this client has ended, once that is in the log.
    struct Closed {
        std::string reason;
        bool relayed = false;
    };
    std::optional<Closed> closed(std::uint16_t client) const {
        const auto found = closed_.find(client);
        return found == closed_.end() ? std::nullopt : std::optional(found->second);
    }

  private:
    void read_log();
    void take(const Record& record);
    void judge(CheckResult& result) const;
    std::string client_of(const Record& record) const;

    const Descriptor log_; // a file in memory, its standard error
    const Nanoseconds began_;
    OwnProgram child_;
    Nanoseconds started_in_ = 0;
    bool ready_ = false;
    bool stopping_ = false;

    std::size_t read_ = 0; // bytes of the log
    std::string partial_;  // of a line
    std::string other_;    // lines that are no records: last words
    std::vector<Record> failures_;
    std::map<std::uint16_t, Closed> closed_; // by client
    std::map<std::string, std::uint16_t> ports_;
    std::map<std::uint16_t, std::string> clients_;
    std::size_t statuses_ = 0;
    std::size_t open_ = 0; // of the status that is being told, over all listeners
    std::size_t last_open_ = 0;
};

} // namespace gatehouse::host
