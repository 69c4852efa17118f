#include "control.hpp"

#include "time_text.hpp"

#include <stdexcept>
#include <string>

namespace gateway {
namespace {

void expect_words(std::span<const std::string_view> words, std::size_t least, std::size_t most, std::string_view usage) {
    if (words.size() < least || words.size() > most) throw std::invalid_argument("usage: " + std::string(usage));
}

} // namespace

void Control::run(std::span<const std::string_view> words, gatehouse::Answer& answer) {
    const std::string_view command = words.front();
    if (command == "servers") {
        expect_words(words, 1, 1, "servers");
        show_servers(answer);
    } else if (command == "queue") {
        expect_words(words, 1, 1, "queue");
        show_queue(answer);
    } else if (command == "disable") {
        expect_words(words, 2, 2, "disable SERVER");
        order(words[1], Server::Order::disabled);
    } else if (command == "enable") {
        expect_words(words, 2, 2, "enable SERVER");
        order(words[1], Server::Order::enabled);
    } else if (command == "drain") {
        expect_words(words, 2, 3, "drain SERVER [WITHIN]");
        drain(words);
    } else {
        throw std::invalid_argument("unknown command \"" + std::string(command) + '"');
    }
}

void Control::show_servers(gatehouse::Answer& answer) {
    answer.columns({"server", "address", "state", "weight", "connections", "total", "failures", "check", "last error"});
    for (const Pool::Report& server : pool_.report(Clock::now())) {
        std::string weight = std::to_string(server.weight);
        if (server.share < 100) weight += " (" + std::to_string(server.share) + "%)"; // it starts slowly
        std::string connections = std::to_string(server.connections);
        if (server.limit != Slot::unlimited) connections += '/' + std::to_string(server.limit);
        answer.row({server.server, server.address, server.state, weight, connections, std::to_string(server.total),
                    std::to_string(server.failures), server.check, server.last_error});
    }
}

void Control::show_queue(gatehouse::Answer& answer) {
    const Pool::QueueReport queue = pool_.queue_report();
    answer.columns({"waiting", "size", "waited", "timed out", "refused"});
    answer.row({std::to_string(queue.waiting), std::to_string(queue.size), std::to_string(queue.waited),
                std::to_string(queue.timed_out), std::to_string(queue.refused)});
}

void Control::order(std::string_view server, Server::Order what, std::optional<Clock::time_point> cut_at) {
    if (pool_.order(server, what, cut_at, Clock::now()) == 0)
        throw std::invalid_argument("there is no server \"" + std::string(server) + "\"; the command \"servers\" shows them");
}

void Control::drain(std::span<const std::string_view> words) {
    if (words.size() == 2) return order(words[1], Server::Order::draining);
    const auto within = parse_time(words[2]);
    if (!within) throw std::invalid_argument('"' + std::string(words[2]) + "\" is not a duration such as \"30s\"");
    if (!cutter_.joinable()) cutter_ = std::jthread([this](const std::stop_token& stop) { cut_in_time(stop); });
    order(words[1], Server::Order::draining, Clock::now() + *within);
    {
        const std::lock_guard lock(mutex_);
        news_ = true;
    }
    ordered_.notify_one();
}

// A thread, since the SDK has no timer and drains are rare. It exists from the first drain with a time limit on.
void Control::cut_in_time(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        const auto next = pool_.cut_drained(Clock::now());
        std::unique_lock lock(mutex_);
        const auto news = [this] { return news_; };
        if (next)
            ordered_.wait_until(lock, stop, *next, news);
        else
            ordered_.wait(lock, stop, news);
        news_ = false;
    }
}

} // namespace gateway
