// Servers that nobody here wrote, each started for one test on a port or socket of its own, and ended with it.
#pragma once

#include "clients.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <pwd.h>
#include <stdexcept>
#include <string>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>
#include <vector>

namespace gatehouse::support {

class Redis {
  public:
    Redis() {
        process_ = std::make_unique<Process>(std::vector<std::string>{
            "redis-server", "--port", reserved_.port(), "--bind", "127.0.0.1", "--unixsocket", dir_ / "redis", "--dir",
            dir_.path().string(), "--save", "", "--appendonly", "no", "--daemonize", "no"});
        if (!process_->wait_output([](const std::string& out, const std::string&) {
                return out.find("connections at " /* ... the unix socket, which comes last */) != std::string::npos;
            }))
            throw std::runtime_error("redis-server does not start: " + process_->out() + process_->err());
    }

    const std::string& tcp() const noexcept { return reserved_.address(); }
    std::string unix_socket() const { return "unix:" + dir_ / "redis"; }
    void kill() { process_->signal(SIGKILL); }

  private:
    TempDir dir_;
    ReservedAddress reserved_;
    std::unique_ptr<Process> process_;
};

// A database cluster of its own, which is reached over a unix socket.
class Postgres {
  public:
    Postgres() {
        std::filesystem::permissions(dir_.path(), std::filesystem::perms::all);
        const Result init = run(as_user({"initdb", "-D", dir_ / "data", "-A", "trust", "-U", "postgres", "--no-sync"}));
        if (init.status != 0) throw std::runtime_error("initdb: " + init.out + init.err);
        process_ = std::make_unique<Process>(
            as_user({"postgres", "-D", dir_ / "data", "-k", dir_.path().string(), "-c", "listen_addresses=", "-c", "fsync=off",
                     "-c", "dynamic_shared_memory_type=mmap", "-c", "shared_buffers=16MB"}));
        if (!process_->wait_output([](const std::string&, const std::string& err) {
                return err.find("ready to accept connections") != std::string::npos;
            }))
            throw std::runtime_error("postgres does not start: " + process_->err());
    }

    // An orderly end, or its shared memory stays.
    ~Postgres() {
        if (killed_) return;
        try {
            process_->signal(SIGINT);
            process_->wait();
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }

    std::string address() const { return "unix:" + dir_ / ".s.PGSQL.5432"; }
    std::string folder() const { return dir_.path().string(); } // of the socket, as clients want it

    // As a crash would: its other processes go when they notice.
    void kill() {
        killed_ = true;
        std::ifstream file(dir_ / "data/postmaster.pid");
        std::string line;
        for (int number = 0; number < 7; ++number) std::getline(file, line);
        process_->signal(SIGKILL);
        process_->wait();
        // The seventh line ends with the number of its shared memory, which nobody else would remove.
        if (const std::size_t blank = line.rfind(' '); blank != std::string::npos)
            ::shmctl(std::stoi(line.substr(blank)), IPC_RMID, nullptr);
    }

    // A program of the same version.
    static std::string program(const std::string& name) {
        std::string found;
        if (std::filesystem::is_directory("/usr/lib/postgresql"))
            for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql"))
                if (std::filesystem::exists(version.path() / "bin" / name)) found = version.path() / "bin" / name;
        if (found.empty()) throw std::runtime_error("there is no " + name + "; scripts/deps test installs postgresql-15");
        return found;
    }

  private:
    // PostgreSQL does not run as root, so root runs it as the user that its package has made.
    static std::vector<std::string> as_user(std::vector<std::string> argv) {
        argv.front() = program(argv.front());
        if (::geteuid() != 0) return argv;
        std::vector<std::string> result{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL"};
        result.insert(result.end(), argv.begin(), argv.end());
        return result;
    }

    TempDir dir_;
    std::unique_ptr<Process> process_;
    bool killed_ = false;
};

// An SSH server that lets in whoever runs the test, with a key of its own.
class Sshd {
  public:
    Sshd() {
        if (::geteuid() == 0) std::filesystem::create_directories("/run/sshd"); // it insists on it, as root
        for (const char* name : {"host", "user"}) {
            const Result made = run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir_ / name});
            if (made.status != 0) throw std::runtime_error("ssh-keygen: " + made.err);
        }
        std::ofstream(dir_ / "config")
            << "ListenAddress 127.0.0.1\nPort " << reserved_.port() << "\nHostKey " << dir_ / "host" << "\nAuthorizedKeysFile "
            << dir_ / "user.pub"
            << "\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n";
        process_ = std::make_unique<Process>(std::vector<std::string>{"/usr/sbin/sshd", "-D", "-e", "-f", dir_ / "config"});
        if (!process_->wait_output([](const std::string&, const std::string& err) {
                return err.find("Server listening on") != std::string::npos;
            }))
            throw std::runtime_error("sshd does not start: " + process_->err());
    }

    const std::string& address() const noexcept { return reserved_.address(); }

    // `ssh ARGUMENTS...` to a port of 127.0.0.1.
    std::vector<std::string> client(const std::string& port, const std::vector<std::string>& arguments) const {
        return command({"ssh", "-p", port}, arguments);
    }
    // `scp FROM TO`; "HERE:" stands for this server's user and host.
    Result copy(const std::string& port, std::string from, std::string to) const {
        for (std::string* path : {&from, &to})
            if (path->starts_with("HERE:")) path->replace(0, 4, user() + "@127.0.0.1");
        return run(command({"scp", "-q", "-P", port}, {from, to}));
    }
    static std::string user() { return ::getpwuid(::geteuid())->pw_name; }

  private:
    std::vector<std::string> command(std::vector<std::string> argv, const std::vector<std::string>& arguments) const {
        for (const std::string& option :
             {std::string("BatchMode=yes"), std::string("StrictHostKeyChecking=no"),
              std::string("UserKnownHostsFile=/dev/null"), std::string("LogLevel=ERROR"), "IdentityFile=" + dir_ / "user"}) {
            argv.emplace_back("-o");
            argv.push_back(option);
        }
        argv.insert(argv.end(), {"-F", "none"});
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        return argv;
    }

    TempDir dir_;
    ReservedAddress reserved_;
    std::unique_ptr<Process> process_;
};

// A program that is ready as soon as somebody answers on its port, configured by a file.
class ConfiguredServer {
  public:
    // In both, CONFIG, PORT and DIR stand for the file, the port and a folder.
    ConfiguredServer(const std::vector<std::string>& argv, const std::string& config) {
        std::vector<std::string> arguments;
        for (const std::string& argument : argv) arguments.push_back(filled_in(argument));
        std::ofstream(dir_ / "config") << filled_in(config);
        process_ = std::make_unique<Process>(arguments);
        for (const Deadline deadline; !deadline.passed() && !process_->ended();)
            if (!refused(reserved_.address())) return;
        throw std::runtime_error(argv.front() + " does not start: " + process_->out() + process_->err());
    }

    std::string port() const { return reserved_.port(); }

  private:
    std::string filled_in(std::string text) const {
        for (const auto& [word, value] :
             {std::pair{"CONFIG", dir_ / "config"}, std::pair{"PORT", port()}, std::pair{"DIR", dir_.path().string()}})
            for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += value.size())
                text.replace(at, std::string_view(word).size(), value);
        return text;
    }

    TempDir dir_;
    ReservedAddress reserved_;
    std::unique_ptr<Process> process_;
};

} // namespace gatehouse::support
