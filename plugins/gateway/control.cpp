#include "control.hpp"

#include "address.hpp"
#include "text.hpp"
#include "time_text.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace gateway {

using gatehouse::Column;
using gatehouse::Value;

namespace {

std::string usage_of(std::string_view command) {
    for (const gatehouse::Command& known : Control::commands)
        if (std::string_view(known.name.data, known.name.size) == command)
            return std::string(command) + (known.arguments.size == 0 ? "" : " ") +
                   std::string(known.arguments.data, known.arguments.size);
    throw std::invalid_argument("unknown command " + in_quotes(command));
}

// What an order says besides its server.
std::string value_of(const Order& order) {
    switch (order.what) {
    case Order::What::weight:
    case Order::What::limit:
        return std::to_string(order.value);
    case Order::What::drain:
        return order.cut_at ? "within " + time_text(std::chrono::ceil<milliseconds>(*order.cut_at - order.since)) : "";
    case Order::What::add:
        return order.added->address;
    case Order::What::disable:
    case Order::What::remove:
        break;
    }
    return "";
}

// When something was or will be, for people: the pool's clock has no date.
class WallClock {
  public:
    explicit WallClock(Clock::time_point now) : now_(now) {}
    std::chrono::system_clock::time_point at(Clock::time_point time) const {
        return wall_ + std::chrono::duration_cast<milliseconds>(time - now_);
    }

  private:
    Clock::time_point now_;
    std::chrono::system_clock::time_point wall_ = std::chrono::system_clock::now();
};

// Why the operator may not add this server; empty if he may.
std::string problem_of_added(const Source& source, const Settings& settings) {
    const std::string address = in_quotes(source.address);
    if (source.is_name()) return address + " is a name (expected an address; names are for the configuration)";
    if (source.kind == AddressKind::invalid) return address + " is not an address" + problem_of(source.address);
    if (!is_server_name(source.name)) return in_quotes(source.name) + " is not a name (expected at most 64 characters)";
    if (source.kind == AddressKind::unix_socket && settings.checks && !settings.checks->can_ask_unix_sockets())
        return address + " has no port, and the checks of this pool need one";
    if (source.kind == AddressKind::unix_socket && settings.tls != nullptr && !settings.has_unix_sockets)
        return address + " has no name that its certificate could be for (expected a unix socket in the pool's configuration, "
                         "with tls.server_name or tls.verify = false)";
    if (source.max_per_source > 0 && !settings.counts_sources)
        return "this pool does not count the connections of a source (expected max_per_source at a server of its "
               "configuration)";
    return "";
}

} // namespace

void Control::run(std::span<const std::string_view> all, gatehouse::Answer& answer) {
    const std::string_view command = all.front();
    CommandWords words(all.subspan(1), usage_of(command));
    if (command == "servers" || command == "queue" || command == "orders") {
        words.expect_end();
        if (command == "servers") return show_servers(answer);
        return command == "queue" ? show_queue(answer) : show_orders(answer);
    }
    if (only_ == nullptr)
        throw std::invalid_argument(
            "the pools of this gateway come and go with its clients (upstream_from): they take no orders");
    Pool& pool = only_->pool;
    Discovery& discovery = only_->discovery;
    const Clock::time_point now = now_of(init_);
    if (command == "order") {
        if (words.next() != "remove") words.refuse();
        const std::uint32_t number = words.number("a number of an order", std::numeric_limits<std::uint32_t>::max());
        words.expect_end();
        return discovery.change([&] { return pool.take_back(number, now); });
    }
    if (command == "add") return add(*only_, words, now);
    const std::string_view server = words.next();
    if (command == "enable") {
        words.expect_end();
        return pool.enable(server, now);
    }
    Order order;
    if (command == "disable") order.what = Order::What::disable;
    if (command == "remove") order.what = Order::What::remove;
    if (command == "weight") {
        order.what = Order::What::weight;
        order.value = words.number("a weight", most_weight);
    }
    if (command == "limit") {
        order.what = Order::What::limit;
        order.value = words.number("a number of connections", most_connections);
    }
    if (command == "drain") {
        order.what = Order::What::drain;
        if (words.has_value()) order.cut_at = now + words.duration();
    }
    words.read_end_of(order, now);
    discovery.change([&] { return pool.order(server, order, now); });
}

void Control::add(Site& site, CommandWords& words, Clock::time_point now) {
    Source source;
    source.address = words.next();
    source.kind = kind_of(source.address);
    while (words.has_value()) {
        const std::string_view word = words.next();
        const std::string_view key = word.substr(0, word.find('='));
        const std::string_view value = word.substr(std::min(word.size(), key.size() + 1));
        if (key == "name" && !value.empty())
            source.name = value;
        else if (key == "weight")
            source.weight = CommandWords::number_in(value, "a weight", most_weight);
        else if (key == "max_connections")
            source.max_connections = CommandWords::number_in(value, "a number of connections", most_connections);
        else if (key == "max_per_source")
            source.max_per_source = CommandWords::number_in(value, "a number of connections", most_connections);
        else if (key == "backup" && (value == "true" || value == "false"))
            source.backup = value == "true";
        else
            words.refuse();
    }
    Order order;
    order.what = Order::What::add;
    words.read_end_of(order, now);
    if (const std::string problem = problem_of_added(source, settings_); !problem.empty()) throw std::invalid_argument(problem);
    order.added = spec_of(source);
    site.discovery.change([&] { return site.pool.add(order, now); });
}

void Control::each_pool(const std::function<void(std::string_view name, Pool& pool)>& visit) {
    only_ != nullptr ? visit("", only_->pool) : sites_->each(visit);
}

void Control::show_servers(gatehouse::Answer& answer) {
    std::vector<Column> columns{"server",
                                "address",
                                {"state", GATEHOUSE_TYPE_STATE},
                                {"panic", GATEHOUSE_TYPE_STATE},
                                {"weight", GATEHOUSE_TYPE_NUMBER},
                                {"share", GATEHOUSE_TYPE_NUMBER, "percent"},
                                {"connections", GATEHOUSE_TYPE_NUMBER},
                                {"limit", GATEHOUSE_TYPE_NUMBER},
                                {"total", GATEHOUSE_TYPE_NUMBER},
                                {"failures", GATEHOUSE_TYPE_NUMBER},
                                "check",
                                "last error",
                                {"error at", GATEHOUSE_TYPE_TIME}};
    if (sites_ != nullptr) columns.emplace_back("pool");
    answer.columns(columns);
    const Clock::time_point now = now_of(init_);
    const WallClock wall(now);
    each_pool([&](std::string_view name, Pool& pool) {
        for (const Pool::Report& server : pool.report(now)) {
            const Value panic = server.in_panic ? Value::state("panic") : Value();
            const Value limit = server.limit != Slot::unlimited ? Value(server.limit) : Value();
            const Value share = server.share < 100 ? Value(server.share) : Value(); // it starts slowly
            const Value error_at = server.last_error.empty() ? Value() : Value(wall.at(server.last_error_at));
            std::vector<Value> cells{server.server,
                                     server.address,
                                     Value::state(server.state),
                                     panic,
                                     server.weight,
                                     share,
                                     server.connections,
                                     limit,
                                     server.total,
                                     server.failures,
                                     server.check,
                                     server.last_error,
                                     error_at};
            if (sites_ != nullptr) cells.emplace_back(name);
            answer.row(cells);
        }
    });
}

void Control::show_queue(gatehouse::Answer& answer) {
    Pool::QueueReport queue;
    each_pool([&](std::string_view, Pool& pool) {
        const Pool::QueueReport one = pool.queue_report();
        queue.waiting += one.waiting;
        queue.size += one.size;
        queue.waited += one.waited;
        queue.timed_out += one.timed_out;
        queue.refused += one.refused;
    });
    answer.columns({{"waiting", GATEHOUSE_TYPE_NUMBER},
                    {"size", GATEHOUSE_TYPE_NUMBER},
                    {"waited", GATEHOUSE_TYPE_NUMBER},
                    {"timed out", GATEHOUSE_TYPE_NUMBER},
                    {"refused", GATEHOUSE_TYPE_NUMBER}});
    answer.row({queue.waiting, queue.size, queue.waited, queue.timed_out, queue.refused});
}

void Control::show_orders(gatehouse::Answer& answer) {
    answer.columns({{"order", GATEHOUSE_TYPE_NUMBER},
                    "what",
                    "server",
                    "value",
                    {"since", GATEHOUSE_TYPE_TIME},
                    {"until", GATEHOUSE_TYPE_TIME},
                    "reason"});
    const WallClock wall(now_of(init_));
    const Orders orders = only_ != nullptr ? only_->pool.orders() : Orders();
    for (const Order& order : orders.list()) {
        const std::string value = value_of(order);
        answer.row({order.number, name_of(order.what), order.server, value, wall.at(order.since),
                    order.until ? Value(wall.at(*order.until)) : Value(), order.reason});
    }
}

} // namespace gateway
