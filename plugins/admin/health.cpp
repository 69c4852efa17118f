#include "health.hpp"

#include <cstddef>
#include <cstdint>

namespace admin {

std::optional<Health> health(const gatehouse::HostTable& table, std::string_view check, std::string_view part, bool verbose) {
    Health health{true, ""};
    bool found = false;
    for (std::size_t row = 0; row < table.rows(); ++row) {
        const std::string_view name = table.text(row, "part");
        if (table.text(row, "check") != check || (!part.empty() && part != name)) continue;
        const bool good = table.text(row, "state") == "ok";
        found = true;
        health.good = health.good && good;
        if (verbose || !good)
            health.text.append(good ? "[+] " : "[-] ").append(name).append("  ").append(table.text(row, "why")).append("\n");
    }
    if (!found) return std::nullopt;
    if (health.text.empty()) health.text = "ok\n";
    return health;
}

std::optional<Health> pool_health(const gatehouse::HostTable& metrics, std::string_view pool, bool verbose) {
    bool found = false;
    std::int64_t up = 0;
    std::int64_t all = 0;
    for (std::size_t row = 0; row < metrics.rows(); ++row) {
        if (metrics.text(row, "instance") != pool) continue;
        const std::string_view metric = metrics.text(row, "metric");
        if (metric == "server_addresses") all += metrics.number(row, "value");
        if (metric != "server_up") continue;
        found = true;
        up += metrics.number(row, "value");
    }
    if (!found) return std::nullopt;
    if (up > 0 && !verbose) return Health{true, "ok\n"};
    return Health{up > 0, std::string(up > 0 ? "[+] " : "[-] ") + "pool " + std::string(pool) + "  " + std::to_string(up) +
                              " of " + std::to_string(all) + " servers up\n"};
}

} // namespace admin
