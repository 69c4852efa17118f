// The control socket: through it `gatehouse control` reaches the plugins' commands (gatehouse.control/1) while the host runs,
// and commands of the host's own.
//
// Everything happens on the main thread and without waiting: a few clients at a time, one question each, a deadline, and
// bounded messages. Only the user of the process and root get an answer: by the mode of the file, and by what the kernel says
// of the peer.
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/log.hpp"
#include "config/config.hpp"
#include "listen/listener.hpp"
#include "plugin/instance.hpp"

#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// A command of the host's own, without arguments, for `gatehouse control CONF host NAME`.
struct HostCommand {
    // Is asked until it has the answer, for which see control/message.hpp, each time the main thread has been woken. [main]
    using Answer = std::function<std::optional<std::vector<std::string>>()>;

    std::string name;
    std::string summary;
    std::function<Answer()> run; // begins it. [main]
};

// What a Listener needs to know of the control socket. `where` is its place in the configuration, for messages.
ListenerConfig control_listener(const std::filesystem::path& path, const std::string& where);

class Control {
  public:
    // Binds the socket at `path`, replacing one that a dead process has left; throws ListenError or std::system_error. `where`
    // is as above. The instances must outlive this. [main]
    Control(const std::filesystem::path& path, const std::string& where, std::vector<PluginInstance*> instances,
            std::vector<HostCommand> own, Log& log);

    // Takes clients from here on; throws ListenError. [main]
    void listen() { listener_.listen(); }

    // Readable when there is something for serve() to do.
    int descriptor() const noexcept { return epoll_.get(); }

    // Does what can be done without waiting. Returns when to be called at the latest. [main]
    Nanoseconds serve(Nanoseconds now) noexcept;

  private:
    struct Client {
        Descriptor fd;
        Nanoseconds deadline = 0;
        std::string in;              // the question so far
        HostCommand::Answer awaited; // while a command of the host is going on
        std::string command;         // its name
        std::string out;             // the answer, once there is one
        std::size_t sent = 0;
        bool done = false;
    };

    void accept(Nanoseconds now);
    void watch_newcomers(bool on) noexcept;
    bool allowed(const Client& client) const noexcept;
    void handle(Client& client);
    void look_for_answer(Client& client, Nanoseconds now);
    void send(Client& client) noexcept;
    std::vector<std::string> answer(const std::vector<std::string>& question, Client& client) const;
    std::vector<std::string> list(bool own, const std::vector<PluginInstance*>& instances) const;
    std::vector<std::string> run_own(const std::vector<std::string>& question, Client& client) const;
    std::vector<std::string> run(PluginInstance& instance, const std::vector<std::string>& question) const;

    const std::vector<PluginInstance*> instances_; // constant after construction, as are the next three
    const std::vector<HostCommand> own_;
    Log& log_;
    const Descriptor epoll_;
    Listener listener_;
    std::list<Client> clients_;
    bool watched_ = true;              // newcomers
    Nanoseconds paused_until_ = never; // after an accept() that has failed
};

} // namespace gatehouse::host
