#include "control/server.hpp"

#include "base/did_you_mean.hpp"
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

ListenerConfig control_listener(const std::filesystem::path& path, const std::string& where) {
    ListenerConfig config;
    config.name = "control";
    config.address.kind = Address::Kind::unix_socket;
    config.address.path = path.native();
    config.backlog = 16;
    config.mode = 0600;
    config.where.text = where;
    return config;
}

Control::Control(const std::filesystem::path& path, const std::string& where, std::vector<PluginInstance*> instances,
                 std::vector<HostCommand> own, Log& log)
    : instances_(std::move(instances)), own_(std::move(own)), log_(log), epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      listener_(control_listener(path, where), log) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (!epoll_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.descriptor(), &event) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot watch the control socket");
}

Nanoseconds Control::serve(Nanoseconds now) noexcept {
    std::array<epoll_event, most_clients + 1> events; // not initialised: filled by epoll_wait
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        auto* client = static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
        try {
            client == nullptr ? accept(now) : handle(*client);
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
    clients_.remove_if([&](const Client& client) { return client.done || client.deadline <= now; });
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

bool Control::allowed(const Client& client) const noexcept {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(client.fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == 0 || peer.uid == ::geteuid());
}

void Control::handle(Client& client) {
    if (!client.out.empty()) return send(client);
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
    else if (!allowed(client))
        client.out = encode_message(failed("only the user that runs the host, and root, may ask it"));
    else
        client.out = encode_message(answer(question, client));
    if (!client.awaited) send(client);
}

// A command that takes long is left to the log, so that a client does not wait for ever.
void Control::look_for_answer(Client& client, Nanoseconds now) {
    std::optional<Texts> answer = client.awaited();
    if (!answer && client.deadline <= now) answer = failed(client.command + " takes long; its end will be in the host's log");
    if (!answer) return;
    log_.info("command", {{"command", client.command}, {"status", (*answer)[0] == answer_failed ? 1 : 0}});
    client.awaited = nullptr;
    client.deadline = now + patience;
    client.out = encode_message(*answer);
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
        if (size < 0) break;
        client.sent += static_cast<std::size_t>(size);
    }
    client.done = true;
}

// --- answers -------------------------------------------------------------------------------------------------------------

Texts Control::answer(const Texts& question, Client& client) const {
    if (question.empty()) return list(true, instances_);
    Texts names;
    if (!own_.empty()) {
        if (question[0] == reserved_instance) return question.size() == 1 ? list(true, {}) : run_own(question, client);
        names.emplace_back(reserved_instance);
    }
    for (PluginInstance* instance : instances_) {
        if (instance->name() == question[0]) return question.size() == 1 ? list(false, {instance}) : run(*instance, question);
        names.push_back(instance->name());
    }
    return no_such("plugin instance", question[0], names);
}

Texts Control::list(bool own, const std::vector<PluginInstance*>& instances) const {
    Texts table{std::string(answer_table), "4", "instance", "command", "arguments", "summary"};
    for (const HostCommand& command : own_)
        if (own) table.insert(table.end(), {std::string(reserved_instance), command.name, "", command.summary});
    for (const PluginInstance* instance : instances) {
        if (instance->commands().empty()) table.insert(table.end(), {instance->name(), "-", "", "takes no commands"});
        for (const PluginCommand& command : instance->commands())
            table.insert(table.end(), {instance->name(), command.name, command.arguments, command.summary});
    }
    return table;
}

// Begins the command; look_for_answer() has the answer.
Texts Control::run_own(const Texts& question, Client& client) const {
    Texts names;
    for (const HostCommand& command : own_) names.push_back(command.name);
    const auto command = std::find(names.begin(), names.end(), question[1]);
    if (command == names.end()) return no_such("command of the host named", question[1], names);
    if (question.size() > 2) return failed(*command + " takes no arguments");
    client.awaited = own_[static_cast<std::size_t>(command - names.begin())].run();
    client.command = *command;
    return {};
}

Texts Control::run(PluginInstance& instance, const Texts& question) const {
    if (instance.commands().empty()) return failed("plugin instance " + instance.name() + " takes no commands");
    Texts names;
    for (const PluginCommand& command : instance.commands()) names.push_back(command.name);
    if (std::find(names.begin(), names.end(), question[1]) == names.end())
        return no_such("command of " + instance.name() + " named", question[1], names);
    if (question.size() > most_words) return failed("too many words (at most " + std::to_string(most_words) + ")");
    const std::span<const std::string> words = std::span(question).subspan(1);
    std::string line;
    for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
    CommandAnswer answer = instance.run_command(words);
    log_.info("command", {{"plugin", instance.name()}, {"command", line}, {"status", answer.status}});
    if (!answer.error.empty()) return failed(answer.error);
    Texts table{std::string(answer_table), std::to_string(answer.columns)};
    table.insert(table.end(), std::make_move_iterator(answer.cells.begin()), std::make_move_iterator(answer.cells.end()));
    return table;
}

} // namespace gatehouse::host
