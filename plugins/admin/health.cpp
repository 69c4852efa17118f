#include "health.hpp"

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

} // namespace admin
