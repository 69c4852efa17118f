#include "generation.hpp"

#include "abi/host_table.hpp"
#include "base/check.hpp"
#include "base/if_memory_allows.hpp"
#include "host_tables.hpp"
#include "listen/inherited.hpp"
#include "stages/detection.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace gatehouse::host {
namespace {

// Which inherited sockets are whose has a message of its own.
bool both_inherited(const ListenerConfig& one, const ListenerConfig& two) noexcept {
    constexpr auto inherited = Address::Kind::inherited;
    return one.address.kind == inherited && two.address.kind == inherited;
}

std::int64_t milliseconds_since_1970() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace

Endpoint& Endpoints::open(const ListenerConfig& config) {
    std::unique_ptr<Endpoint>& endpoint = endpoints_[config.name];
    if (!endpoint)
        endpoint = std::make_unique<Endpoint>(config, static_cast<std::uint32_t>(endpoints_.size() - 1), spare_, log_);
    return *endpoint;
}

// Before they listen, the kernel lets sockets of one process share a port. What the file says of numeric addresses has been
// checked: this is about names, and sockets that were inherited.
template <class Add>
void Endpoints::check_overlaps(const std::vector<ListenerConfig>& configs, Add add) const {
    std::vector<std::pair<const Listener*, const ListenerConfig*>> all;
    for (const ListenerConfig& config : configs) {
        const auto found = endpoints_.find(config.name);
        if (found == endpoints_.end() || !found->second) continue; // it could not be opened
        for (const Listener& socket : found->second->sockets) {
            for (const auto& [other, owner] : all)
                if (!both_inherited(*owner, config) && socket.overlaps(*other))
                    add("listener " + config.name + ": " + socket.address() + " is taken by listener " + owner->name +
                        " of this file, at " + other->address() + "; choose another port (" + config.where.text + ")");
            all.emplace_back(&socket, &config);
        }
    }
}

void Endpoints::open(const std::vector<ListenerConfig>& configs) {
    std::string problems;
    const auto add = [&](const std::string& problem) { problems += (problems.empty() ? "" : "\n") + problem; };
    for (const ListenerConfig& config : configs) {
        try {
            open(config);
        } catch (const ListenError& error) {
            add(error.what());
        }
    }
    check_overlaps(configs, add);
    for (const std::string& problem : inherited_problems(inherited_sockets(), configs)) add(problem);
    if (!problems.empty()) throw ListenError(problems);
}

void Endpoints::close() noexcept {
    for (const auto& [name, endpoint] : endpoints_)
        for (Listener& socket : endpoint->sockets) socket.close();
}

Generation::Generation(Config config, const Standing& standing)
    : config_(std::move(config)), standing_(standing), since_(milliseconds_since_1970()),
      tls_(config_.tls, standing.ticket_keys, standing.log),
      shared_{standing.log, standing.alarm, standing.relays, tls_, drain_, config_.log.access, handshakes_},
      shortages_(standing.log),
      facilities_{
          .table = host_table,
          .log = standing.log,
          .drain = drain_,
          .resolver = standing.resolver,
          .lookups = standing.lookups,
          .background = standing.background,
          .watches = standing.watches,
          .shortages = shortages_,
          .wake =
              [this](const PluginInstance& instance, std::uint64_t id) {
                  Service* service = service_of(id);
                  return service != nullptr ? service->wake(instance, id) : GATEHOUSE_NOT_FOUND;
              },
          .end = [this](const PluginInstance& instance, std::uint64_t id, std::int32_t how,
                        std::uint64_t milliseconds) -> gatehouse_status {
              Service* service = service_of(id);
              if (service == nullptr) return GATEHOUSE_NOT_FOUND;
              const EndOrder order = how == GATEHOUSE_HOW_STOP    ? EndOrder::stop
                                     : how == GATEHOUSE_HOW_CLOSE ? EndOrder::close
                                                                  : EndOrder::reset;
              constexpr std::uint64_t longest = 86'400'000;
              const Milliseconds time(std::min(milliseconds, longest));
              return service->end_by_order(instance, id, order, after(monotonic_now(), time));
          },
          .list =
              [this](const PluginInstance& instance) {
                  std::vector<std::uint64_t> ids;
                  for (const auto& service : services_) service->list(instance, ids);
                  return ids;
              },
          .look_again =
              [this](const PluginInstance& instance, std::uint64_t id) {
                  Service* service = service_of(id);
                  return service != nullptr ? service->look_again(instance, id) : GATEHOUSE_NOT_FOUND;
              },
          .wait = [](Connection& connection, Nanoseconds until) { return Service::of(connection).wait(connection, until); },
          .tls_server = [this](const std::string& name) { return &tls_.find(name); },
          .step_upgrade = [](Connection& connection) { return Service::of(connection).step_upgrade(connection); },
          .show = [this](std::string_view table) { return show(table); },
          .answered = [this] { standing_.alarm.wake_by(monotonic_now()); }},
      plugins_(config_, facilities_) {
    for (const auto& [name, server] : tls_.sections()) handshakes_[server.get()];
    check_routes(config_, plugins_.finder());
}

// Threads first: after a start that has failed half-way they are still there. Then the plugins: until destroy() has returned,
// their own threads may wake connections.
Generation::~Generation() {
    for (const NamedPool& pool : pools_) pool.pool->stop();
    for (const NamedPool& pool : pools_) pool.pool->join(never);
    {
        const MutexLock lock(showing_);
        shows_ = false;
    }
    plugins_.destroy();
}

// The listener's own pool, or the one that its plugin's listeners share.
Pool& Generation::pool_for(const ListenerConfig& listener) {
    const bool shared = listener.pool == PoolKind::shared;
    const auto found = std::find_if(pools_.begin(), pools_.end(),
                                    [&](const NamedPool& pool) { return shared && pool.plugin == listener.plugin; });
    if (found != pools_.end()) return *found->pool;
    const Threads& threads = listener.threads;
    PoolOptions options;
    options.name = shared ? listener.plugin : listener.name;
    options.ready = threads.min;
    options.enough = std::min(threads.min != 0 ? threads.min : standing_.cpus, threads.max);
    options.max = threads.max;
    options.stack_size = config_.host.stack_size;
    options.scheduling = config_.host.scheduling;
    options.keep = threads.keep;
    auto pool = std::make_unique<Pool>(std::move(options), standing_.alarm, standing_.standby,
                                       [this](std::uint64_t token, std::uint32_t events) {
                                           Service* const service = by_number_[ConnectionSlots::listener_of(token)];
                                           GATEHOUSE_CHECK(service != nullptr);
                                           service->ready(token, events);
                                       });
    pools_.push_back({shared ? listener.plugin : "", std::move(pool)});
    return *pools_.back().pool;
}

void Generation::take(Endpoints& endpoints) {
    endpoints.open(config_.listeners);
    for (const ListenerConfig& listener : config_.listeners) {
        Endpoint& endpoint = endpoints.open(listener);
        services_.push_back(std::make_unique<Service>(listener, endpoint, pool_for(listener), plugins_.finder(), shared_));
        by_number_.resize(std::max<std::size_t>(by_number_.size(), endpoint.number + 1));
        by_number_[endpoint.number] = services_.back().get();
    }
    complete_.store(true);
    const MutexLock lock(showing_);
    shows_ = true;
}

std::optional<CellTable> Generation::show(std::string_view table) const {
    const MutexLock lock(showing_);
    if (!shows_) return std::nullopt;
    for (const HostTable& one : host_tables())
        if (one.name == table) return one.make(*this);
    return std::nullopt;
}

// The service that may have the connection.
Service* Generation::service_of(std::uint64_t id) const noexcept {
    const std::uint32_t number = ConnectionSlots::listener_of(id);
    return complete_.load() && number < by_number_.size() ? by_number_[number] : nullptr;
}

void Generation::start() {
    for (const NamedPool& pool : pools_) pool.pool->start();
    for (const auto& service : services_) service->prepare();
    tls_.watch(standing_.background, standing_.alarm);
    plugins_.start();
    for (const auto& service : services_) service->listen();
    for (const auto& service : services_) {
        service->start();
        for (const Listener& socket : service->endpoint().sockets)
            standing_.log.info(
                "listening",
                {{"listener", service->config.name}, {"address", socket.address()}, {"plugin", service->plugin_names()}});
    }
}

void Generation::stop_accepting(bool take_waiting) noexcept {
    for (const auto& service : services_) service->stop_accepting(take_waiting);
}

void Generation::begin_drain(Nanoseconds deadline) noexcept {
    drain_.start(deadline);
    plugins_.stop();
    for (const auto& service : services_) service->begin_drain();
    standing_.relays.begin_drain(deadline);
}

bool Generation::is_quiet() const noexcept {
    return std::all_of(services_.begin(), services_.end(), [](const auto& service) { return service->open() == 0; });
}

bool Generation::stop(Nanoseconds deadline) noexcept {
    for (const NamedPool& pool : pools_) pool.pool->stop();
    bool all = true;
    for (const auto& service : services_) {
        if (service->pool.join(deadline)) continue;
        all = false;
        if_memory_allows([&] {
            standing_.log.error("a thread is still in the plugin's code; leaving without it",
                                {{"listener", service->config.name}, {"plugin", service->plugin_names()}});
        });
    }
    return plugins_.stop_callbacks(deadline) && all;
}

Nanoseconds Generation::supervise(Nanoseconds now) noexcept {
    Nanoseconds again = never;
    for (const NamedPool& pool : pools_) again = std::min(again, pool.pool->supervise(now));
    for (const auto& service : services_) again = std::min(again, service->supervise(now));
    return again;
}

} // namespace gatehouse::host
