#include "control.hpp"

#include "time_text.hpp"

#include <stdexcept>
#include <string>

namespace gateway {

using gatehouse::Value;

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
    answer.columns({"server",
                    "address",
                    {"state", GATEHOUSE_TYPE_STATE},
                    {"weight", GATEHOUSE_TYPE_NUMBER},
                    {"share", GATEHOUSE_TYPE_NUMBER, "percent"},
                    {"connections", GATEHOUSE_TYPE_NUMBER},
                    {"limit", GATEHOUSE_TYPE_NUMBER},
                    {"total", GATEHOUSE_TYPE_NUMBER},
                    {"failures", GATEHOUSE_TYPE_NUMBER},
                    "check",
                    "last error"});
    for (const Pool::Report& server : pool_.report(Clock::now())) {
        const Value limit = server.limit != Slot::unlimited ? Value(server.limit) : Value();
        const Value share = server.share < 100 ? Value(server.share) : Value(); // it starts slowly
        answer.row({server.server, server.address, Value::state(server.state), server.weight, share, server.connections, limit,
                    server.total, server.failures, server.check, server.last_error});
    }
}

void Control::show_queue(gatehouse::Answer& answer) {
    const Pool::QueueReport queue = pool_.queue_report();
    answer.columns({{"waiting", GATEHOUSE_TYPE_NUMBER},
                    {"size", GATEHOUSE_TYPE_NUMBER},
                    {"waited", GATEHOUSE_TYPE_NUMBER},
                    {"timed out", GATEHOUSE_TYPE_NUMBER},
                    {"refused", GATEHOUSE_TYPE_NUMBER}});
    answer.row({queue.waiting, queue.size, queue.waited, queue.timed_out, queue.refused});
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
