#include "control/server.hpp"

#include "base/if_memory_allows.hpp"
#include "base/printable.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_clients = 16;
constexpr Nanoseconds one_second = 1'000'000'000;
constexpr Nanoseconds patience = 5 * one_second;      // for the rest of a question to come, and for an answer to go
constexpr Nanoseconds most_silence = 60 * one_second; // before a question
constexpr std::uint64_t longest_command = 60;         // seconds, for an answer that comes later
constexpr Nanoseconds pause_after_failure = one_second;
constexpr std::size_t most_words = 256;
constexpr std::string_view plugin_command = "plugin.command";
constexpr std::string_view command_list = "commands";
constexpr std::string_view only_shows =
    "only the user that runs the host, root, and the group of control_operators may run a command that changes something";

constexpr std::string_view only_some =
    "only the user that runs the host, root, and the groups of control_readers and control_operators may ask it";
constexpr std::string_view too_long = "the question is longer than 64 KiB";

using Texts = std::vector<std::string>;

HostCommand::Answer at_once(HostAnswer answer) { return HostCommand::at_once(std::move(answer)); }

Descriptor open_spare() noexcept { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

// "level [for]", for people.
std::string arguments_of(const std::vector<Parameter>& parameters) {
    constexpr std::size_t most = 3;
    std::string all;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (i == most && parameters.size() > most + 1) return all + " ...";
        const std::string& name = parameters[i].name;
        all += (i == 0 ? "" : " ") + (parameters[i].required ? name : '[' + name + ']');
    }
    return all;
}

HostAnswer describe(const std::vector<Parameter>& parameters) {
    constexpr std::array<const char*, 5> types{"text", "flag", "number", "duration", "texts"};
    HostAnswer answer;
    answer.table.columns = {"argument", "type", "required", "meaning"};
    for (const Parameter& parameter : parameters)
        answer.table.cells.insert(answer.table.cells.end(), {parameter.name, types[static_cast<std::size_t>(parameter.type)],
                                                             parameter.required ? "yes" : "no", parameter.meaning});
    return answer;
}

std::optional<gid_t> group_of(const std::string& name, const std::string& where) {
    if (name.empty()) return std::nullopt;
    const std::optional<gid_t> number = group_number(name);
    if (!number) throw ListenError("there is no group " + name + " on this machine (" + where + ")");
    return number;
}

// A Listener is not moved: it is made where it stays.
Listener listener_of(const ListenerConfig& config, const Descriptor& bound, Log& log) {
    if (bound) return Listener(config, bound.get(), log);
    return Listener(config, log);
}

} // namespace

// Who may not ask is told so; but where one group is let in, the mode of the file keeps others out as well.
ListenerConfig control_listener(const HostConfig& host) {
    const std::string& where = host.control_where.text;
    ListenerConfig config;
    config.name = "control";
    config.address.kind = Address::Kind::unix_socket;
    config.address.path = host.control.native();
    config.backlog = 16;
    config.mode = 0600;
    config.where = host.control_where;
    const std::optional<gid_t> view = group_of(host.control_readers, where);
    const std::optional<gid_t> operate = group_of(host.control_operators, where);
    if (view && operate && *view != *operate) {
        config.mode = 0666;
    } else if (view || operate) {
        config.mode = 0660;
        config.group = std::to_string(view ? *view : *operate);
    }
    return config;
}

Control::Control(const HostConfig& config, std::vector<PluginInstance*> instances, std::vector<HostCommand> own, Log& log,
                 CommandCounts& counts, const Descriptor& bound)
    : instances_(std::move(instances)), own_(std::move(own)), log_(log), counts_(counts),
      groups_{group_of(config.control_readers, config.control_where.text),
              group_of(config.control_operators, config.control_where.text)},
      epoll_(::epoll_create1(EPOLL_CLOEXEC)), listener_(listener_of(control_listener(config), bound, log)),
      spare_(open_spare()) {
    listener_.share(static_cast<bool>(bound));
    epoll_event event{};
    event.events = EPOLLIN;
    if (!epoll_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.descriptor(), &event) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot watch the control socket");
}

Nanoseconds Control::serve(Nanoseconds now) noexcept {
    std::array<epoll_event, most_clients + 1> events; // not initialised: filled by epoll_wait
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        auto* client = static_cast<Client*>(event.data.ptr);
        try {
            if (client == nullptr)
                accept(now);
            else if ((event.events & (EPOLLHUP | EPOLLERR)) != 0)
                client->done = true; // it does not read any more
            else if ((event.events & EPOLLIN) != 0)
                receive(*client, now);
        } catch (const std::bad_alloc&) {
            if (client != nullptr) client->done = true;
        }
    }
    Nanoseconds next = never;
    for (Client& client : clients_) {
        try {
            if (!client.done && proceed(client, now)) next = now;
        } catch (const std::bad_alloc&) {
            client.done = true;
        }
    }
    clients_.remove_if([&](Client& client) {
        const bool over = client.done || client.deadline <= now;
        if (over) let_go(client);
        return over;
    });
    for (Client& client : clients_) {
        watch(client);
        next = std::min(next, client.deadline);
    }
    if (!spare_) spare_ = open_spare();
    if (paused_until_ <= now) paused_until_ = never;
    watch_newcomers(takes_newcomers_ && (clients_.size() < most_clients || who_gives_way() != nullptr) &&
                    paused_until_ == never);
    return std::min(next, paused_until_);
}

void Control::serve_instances(std::vector<PluginInstance*> instances) noexcept {
    for (Client& client : clients_) {
        if (!client.task || client.task->instance == nullptr) continue;
        if (std::find(instances.begin(), instances.end(), client.task->instance) != instances.end()) continue;
        client.task->running->abandon();
        client.task->running.reset();
        client.task->instance = nullptr;
        const bool told = if_memory_allows([&] {
            client.task->awaited = at_once(failure("gone", "a reload has replaced plugin instance " + client.task->owner +
                                                               "; the command may still be going on in the old one"));
        });
        if (!told) client.done = true;
    }
    instances_ = std::move(instances);
}

// --- clients -------------------------------------------------------------------------------------------------------------

void Control::watch_newcomers(bool on) noexcept {
    if (std::exchange(watched_, on) == on) return;
    epoll_event event{};
    event.events = on ? EPOLLIN : 0U;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_.descriptor(), &event);
}

// A client that goes is heard whatever is watched: EPOLLHUP.
void Control::watch(Client& client) noexcept {
    const bool hears = !client.said_all && client.in.size() <= most_question;
    const std::uint32_t events = (hears ? EPOLLIN : 0U) | (client.sent < client.out.size() ? EPOLLOUT : 0U);
    if (std::exchange(client.watched, events) == events) return;
    epoll_event event{};
    event.events = events;
    event.data.ptr = &client;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.fd.get(), &event) != 0) client.done = true;
}

// The one that has been silent for the longest, of those that wait for nothing.
Control::Client* Control::who_gives_way() noexcept {
    Client* silent = nullptr;
    for (Client& client : clients_) {
        const bool asks = client.task || client.sent < client.out.size();
        if (!client.done && !asks && (silent == nullptr || client.heard < silent->heard)) silent = &client;
    }
    return silent;
}

Descriptor Control::accept_one() noexcept {
    SocketAddress peer;
    Descriptor fd(listener_.accept(peer));
    if (fd || (errno != EMFILE && errno != ENFILE) || !spare_) return fd;
    spare_.reset();
    return Descriptor(listener_.accept(peer));
}

void Control::let_go(Client& client) noexcept {
    if (client.task) {
        if_memory_allows([&] { log_command(client, failure("gone", "the client has not waited for the answer")); });
        if (client.task->running) client.task->running->abandon();
    }
    // A process that is being started may have a copy of the descriptor: then closing it does not take it out of the set.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, client.fd.get(), nullptr);
    if (spare_) return;
    ::shutdown(client.fd.get(), SHUT_RDWR);
    spare_ = std::move(client.fd); // without having been anybody's in between
}

void Control::let_go() noexcept {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.descriptor(), nullptr); // first: the set knows the open file
    takes_newcomers_ = watched_ = false;
    listener_.let_go();
}

void Control::accept(Nanoseconds now) {
    if (!takes_newcomers_) return; // it is not to be watched any more
    Client client;
    client.fd = accept_one();
    if (!client.fd) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) paused_until_ = now + pause_after_failure;
        return;
    }
    client.who = caller_of(client.fd.get(), groups_);
    if (!client.who.may_view) { // it takes nobody's place; what it has not read of this when it is closed stays for it to read
        const std::string line = answer_line({}, failure("forbidden", std::string(only_some)));
        ::send(client.fd.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (!spare_) spare_ = std::move(client.fd);
        return;
    }
    const auto open = std::count_if(clients_.begin(), clients_.end(), [](const Client& each) { return !each.done; });
    if (Client* const gives_way = who_gives_way(); open >= static_cast<std::ptrdiff_t>(most_clients) && gives_way != nullptr)
        gives_way->done = true;
    client.heard = now;
    client.deadline = now + most_silence;
    client.watched = EPOLLIN;
    clients_.push_back(std::move(client));
    Client& newcomer = clients_.back();
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &newcomer;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, newcomer.fd.get(), &event) != 0) clients_.pop_back();
}

// Says so, and hears nothing more of it. What it still sends is thrown away for a while: a close would reset the answer.
void Control::refuse(Client& client, HostAnswer answer, Nanoseconds now) {
    client.refuses = true;
    client.in.clear();
    say(client, answer_line({}, answer), now);
    ::shutdown(client.fd.get(), SHUT_WR);
    client.deadline = now + patience;
}

void Control::receive(Client& client, Nanoseconds now) {
    std::array<char, 4096> buffer; // not initialised: filled by recv
    const ssize_t size = ::recv(client.fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size < 0) {
        client.done = true;
        return;
    }
    if (size == 0) client.said_all = true;
    if (client.refuses) return; // thrown away
    if (client.in.empty() && !client.task && client.out.empty()) client.deadline = now + patience;
    client.in.append(buffer.data(), static_cast<std::size_t>(size));
    client.heard = now;
}

// The next line without its end; false: it is not there yet. The last one may have no end.
bool Control::take_line(Client& client, std::string& line) {
    const std::size_t end = client.in.find('\n');
    if (end == std::string::npos && !(client.said_all && !client.in.empty())) return false;
    line = client.in.substr(0, end);
    client.in.erase(0, end == std::string::npos ? end : end + 1);
    if (line.ends_with('\r')) line.pop_back();
    return true;
}

// Goes on with a client, up to one question. True: there is more to do at once.
bool Control::proceed(Client& client, Nanoseconds now) {
    send(client, now);
    if (client.done || client.sent < client.out.size()) return false;
    if (client.task) look_for_answer(client, now);
    if (client.task || client.done) return false;
    if (client.sent < client.out.size()) return false;
    std::string line;
    if (client.refuses || !take_line(client, line)) {
        if (client.in.size() > most_question) refuse(client, failure("too_long", std::string(too_long)), now);
        client.done = client.said_all;
        return false;
    }
    if (line.find_first_not_of(" \t") != std::string::npos) begin(client, line, now);
    return client.in.find('\n') != std::string::npos || client.said_all;
}

void Control::begin(Client& client, const std::string& line, Nanoseconds now) {
    Task task;
    std::string problem;
    if (line.size() > most_question) return refuse(client, failure("too_long", std::string(too_long)), now);
    if (!read_question(line, task.question, problem))
        return say(client, answer_line(task.question, failure("bad_question", "the question is malformed: " + problem)), now);
    task.awaited = start(task, client.who);
    client.task = std::move(task);
    client.deadline = now + static_cast<Nanoseconds>(longest_command) * one_second;
    look_for_answer(client, now);
}

// A client does not wait for ever, nor beyond the beginning of the drain.
void Control::look_for_answer(Client& client, Nanoseconds now) {
    Task& task = *client.task;
    const std::string& command = task.owner.empty() ? task.question.command : task.arguments;
    std::optional<HostAnswer> answer = task.running ? take_answer(task) : task.awaited();
    if (!answer && draining_) answer = failure("draining", "the host is draining");
    if (!answer && client.deadline <= now)
        answer = failure("timeout", command + " has not answered for a minute; it may still be going on");
    if (answer) return tell(client, std::move(*answer), now);
    if (task.question.later && !std::exchange(task.told_later, true)) {
        client.out += later_line(task.question, longest_command);
        send(client, now);
    }
}

std::optional<HostAnswer> Control::take_answer(Task& task) {
    if (!task.running->is_over()) return std::nullopt;
    CommandAnswer told = task.running->take();
    task.status = told.status;
    HostAnswer answer;
    if (!told.error.empty()) answer = failure("failed", printable(told.error, most_answer));
    answer.table = std::move(told.table);
    return answer;
}

void Control::tell(Client& client, HostAnswer answer, Nanoseconds now) {
    log_command(client, answer);
    count_command(*client.task, answer);
    const Question question = std::move(client.task->question);
    if (client.task->running) client.task->running->abandon(); // it may still be going on
    client.task.reset();
    std::string line = answer_line(question, answer);
    if (line.size() > most_answer)
        line = answer_line(question, failure("too_large", "the answer does not fit into " + std::to_string(most_answer >> 20U) +
                                                              " MiB; ask for less"));
    say(client, std::move(line), now);
}

void Control::say(Client& client, std::string line, Nanoseconds now) {
    if (client.sent == client.out.size()) {
        client.out = std::move(line);
        client.sent = 0;
    } else {
        client.out += line;
    }
    client.deadline = now + patience;
    send(client, now);
}

void Control::send(Client& client, Nanoseconds now) noexcept {
    if (client.out.empty()) return;
    while (client.sent < client.out.size()) {
        const ssize_t size =
            ::send(client.fd.get(), client.out.data() + client.sent, client.out.size() - client.sent, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) {
            client.done = errno != EAGAIN;
            return;
        }
        client.sent += static_cast<std::size_t>(size);
    }
    client.out.clear();
    client.sent = 0;
    if (!client.task) client.deadline = now + most_silence;
}

// By the names that there are: a client may ask for anything.
void Control::count_command(const Task& task, const HostAnswer& answer) {
    const std::string& name = task.question.command;
    const std::vector<std::string> known = own_names();
    const bool is_known = std::find(known.begin(), known.end(), name) != known.end();
    counts_.count(is_known ? name : "unknown", answer.code.empty() ? "ok" : answer.code);
}

// What only shows is asked often.
void Control::log_command(const Client& client, const HostAnswer& answer) {
    const Task& task = *client.task;
    const auto write = [&](Fields fields) {
        if (task.changes)
            log_.audit("command", fields);
        else
            log_.debug("command", fields);
    };
    write({{task.owner.empty() ? "" : "plugin", task.owner},
           {"command", task.owner.empty() ? task.question.command : task.arguments},
           {task.owner.empty() && !task.arguments.empty() ? "arguments" : "", task.arguments},
           {client.who.user.empty() ? "" : "user", client.who.user},
           {"uid", client.who.uid},
           {"pid", client.who.pid},
           {task.owner.empty() ? "" : "status", task.status},
           {"result", answer.code.empty() ? "ok" : answer.code},
           {answer.message.empty() ? "" : "error", answer.message}});
}

// --- answers -------------------------------------------------------------------------------------------------------------

HostCommand::Answer Control::start(Task& task, Caller& who) {
    const std::string& name = task.question.command;
    const bool plugins = name == plugin_command;
    static const std::vector<Parameter> of_list{
        {"instance", Parameter::Type::text, false, "only its commands", false},
        {"command", Parameter::Type::text, false, "what this command of the host takes", false}};
    static const std::vector<Parameter> of_plugins{
        {"instance", Parameter::Type::text, true, "the name of a plugin instance", false},
        {"words", Parameter::Type::texts, true, "the command and its arguments", false}};
    const auto own = std::find_if(own_.begin(), own_.end(), [&](const HostCommand& each) { return each.name == name; });
    if (own == own_.end() && !plugins && name != command_list) {
        return at_once(no_such("command of the host named", name, own_names()));
    }
    const std::vector<Parameter>& parameters = plugins ? of_plugins : own != own_.end() ? own->parameters : of_list;
    std::string problem;
    const Arguments with(std::move(task.question.with), parameters, problem);
    if (!problem.empty()) return HostCommand::fails("bad_argument", name + ": " + problem);
    if (plugins) return start_plugins(task, with, who);
    task.arguments = with.shown(parameters);
    if (own == own_.end() && with.has("command")) {
        const std::string wanted = with.text("command");
        const auto found = std::find_if(own_.begin(), own_.end(), [&](const HostCommand& each) { return each.name == wanted; });
        if (found != own_.end()) return at_once(describe(found->parameters));
        return at_once(no_such("command of the host named", wanted, own_names()));
    }
    if (own == own_.end()) return at_once(list(with.text("instance")));
    if (!is_allowed(task, own->shows, who)) return HostCommand::fails("forbidden", std::string(only_shows));
    return own->run(with, who);
}

HostCommand::Answer Control::start_plugins(Task& task, const Arguments& with, Caller& who) {
    const std::string name = with.text("instance");
    const Texts words = with.texts("words");
    const auto found =
        std::find_if(instances_.begin(), instances_.end(), [&](const PluginInstance* each) { return each->name() == name; });
    Texts names;
    if (found == instances_.end()) {
        if (!own_.empty()) names.emplace_back(reserved_instance);
        for (const PluginInstance* instance : instances_) names.push_back(instance->name());
        return at_once(no_such("plugin instance", name, names));
    }
    PluginInstance& instance = **found;
    if (instance.commands().empty()) return HostCommand::fails("not_found", "plugin instance " + name + " takes no commands");
    if (words.empty()) return HostCommand::fails("bad_argument", "\"words\" is empty");
    if (words.size() >= most_words)
        return HostCommand::fails("bad_argument", "too many words (at most " + std::to_string(most_words) + ")");
    for (const PluginCommand& command : instance.commands()) names.push_back(command.name);
    const auto command = std::find_if(instance.commands().begin(), instance.commands().end(),
                                      [&](const PluginCommand& each) { return each.name == words.front(); });
    if (command == instance.commands().end()) return at_once(no_such("command of " + name + " named", words.front(), names));
    task.owner = name;
    for (const std::string& word : words) task.arguments += (task.arguments.empty() ? "" : " ") + word;
    if (!is_allowed(task, command->shows, who)) return HostCommand::fails("forbidden", std::string(only_shows));
    task.running = instance.run_command(words);
    if (!task.running) return HostCommand::fails("busy", "plugin instance " + name + " has 16 answers to give already");
    task.instance = &instance;
    return nullptr; // see take_answer()
}

// Whether the caller may do it. Who changes something is named in the log.
bool Control::is_allowed(Task& task, bool shows, Caller& who) {
    task.changes = !shows;
    if (task.changes && who.user.empty()) who.user = user_name(who.uid);
    return shows || who.may_change;
}

std::vector<std::string> Control::own_names() const {
    Texts names{std::string(command_list), std::string(plugin_command)};
    for (const HostCommand& each : own_) names.push_back(each.name);
    return names;
}

HostAnswer Control::list(const std::string& only) const {
    HostAnswer answer;
    answer.table.columns = {"instance", "command", "arguments", {"role", Cell::Type::state}, "summary"};
    std::vector<Cell>& cells = answer.table.cells;
    const auto role = [](bool shows) { return Cell::state(shows ? "show" : "change"); };
    Texts names{std::string(reserved_instance)};
    if (only.empty() || only == reserved_instance)
        for (const HostCommand& command : own_)
            cells.insert(cells.end(), {std::string(reserved_instance), command.name, arguments_of(command.parameters),
                                       role(command.shows), command.summary});
    bool found = only.empty() || only == reserved_instance;
    for (const PluginInstance* instance : instances_) {
        names.push_back(instance->name());
        if (!only.empty() && only != instance->name()) continue;
        found = true;
        if (instance->commands().empty())
            cells.insert(cells.end(), {instance->name(), Cell(), "", Cell(), "takes no commands"});
        for (const PluginCommand& command : instance->commands())
            cells.insert(cells.end(),
                         {instance->name(), command.name, command.arguments, role(command.shows), command.summary});
    }
    return found ? answer : no_such("plugin instance", only, names);
}

} // namespace gatehouse::host
