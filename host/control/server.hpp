// The control socket: through it an operator, or a program, asks a running host. message.hpp says how.
//
// Everything happens on the main thread and without waiting: a few clients at a time, who ask one question after the other,
// deadlines, and bounded messages. Who may ask is decided by what the kernel says of the peer: see caller.hpp.
//
// The door is open when others are shut: a descriptor is kept for it, and when all places are taken, a client that asks nothing
// gives way to a newcomer.
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/log.hpp"
#include "config/config.hpp"
#include "control/caller.hpp"
#include "control/command.hpp"
#include "control/command_counts.hpp"
#include "control/message.hpp"
#include "listen/listener.hpp"
#include "plugin/instance.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse::host {

// What a Listener needs to know of the control socket. Throws ListenError if there is no such group. [main]
ListenerConfig control_listener(const HostConfig& config);

class Control {
  public:
    // Binds the socket of `config`, replacing one that a dead process has left; throws ListenError or std::system_error.
    // The instances must outlive this, or be replaced first. `bound`: the socket instead, which another process has as well.
    // [main]
    Control(const HostConfig& config, std::vector<PluginInstance*> instances, std::vector<HostCommand> own, Log& log,
            CommandCounts& counts, const Descriptor& bound = {});

    // Takes clients from here on; throws ListenError. [main]
    void listen() { listener_.listen(); }

    // The socket, for another process; whether another process has it (see Listener::share()); and whether newcomers are this
    // one's to answer. [main]
    int socket() const noexcept { return listener_.descriptor(); }
    void share(bool shared) noexcept { listener_.share(shared); }
    void take_newcomers(bool takes) noexcept { takes_newcomers_ = takes; }
    void let_go() noexcept; // as Listener::let_go(): newcomers are another process's for good

    // Readable when there is something for serve() to do.
    int descriptor() const noexcept { return epoll_.get(); }

    // Does what can be done without waiting. Returns when to be called at the latest. [main]
    Nanoseconds serve(Nanoseconds now) noexcept;

    // Commands go to these instances from here on. Who waits for an answer of another one is told that it will not come. [main]
    void serve_instances(std::vector<PluginInstance*> instances) noexcept;

    // Answers that have not come yet are not waited for any more. [main]
    void begin_drain() noexcept { draining_ = true; }

  private:
    // A question that is being answered.
    struct Task {
        Question question;
        bool changes = false;
        std::string arguments;                    // for the log
        HostCommand::Answer awaited;              // of the host's own command, or why there is none of the plugin's
        std::shared_ptr<RunningCommand> running;  // a plugin's command
        const PluginInstance* instance = nullptr; // whose it is; null: the host's
        std::string owner;                        // the name of the instance
        std::int32_t status = 0;                  // what the plugin has returned
        bool told_later = false;                  // that the answer takes its time
    };
    struct Client {
        Descriptor fd;
        Caller who;
        Nanoseconds heard = 0;    // when it came, or said something last
        Nanoseconds deadline = 0; // for what is awaited of it, or for its answer
        std::string in;           // what it has said and is not answered yet
        bool said_all = false;    // it sends no more
        bool refuses = false;     // nothing of what it says is looked at
        std::optional<Task> task;
        std::string out;
        std::size_t sent = 0;
        std::uint32_t watched = 0; // events
        bool done = false;
    };

    void accept(Nanoseconds now);
    Descriptor accept_one() noexcept;
    void let_go(Client& client) noexcept;
    Client* who_gives_way() noexcept;
    void watch_newcomers(bool on) noexcept;
    void watch(Client& client) noexcept;
    void receive(Client& client, Nanoseconds now);
    bool proceed(Client& client, Nanoseconds now);
    bool take_line(Client& client, std::string& line);
    void begin(Client& client, const std::string& line, Nanoseconds now);
    void look_for_answer(Client& client, Nanoseconds now);
    void refuse(Client& client, HostAnswer answer, Nanoseconds now);
    void tell(Client& client, HostAnswer answer, Nanoseconds now);
    void say(Client& client, std::string line, Nanoseconds now);
    void count_command(const Task& task, const HostAnswer& answer);
    void log_command(const Client& client, const HostAnswer& answer);
    void send(Client& client, Nanoseconds now) noexcept;

    HostCommand::Answer start(Task& task, Caller& who);
    HostCommand::Answer start_plugins(Task& task, const Arguments& with, Caller& who);
    static bool is_allowed(Task& task, bool shows, Caller& who);
    static std::optional<HostAnswer> take_answer(Task& task);
    std::vector<std::string> own_names() const;
    HostAnswer list(const std::string& instance) const;

    std::vector<PluginInstance*> instances_;
    const std::vector<HostCommand> own_; // constant after construction, as are the next five
    Log& log_;
    CommandCounts& counts_;
    const ControlGroups groups_;
    const Descriptor epoll_;
    Listener listener_;
    std::list<Client> clients_;
    Descriptor spare_; // to be given up for a client when no descriptor is left
    bool draining_ = false;
    bool takes_newcomers_ = true;
    bool watched_ = true;              // newcomers
    Nanoseconds paused_until_ = never; // after an accept() that has failed
};

} // namespace gatehouse::host
