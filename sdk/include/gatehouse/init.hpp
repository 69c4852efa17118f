// What the host offers a plugin besides its connections.
#ifndef GATEHOUSE_INIT_HPP
#define GATEHOUSE_INIT_HPP

#include "config.hpp"
#include "ext/check.h"
#include "ext/discovery.h"
#include "ext/metrics.h"
#include "ext/poll.h"
#include "ext/pool.h"
#include "ext/sendfile.h"
#include "ext/text_file.h"
#include "ext/timer.h"
#include "ext/tls.h"
#include "ext/upstream.h"
#include "gatehouse.h"
#include "status.hpp"
#include "value.hpp"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace gatehouse {

namespace detail {

// The host as one instance sees it. An extension that the host does not have is null.
struct Host {
    const gatehouse_host* table;
    gatehouse_instance* instance;
    const gatehouse_upstream_v1* upstream;
    const gatehouse_sendfile_v1* sendfile;
    const gatehouse_text_file_v1* text_file;
    const gatehouse_check_v1* check;
    const gatehouse_discovery_v1* discovery;
    const gatehouse_timer_v1* timer;
    const gatehouse_poll_v1* poll;
    const gatehouse_pool_v1* pool;
    const gatehouse_metrics_v1* metrics;
    const gatehouse_tls_v1* tls;

    Host(const gatehouse_host* host, gatehouse_instance* me) noexcept
        : table(host), instance(me), upstream(find<gatehouse_upstream_v1>(host, me, GATEHOUSE_EXT_UPSTREAM)),
          sendfile(find<gatehouse_sendfile_v1>(host, me, GATEHOUSE_EXT_SENDFILE)),
          text_file(find<gatehouse_text_file_v1>(host, me, GATEHOUSE_EXT_TEXT_FILE)),
          check(find<gatehouse_check_v1>(host, me, GATEHOUSE_EXT_CHECK)),
          discovery(find<gatehouse_discovery_v1>(host, me, GATEHOUSE_EXT_DISCOVERY)),
          timer(find<gatehouse_timer_v1>(host, me, GATEHOUSE_EXT_TIMER)),
          poll(find<gatehouse_poll_v1>(host, me, GATEHOUSE_EXT_POLL)),
          pool(find<gatehouse_pool_v1>(host, me, GATEHOUSE_EXT_POOL)),
          metrics(find<gatehouse_metrics_v1>(host, me, GATEHOUSE_EXT_METRICS)),
          tls(find<gatehouse_tls_v1>(host, me, GATEHOUSE_EXT_TLS)) {}

    void log(gatehouse_conn* conn, gatehouse_level level, std::string_view text,
             std::span<const Field> fields = {}) const noexcept {
        table->log(instance, conn, level, str(text), fields.data(), fields.size(), sizeof(Field));
    }
    std::chrono::milliseconds now() const noexcept { return std::chrono::milliseconds(table->now(instance)); }

  private:
    template <class T>
    static const T* find(const gatehouse_host* host, gatehouse_instance* me, std::string_view id) noexcept {
        return static_cast<const T*>(host->get_extension(me, str(id)));
    }
};

} // namespace detail

// What a plugin's constructor receives. The plugin may keep a copy, to log, and to reach connections that no thread serves.
// [any], except config(), which is [main] and for the constructor only.
class Init {
  public:
    Init(const detail::Host& host, const gatehouse_config* config, std::span<const Key> keys = {}) noexcept
        : host_(host), config_(host.table, config, keys) {}

    const Config& config() const noexcept { return config_; }
    void log(gatehouse_level level, std::string_view text, std::initializer_list<Field> fields = {}) const noexcept {
        host_.log(nullptr, level, text, fields);
    }
    // The host's monotonic clock. In a test it is the test's.
    std::chrono::milliseconds now() const noexcept { return host_.now(); }
    bool wake(std::uint64_t connection) const noexcept { return host_.table->wake(host_.instance, connection) == GATEHOUSE_OK; }
    bool stopping() const noexcept { return host_.table->stopping(host_.instance) != 0; }

    // Ends the connection with this id; see gatehouse_host.end. `within`: the time that it has with How::stop.
    bool end(std::uint64_t connection, How how, std::chrono::milliseconds within = {}) const noexcept {
        return host_.table->end(host_.instance, connection, static_cast<gatehouse_how>(how), detail::milliseconds(within)) ==
               GATEHOUSE_OK;
    }
    // The ids of this instance's connections.
    std::vector<std::uint64_t> connections() const {
        std::vector<std::uint64_t> ids;
        host_.table->for_each(
            host_.instance,
            [](void* list, std::uint64_t id) noexcept { static_cast<std::vector<std::uint64_t>*>(list)->push_back(id); }, &ids);
        return ids;
    }

    // How to speak TLS to servers, as the key `key` of a configuration table says; see ext/upstream.h. Null: without TLS.
    // `has_names`: Connection::start_tls() will get a name for every server. [main]
    const gatehouse_tls_client* tls_client(const Config& config, std::string_view key, bool has_names = true) const noexcept {
        const gatehouse_tls_client* client = nullptr;
        if (host_.upstream != nullptr)
            host_.upstream->tls_client(host_.instance, config.handle(), detail::str(key), has_names ? 1 : 0, &client);
        return client;
    }

    // Makes a pool of idle connections to servers, for Connection::take() and keep(); see ext/pool.h. A limit of 0 is the
    // host's. Null: this host has none, or a limit is out of range. [main], in the constructor
    struct PoolLimits {
        std::uint32_t most = 0;
        std::uint32_t most_per_server = 0;
        std::chrono::milliseconds idle{0};
        std::chrono::milliseconds lifetime{0};
    };
    gatehouse_pool* pool(const PoolLimits& limits) const noexcept {
        const gatehouse_pool_limits given{sizeof given,
                                          0,
                                          limits.most,
                                          limits.most_per_server,
                                          detail::milliseconds(limits.idle),
                                          detail::milliseconds(limits.lifetime)};
        gatehouse_pool* pool = nullptr;
        if (host_.pool != nullptr) host_.pool->make(host_.instance, &given, &pool);
        return pool;
    }

    // How to speak TLS to clients that begin it in their protocol: as the section [tls.NAME] says that the key `key` of a
    // configuration table names; see ext/tls.h. Null: the key is absent, or the host has recorded what is wrong. [main]
    const gatehouse_tls_server* tls_server(const Config& config, std::string_view key) const {
        const gatehouse_tls_server* server = nullptr;
        if (host_.tls != nullptr)
            host_.tls->tls_server(host_.instance, config.handle(), detail::str(key), &server);
        else if (!config.string(key, "").empty())
            config.reject(key, "this host speaks no TLS to clients that have begun in plain");
        return server;
    }

    // The text of the file that the key `key` of a configuration table names; see ext/text_file.h. Nothing: the key is absent,
    // or the host has recorded what is wrong. [main]
    std::optional<std::string_view> text_file(const Config& config, std::string_view key) const {
        gatehouse_str text{nullptr, 0};
        if (host_.text_file == nullptr) {
            if (!config.string(key, "").empty()) config.reject(key, "this host reads no text files for plugins");
            return std::nullopt;
        }
        const gatehouse_status status = host_.text_file->read(config.handle(), detail::str(key), &text);
        return status == GATEHOUSE_OK && text.data != nullptr ? std::optional(detail::view(text)) : std::nullopt;
    }

    const detail::Host& host() const noexcept { return host_; }

  private:
    detail::Host host_;
    Config config_;
};

} // namespace gatehouse

#endif
