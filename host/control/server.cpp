#include "control/server.hpp"

#include "base/did_you_mean.hpp"
#include "base/if_memory_allows.hpp"
#include "base/printable.hpp"
#include "control/message.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>

namespace gatehouse::host {
namespace {

constexpr std::size_t most_clients = 8;
constexpr Nanoseconds patience = 5'000'000'000; // for a question to come and its answer to go
constexpr std::uint64_t longest_command = 60;   // seconds, for an answer that comes later
constexpr std::string_view only_shows = "only the user that runs the host, and root, may run a command that changes something";
constexpr Nanoseconds pause_after_failure = 1'000'000'000;
constexpr std::size_t most_words = 256;
static_assert(most_command_answer < most_answer); // the rest is for the words around it

using Texts = std::vector<std::string>;

Texts failed(const std::string& why) { return {std::string(answer_failed), why}; }

Texts no_such(std::string_view what, const std::string& name, const Texts& names) {
    std::string text = "there is no " + std::string(what) + " " + in_quotes(name);
    if (const std::string near = did_you_mean(name, names); !near.empty())
        return failed(text + " (did you mean " + near + "?)");
    std::string all;
    for (const std::string& each : names) all += (all.empty() ? "" : ", ") + each;
    return failed(text + (all.empty() ? "" : " (there are: " + all + ")"));
}

} // namespace

ListenerConfig control_listener(const HostConfig& host, const std::string& where) {
    ListenerConfig config;
    config.name = "control";
    config.address.kind = Address::Kind::unix_socket;
    config.address.path = host.control.native();
    config.backlog = 16;
    config.mode = host.control_readers.empty() ? 0600 : 0660;
    config.group = host.control_readers;
    config.where.text = where;
    return config;
}

Control::Control(const HostConfig& config, const std::string& where, std::vector<PluginInstance*> instances,
                 std::vector<HostCommand> own, Log& log)
    : instances_(std::move(instances)), own_(std::move(own)), log_(log), has_readers_(!config.control_readers.empty()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)), listener_(control_listener(config, where), log) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (!epoll_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.descriptor(), &event) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot watch the control socket");
}

void Control::serve_instances(std::vector<PluginInstance*> instances) noexcept {
    instances_.swap(instances);
    for (Client& client : clients_) {
        if (!client.running) continue;
        client.running->abandon();
        client.running = nullptr;
        if (!if_memory_allows([&] {
                client.awaited = [] {
                    return CommandAnswer{1, "a reload has replaced this plugin instance; ask the new one", {}};
                };
            }))
            client.done = true;
    }
}

Nanoseconds Control::serve(Nanoseconds now) noexcept {
    std::array<epoll_event, most_clients + 1> events; // not initialised: filled by epoll_wait
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        auto* client = static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
        try {
            client == nullptr ? accept(now) : handle(*client, now);
        } catch (const std::bad_alloc&) {
            if (client != nullptr) client->done = true;
        }
    }
    for (Client& client : clients_) {
        try {
            if (client.awaited) look_for_answer(client, now);
        } catch (const std::bad_alloc&) {
            client.done = true;
        }
    }
    Nanoseconds next = never;
    clients_.remove_if([&](const Client& client) {
        const bool over = client.done || client.deadline <= now;
        if (over && client.running) client.running->abandon();
        return over;
    });
    for (const Client& client : clients_) next = std::min(next, client.deadline);
    if (paused_until_ <= now) paused_until_ = never;
    watch_newcomers(clients_.size() < most_clients && paused_until_ == never);
    return std::min(next, paused_until_);
}

void Control::watch_newcomers(bool on) noexcept {
    if (std::exchange(watched_, on) == on) return;
    epoll_event event{};
    event.events = on ? EPOLLIN : 0U;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_.descriptor(), &event);
}

void Control::accept(Nanoseconds now) {
    SocketAddress peer;
    Client client;
    client.fd = Descriptor(listener_.accept(peer));
    if (!client.fd) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) paused_until_ = now + pause_after_failure;
        return;
    }
    client.deadline = now + patience;
    clients_.push_back(std::move(client));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &clients_.back();
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, clients_.back().fd.get(), &event) != 0) clients_.pop_back();
}

// With readers the mode of the file has let in their group, and nobody else.
Control::Rights Control::rights_of(const Client& client) const noexcept {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(client.fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return Rights::none;
    if (peer.uid == 0 || peer.uid == ::geteuid()) return Rights::change;
    return has_readers_ ? Rights::show : Rights::none;
}

void Control::handle(Client& client, Nanoseconds now) {
    if (client.sent < client.out.size()) return send(client);
    std::array<char, 4096> buffer; // not initialised: filled by recv
    const ssize_t size = ::recv(client.fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
        client.done = true;
        return;
    }
    if (client.awaited) return; // it has asked already
    client.in.append(buffer.data(), static_cast<std::size_t>(size));
    Texts question;
    const Decoded decoded = decode_message(client.in, most_question, question);
    if (decoded == Decoded::more) return;
    if (decoded == Decoded::bad)
        client.out = encode_message(failed("the question is malformed; is this program of another version than the host?"));
    else if (const Rights rights = rights_of(client); rights == Rights::none)
        client.out = encode_message(failed("only the user that runs the host, and root, may ask it"));
    else if (const Texts told = answer(question, client, rights); !client.awaited)
        client.out = encode_message(told);
    if (!client.awaited) return send(client);
    client.deadline = now + static_cast<Nanoseconds>(longest_command) * 1'000'000'000;
}

// A client does not wait for ever, nor beyond the beginning of the drain.
void Control::look_for_answer(Client& client, Nanoseconds now) {
    std::optional<CommandAnswer> answer = client.awaited();
    if (!answer && draining_) answer = CommandAnswer{1, "the host is draining", {}};
    if (!answer && client.deadline <= now)
        answer = CommandAnswer{1, client.command + " has not answered for a minute; it may still be going on", {}};
    if (!answer && client.told_later) return;
    client.told_later = true;
    if (!answer) {
        client.out = encode_message({std::string(answer_later), std::to_string(longest_command)});
        return send(client);
    }
    log_.info(
        "command",
        {{client.instance.empty() ? "" : "plugin", client.instance}, {"command", client.command}, {"status", answer->status}});
    if (client.running) client.running->abandon(); // it may still be going on
    client.running = nullptr;
    client.awaited = nullptr;
    client.deadline = now + patience;
    client.out.erase(0, client.sent);
    client.sent = 0;
    client.out += encode_message(answer->error.empty() ? texts_of(answer->table) : failed(answer->error));
    send(client);
}

void Control::send(Client& client) noexcept {
    while (client.sent < client.out.size()) {
        const ssize_t size =
            ::send(client.fd.get(), client.out.data() + client.sent, client.out.size() - client.sent, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) {
            epoll_event event{};
            event.events = EPOLLOUT;
            event.data.ptr = &client;
            ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.fd.get(), &event);
            return;
        }
        if (size < 0) {
            client.done = true;
            return;
        }
        client.sent += static_cast<std::size_t>(size);
    }
    client.done = !client.awaited;
}

// --- answers -------------------------------------------------------------------------------------------------------------

Texts Control::answer(const Texts& question, Client& client, Rights rights) const {
    if (question.empty()) return list(true, instances_);
    Texts names;
    if (!own_.empty()) {
        if (question[0] == reserved_instance) return question.size() == 1 ? list(true, {}) : run_own(question, client, rights);
        names.emplace_back(reserved_instance);
    }
    for (PluginInstance* instance : instances_) {
        if (instance->name() == question[0])
            return question.size() == 1 ? list(false, {instance}) : run(*instance, question, client, rights);
        names.push_back(instance->name());
    }
    return no_such("plugin instance", question[0], names);
}

Texts Control::list(bool own, const std::vector<PluginInstance*>& instances) const {
    CellTable table{{"instance", "command", "arguments", {"role", Cell::Type::state}, "summary"}, {}};
    const auto role = [](bool shows) { return Cell::state(shows ? "show" : "change"); };
    for (const HostCommand& command : own_)
        if (own)
            table.cells.insert(table.cells.end(),
                               {std::string(reserved_instance), command.name, "", role(command.shows), command.summary});
    for (const PluginInstance* instance : instances) {
        if (instance->commands().empty())
            table.cells.insert(table.cells.end(), {instance->name(), Cell(), "", Cell(), "takes no commands"});
        for (const PluginCommand& command : instance->commands())
            table.cells.insert(table.cells.end(),
                               {instance->name(), command.name, command.arguments, role(command.shows), command.summary});
    }
    return texts_of(table);
}

// Begins the command; look_for_answer() has the answer.
Texts Control::run_own(const Texts& question, Client& client, Rights rights) const {
    Texts names;
    for (const HostCommand& command : own_) names.push_back(command.name);
    const auto command = std::find(names.begin(), names.end(), question[1]);
    if (command == names.end()) return no_such("command of the host named", question[1], names);
    if (question.size() > 2) return failed(*command + " takes no arguments");
    const HostCommand& own = own_[static_cast<std::size_t>(command - names.begin())];
    if (!own.shows && rights != Rights::change) return failed(std::string(only_shows));
    client.awaited = own.run();
    client.command = *command;
    return {};
}

// The same.
Texts Control::run(PluginInstance& instance, const Texts& question, Client& client, Rights rights) const {
    if (instance.commands().empty()) return failed("plugin instance " + instance.name() + " takes no commands");
    Texts names;
    for (const PluginCommand& command : instance.commands()) names.push_back(command.name);
    const auto name = std::find(names.begin(), names.end(), question[1]);
    if (name == names.end()) return no_such("command of " + instance.name() + " named", question[1], names);
    const PluginCommand& command = instance.commands()[static_cast<std::size_t>(name - names.begin())];
    if (!command.shows && rights != Rights::change) return failed(std::string(only_shows));
    if (question.size() > most_words) return failed("too many words (at most " + std::to_string(most_words) + ")");
    const std::span<const std::string> words = std::span(question).subspan(1);
    for (const std::string& word : words) client.command += (client.command.empty() ? "" : " ") + word;
    client.instance = instance.name();
    client.running = instance.run_command(words);
    if (!client.running) return failed("plugin instance " + instance.name() + " has 16 answers to give already");
    client.awaited = [running = client.running]() -> std::optional<CommandAnswer> {
        if (!running->is_over()) return std::nullopt;
        return running->take();
    };
    return {};
}

} // namespace gatehouse::host
