// A running Gatehouse: the real program, with a configuration of the test's, whose log is read as it is written.
//
//     Gatehouse host(R"([[listeners]]
//     name = "echo"
//     address = "127.0.0.1:0"
//     plugin = "echo")");
//     Client client(host.port("echo"));
//     client.send("hello");
//     EXPECT_EQ(client.recv_exactly(5), "hello");
//
// Whatever goes wrong here is thrown as std::runtime_error with the end of the log in it, which fails the test. A host that has
// died before the test has ended it, or that does not end with status 0 (as a sanitizer makes it), fails the test as well; so
// does one whose ledger is wrong: in its last status, the reasons must add up to what was accepted; and so does one that still
// uses the CPU when its test is over: a thread that spins.
#pragma once

#include "process.hpp"
#include "record.hpp"
#include "temp_dir.hpp"

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::support {

// The program that is tested, and the bundled plugins. They come from the build folder that the environment variable
// GATEHOUSE_BUILD names, or else from that of the test.
std::string gatehouse_binary();
std::string plugin_dir();

// The plugins of tests/fixtures, those of tests/bench, and those of sdk/samples. They come from the test's own build, as
// clients do: they need no sanitizer to test a host that has one.
std::string fixture_dir();
std::string bench_dir();
std::string sample_dir();

// What the program was built with: "address", "thread", or "" if with none.
std::string sanitizer();

// Runs `gatehouse ARGUMENTS...` to its end.
Result run_gatehouse(std::vector<std::string> arguments);

class Gatehouse;

// Runs `gatehouse control CONF WORDS...`. The client is of the test's own build: many tests ask again and again until something
// has come about, and a sanitizer makes each start expensive.
Result ask(const Gatehouse& host, std::vector<std::string> words);

// A [[listeners]] section on a port of the kernel's choice. `more` is further lines of it.
std::string listener(std::string_view name, std::string_view plugin, std::string_view more = "");

// The same for an instance of its own, which is called as the listener and has these settings: a [plugins.NAME] section before
// it.
std::string instance(std::string_view name, std::string_view library, std::string_view settings = "",
                     std::string_view more = "");

// Those of the gateway, in front of this address ("127.0.0.1:80", "unix:/path"), and of http, for this folder. Both are called
// as their plugins.
std::string gateway_to(const std::string& upstream, const std::string& settings = "", std::string_view more = "");
std::string http_from(const TempDir& root, std::string_view more = "");

struct GatehouseOptions {
    // NOLINTBEGIN(readability-redundant-member-init): without {}, g++ warns of each member that a caller leaves out
    std::vector<std::string> plugin_path{}; // folders to look in before plugin_dir()
    std::vector<std::string> wrapper{};     // a program that runs the host, such as strace, prlimit or sh
    std::vector<std::string> environment{}; // "NAME=value"
    std::vector<int> inherit{};             // become its descriptors 3, 4, ...
    // NOLINTEND(readability-redundant-member-init)
};

// With the plugins of tests/fixtures, or blocking_echo of tests/bench.
GatehouseOptions with_fixtures();
GatehouseOptions with_blocking_echo();

class Gatehouse {
  public:
    // Starts it and waits for "ready". Without a [host] section in `config`, one with a short drain_timeout is added; and where
    // GATEHOUSE_TEST_SECCOMP is set, that becomes [process] seccomp; but not of a host with a sanitizer, which looks for leaks
    // with ptrace() at its end.
    explicit Gatehouse(const std::string& config, GatehouseOptions options = {});
    // Ends it, unless wait_exit() or terminate() has, and fails the test if it does not end well.
    ~Gatehouse();

    pid_t pid() const noexcept { return pid_; } // the host's own, also under a wrapper
    const TempDir& dir() const noexcept { return dir_; }

    // Writes another configuration, with what the constructor adds, and does as `systemctl reload`; the record of what has
    // become of it. `write` alone leaves the host as it is.
    void write(const std::string& config) const;
    Record reload(const std::string& config);
    Record reload(); // the file as it is

    // What the listener listens on: the last one of that name.
    std::string address(std::string_view listener) const;
    std::uint16_t port(std::string_view listener) const;

    // All records so far, and how many that is.
    std::vector<Record> log();
    std::size_t log_size();

    // The first record from `from` on that fits, as soon as there is one.
    using Fits = std::function<bool(const Record&)>;
    Record wait_for_log(const Fits& fits, std::string_view what, std::size_t from = 0);
    // The same by its message and some of its fields.
    using Wanted = std::initializer_list<std::pair<std::string_view, std::string_view>>;
    Record wait_for_log(std::string_view message, Wanted fields = {}, std::size_t from = 0);
    // The first whose message contains this.
    Record wait_for_text(const std::string& text, std::size_t from = 0);
    // The record of a connection that has ended: by its listener, and by the client's address unless that is "".
    Record wait_for_closed(std::string_view listener, std::string_view peer = "", std::size_t from = 0);

    // Asks with SIGUSR1.
    Record status(std::string_view listener);
    // Asks until the listener's status fits.
    Record wait_for_status(std::string_view listener, std::string_view what, const Fits& fits);

    // How many lines of its standard error, records or not, contain this text; and whether one will.
    std::size_t count_logged(std::string_view part);
    bool logged(std::string_view part) { return count_logged(part) > 0; }
    bool will_log(std::string_view part);

    void signal(int number) const;
    bool alive() { return !process_->ended(); }

    // What becomes of its log: see Process. The records up to now stay.
    void stop_reading_log() { process_->stop_reading(); }
    void close_log() { process_->close_output(); }

    // Waits for the end, which the test expects; returns the exit status, or 128 + the signal.
    int wait_exit(std::chrono::milliseconds within = patience);
    int terminate(); // SIGTERM and wait_exit(), once it is quiet

    // The test ends the host, or lets it go, while there is work for it, or while a plugin of the test's spins: then it need
    // not be quiet.
    void leave_busy() noexcept { may_be_busy_ = true; }

    std::string out() const { return process_->out(); }

    // The last lines of the log, for messages.
    std::string tail();

  private:
    void parse(const std::string& err);
    void check_ledgers();
    void expect_quiet();

    TempDir dir_;
    std::unique_ptr<Process> process_;
    pid_t pid_ = -1;
    bool ended_ = false; // the test has seen it end
    bool may_be_busy_ = false;
    std::vector<Record> records_;
    std::size_t parsed_ = 0; // bytes of standard error
};

} // namespace gatehouse::support
