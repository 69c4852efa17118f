// The control socket: through it `gatehouse control` reaches the plugins' commands (gatehouse.control/2) while the host runs,
// and commands of the host's own.
//
// Everything happens on the main thread and without waiting: a few clients at a time, one question each, a deadline, and
// bounded messages. The user of the process and root may run everything; the group of host.control_readers, what changes
// nothing: by the mode of the file, and by what the kernel says of the peer.
#pragma once

#include "base/cell_table.hpp"
#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/log.hpp"
#include "config/config.hpp"
#include "listen/listener.hpp"
#include "plugin/instance.hpp"

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

// A command of the host's own, without arguments, for `gatehouse control CONF host NAME`.
struct HostCommand {
    // Is asked until it has the answer, each time the main thread has been woken. [main]
    using Answer = std::function<std::optional<CommandAnswer>()>;

    std::string name;
    std::string summary;
    bool shows = false;          // it changes nothing
    std::function<Answer()> run; // begins it. [main]
};

// What a Listener needs to know of the control socket. `where` is its place in the configuration, for messages.
ListenerConfig control_listener(const HostConfig& config, const std::string& where);

class Control {
  public:
    // Binds the socket of `config`, replacing one that a dead process has left; throws ListenError or std::system_error.
    // `where` is as above. The instances must outlive this. [main]
    Control(const HostConfig& config, const std::string& where, std::vector<PluginInstance*> instances,
            std::vector<HostCommand> own, Log& log);

    // The plugin instances are others from now on; answers of the old ones are not waited for any more. [main]
    void serve_instances(std::vector<PluginInstance*> instances) noexcept;

    // Takes clients from here on; throws ListenError. [main]
    void listen() { listener_.listen(); }

    // Readable when there is something for serve() to do.
    int descriptor() const noexcept { return epoll_.get(); }

    // Does what can be done without waiting. Returns when to be called at the latest. [main]
    Nanoseconds serve(Nanoseconds now) noexcept;

    // Answers that have not come yet are not waited for any more. [main]
    void begin_drain() noexcept { draining_ = true; }

  private:
    enum class Rights { none, show, change };
    struct Client {
        Descriptor fd;
        Nanoseconds deadline = 0;
        std::string in;                          // the question so far
        HostCommand::Answer awaited;             // while a command is going on
        std::shared_ptr<RunningCommand> running; // it is a plugin's
        std::string instance;                    // whose it is; empty: the host's
        std::string command;                     // it, with its arguments
        std::string out;                         // what it is to be told, once there is something
        std::size_t sent = 0;
        bool told_later = false; // that the answer takes its time
        bool done = false;
    };

    void accept(Nanoseconds now);
    void watch_newcomers(bool on) noexcept;
    Rights rights_of(const Client& client) const noexcept;
    void handle(Client& client, Nanoseconds now);
    void look_for_answer(Client& client, Nanoseconds now);
    void send(Client& client) noexcept;
    std::vector<std::string> answer(const std::vector<std::string>& question, Client& client, Rights rights) const;
    std::vector<std::string> list(bool own, const std::vector<PluginInstance*>& instances) const;
    std::vector<std::string> run_own(const std::vector<std::string>& question, Client& client, Rights rights) const;
    std::vector<std::string> run(PluginInstance& instance, const std::vector<std::string>& question, Client& client,
                                 Rights rights) const;

    std::vector<PluginInstance*> instances_; // [main]
    const std::vector<HostCommand> own_;     // constant after construction, as are the next three
    Log& log_;
    const bool has_readers_;
    const Descriptor epoll_;
    Listener listener_;
    std::list<Client> clients_;
    bool draining_ = false;
    bool watched_ = true;              // newcomers
    Nanoseconds paused_until_ = never; // after an accept() that has failed
};

} // namespace gatehouse::host
