#include "generation.hpp"

#include "abi/host_table.hpp"
#include "base/check.hpp"
#include "base/if_memory_allows.hpp"
#include "base/time_text.hpp"
#include "host_metrics.hpp"
#include "host_record.hpp"
#include "host_tables.hpp"
#include "stages/detection.hpp"

#include <algorithm>
#include <utility>

namespace gatehouse::host {

// Through which the background thread has a connection looked at: what it was asked for may come when the generation has gone.
struct LateLook {
    Mutex mutex;
    const Generation* generation GATEHOUSE_GUARDED_BY(mutex) = nullptr;
};

Generation::Generation(Config config, const Standing& standing, Generation* before, const PluginLibraries::ByFile& libraries)
    : shared_config_(std::make_shared<const Config>(std::move(config))), config_(*shared_config_), standing_(standing),
      number_(before != nullptr ? before->number_ + 1 : 1), since_(milliseconds_since_1970()),
      late_look_(std::make_shared<LateLook>()), view_(std::make_shared<GenerationView>()),
      tls_(config_.tls, standing.ticket_keys, standing.log, before != nullptr ? &before->tls_ : nullptr),
      maps_(config_.maps, standing.log),
      shared_{standing.log, standing.alarm,  standing.relays,    tls_,
              maps_,        drain_,          config_.log.access, config_.log.refused_per_second,
              handshakes_,  standing.denials},
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
              [late = late_look_](const PluginInstance& instance, std::uint64_t id) {
                  const MutexLock lock(late->mutex);
                  Service* service = late->generation != nullptr ? late->generation->service_of(id) : nullptr;
                  return service != nullptr ? service->look_again(instance, id) : GATEHOUSE_NOT_FOUND;
              },
          .wait = [](Connection& connection, Nanoseconds until) { return Service::of(connection).wait(connection, until); },
          .tls_server = [this](const std::string& name) { return &tls_.find(name); },
          .step_upgrade = [](Connection& connection) { return Service::of(connection).step_upgrade(connection); },
          .show = [own = view_, &record = standing.record](std::string_view table) -> std::optional<CellTable> {
              for (const HostTable& one : host_tables())
                  if (one.name == table) return look_at<CellTable>(own, record, one.make);
              return std::nullopt;
          },
          .answered = [&alarm = standing.alarm] { alarm.wake_by(monotonic_now()); },
          .named_counts = &standing.record.named_counts,
          .scrape = [own = view_, &record = standing.record](
                        MetricFormat format, const MetricText::Sink& sink) { return scrape(own, record, format, sink); }},
      plugins_(config_, facilities_, standing.libraries, libraries), before_(before) {
    if (const std::string problem = metric_problem(plugins_); !problem.empty()) throw PluginError(problem);
    for (const auto& [name, server] : tls_.sections()) handshakes_[server.get()];
    check_routes(config_, plugins_.finder());
    const MutexLock lock(late_look_->mutex);
    late_look_->generation = this;
}

// Threads first: after a start that has failed half-way they are still there. Then the plugins: until destroy() has returned,
// their own threads may wake connections.
Generation::~Generation() {
    {
        const MutexLock lock(late_look_->mutex);
        late_look_->generation = nullptr;
    }
    for (const NamedPool& pool : pools_) pool.pool->stop();
    for (const NamedPool& pool : pools_) pool.pool->join(never);
    {
        const MutexLock lock(view_->mutex);
        view_->generation = nullptr;
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
    std::vector<std::shared_ptr<Sockets>> sockets = endpoints.open(config_.listeners);
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
        const ListenerConfig& listener = config_.listeners[i];
        Endpoint& endpoint = endpoints.named(listener);
        services_.push_back(std::make_unique<Service>(listener, endpoint, std::move(sockets[i]), pool_for(listener),
                                                      plugins_.finder(), shared_));
        by_number_.resize(std::max<std::size_t>(by_number_.size(), endpoint.number + 1));
        by_number_[endpoint.number] = services_.back().get();
    }
    plan_succession();
    complete_.store(true);
    const MutexLock lock(view_->mutex);
    view_->generation = this;
}

// The service that may have the connection.
Service* Generation::service_of(std::uint64_t id) const noexcept {
    const std::uint32_t number = ConnectionSlots::listener_of(id);
    return complete_.load() && number < by_number_.size() ? by_number_[number] : nullptr;
}

// Who has had each socket until now. What may fail for want of memory is done here, and not when it counts.
void Generation::plan_succession() {
    std::map<const Sockets*, Service*> before;
    if (before_ != nullptr)
        for (const auto& service : before_->services_) before.emplace(service->sockets().get(), service.get());
    for (const auto& service : services_) {
        const auto found = before.find(service->sockets().get());
        succession_.push_back({found != before.end() ? found->second : nullptr, service.get()});
        if (found != before.end()) before.erase(found);
    }
    for (const auto& [sockets, service] : before) succession_.push_back({service, nullptr});
}

void Generation::prepare() {
    for (const NamedPool& pool : pools_) pool.pool->start();
    for (const auto& service : services_) service->prepare();
    tls_.watch(standing_.background, standing_.alarm);
    maps_.watch(standing_.background);
    plugins_.start();
}

void Generation::unwatch() noexcept {
    tls_.unwatch();
    maps_.unwatch();
}

void Generation::listen() {
    for (const auto& service : services_) service->listen();
}

// Listener by listener, so that a socket is without an acceptor for the shortest time. Its newcomers wait in the accept queue.
void Generation::accept() noexcept {
    for (const auto [before, after] : std::exchange(succession_, {})) {
        if (before != nullptr) before->stop_accepting(after == nullptr);
        if (before != nullptr && after != nullptr) after->change_sockets(before->config);
        if (after != nullptr) after->start();
        if (after == nullptr)
            for (Listener& socket : *before->sockets()) socket.discard();
        if (before != nullptr && after != nullptr) continue;
        if_memory_allows([&] {
            const Service& service = after != nullptr ? *after : *before;
            for (const Listener& socket : *service.sockets())
                standing_.log.info(
                    after != nullptr ? "listening" : "listening no more",
                    {{"listener", service.config.name}, {"address", socket.address()}, {"plugin", service.plugin_names()}});
        });
    }
    before_ = nullptr;
}

void Generation::give_up() noexcept {
    for (const auto [before, after] : succession_)
        if (before == nullptr)
            for (Listener& socket : *after->sockets()) socket.close();
}

void Generation::stop_accepting(bool take_waiting) noexcept {
    for (const auto& service : services_) service->stop_accepting(take_waiting);
}

bool Generation::has(std::string_view listener) const noexcept {
    return std::ranges::any_of(services_, [&](const auto& service) { return service->config.name == listener; });
}

std::uint32_t Generation::open() const noexcept {
    std::uint32_t sum = 0;
    for (const auto& service : services_) sum += service->open();
    return sum;
}

void Generation::begin_drain(Nanoseconds deadline) noexcept {
    drain_.start(deadline);
    standing_.relays.begin_drain(deadline);
}

void Generation::tell_connections() noexcept {
    for (const auto& service : services_) service->begin_drain();
}

bool Generation::is_quiet() const noexcept {
    return std::all_of(services_.begin(), services_.end(), [](const auto& service) { return service->is_quiet(); });
}

void Generation::retire() noexcept {
    for (const NamedPool& pool : pools_) pool.pool->retire();
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
