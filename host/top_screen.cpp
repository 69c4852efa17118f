#include "top_screen.hpp"

#include "base/printable.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <span>
#include <utility>

namespace gatehouse::host {
namespace {

constexpr std::size_t narrowest = 60;
constexpr std::size_t longest_cell = 200; // bytes, before it is cut to its column

// The rows of an answer by the names of its columns.
class TopRows {
  public:
    explicit TopRows(const CellTable& table) : table_(table) {}

    std::size_t size() const { return table_.columns.empty() ? 0 : table_.cells.size() / table_.columns.size(); }
    std::string text(std::size_t row, std::string_view column) const {
        const Cell* const cell = find(row, column);
        return cell != nullptr && cell->is_text() ? printable(cell->text, longest_cell) : "";
    }
    std::int64_t number(std::size_t row, std::string_view column) const {
        const Cell* const cell = find(row, column);
        return cell != nullptr && !cell->is_text() ? cell->number : 0;
    }

  private:
    const Cell* find(std::size_t row, std::string_view name) const {
        const auto column = std::ranges::find(table_.columns, name, &Column::name);
        if (column == table_.columns.end()) return nullptr;
        return &table_.cells[row * table_.columns.size() + static_cast<std::size_t>(column - table_.columns.begin())];
    }

    const CellTable& table_;
};

// The growth of counters, by what the rows are called in both answers.
class Growth {
  public:
    Growth(const CellTable& before, std::vector<std::string_view> keys, Nanoseconds time)
        : before_(before), keys_(std::move(keys)), seconds_(static_cast<double>(time) / 1e9) {
        for (std::size_t row = 0; row < before_.size(); ++row) rows_.emplace(key_of(before_, row), row);
    }

    PerSecond of(const TopRows& now, std::size_t row, std::string_view counter) const {
        const auto found = rows_.find(key_of(now, row));
        if (found == rows_.end() || seconds_ <= 0) return -1;
        const std::int64_t more = now.number(row, counter) - before_.number(found->second, counter);
        return more < 0 ? -1 : static_cast<double>(more) / seconds_;
    }

  private:
    std::string key_of(const TopRows& rows, std::size_t row) const {
        std::string key;
        for (const std::string_view column : keys_) key += rows.text(row, column) + '\n';
        return key;
    }

    const TopRows before_;
    const std::vector<std::string_view> keys_;
    const double seconds_;
    std::map<std::string, std::size_t> rows_;
};

// "310", "12.1", "4.2k", "1.1G"; "-" if it is not known.
std::string short_number(double value) {
    if (value < 0) return "-";
    constexpr std::array units{"", "k", "M", "G", "T"};
    std::size_t unit = 0;
    for (; value >= 999.5 && unit + 1 < units.size(); ++unit) value /= 1000;
    std::array<char, 32> text{};
    const bool whole = value >= 99.95 || std::fabs(value - std::round(value)) < 0.05;
    std::snprintf(text.data(), text.size(), whole ? "%.0f%s" : "%.1f%s", value, units[unit]);
    return text.data();
}

std::string of_limit(std::int64_t used, std::int64_t limit) {
    return std::to_string(used) + (limit > 0 ? '/' + std::to_string(limit) : "");
}

// A line's cells: the first takes what the others leave, and the texts stand to the left, the numbers to the right.
struct TopColumn {
    const char* head;
    std::size_t width; // of the first: ignored
    bool is_text = false;
};

std::string top_line(std::span<const TopColumn> columns, const std::vector<std::string>& cells, std::size_t width) {
    std::size_t others = 0;
    for (const TopColumn& column : columns.subspan(1)) others += column.width + 1;
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::size_t room = i == 0 ? width - others : columns[i].width;
        std::string cell = cells[i];
        if (cell.size() > room) cell = cell.substr(0, room - 1) + '~';
        const std::string space(room - cell.size(), ' ');
        line += (i == 0 ? "" : " ") + (i == 0 || columns[i].is_text ? cell + space : space + cell);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line + '\n';
}

std::string heads(std::span<const TopColumn> columns, std::size_t width) {
    std::vector<std::string> cells;
    for (const TopColumn& column : columns) cells.emplace_back(column.head);
    return top_line(columns, cells, width);
}

constexpr std::array<TopColumn, 7> listener_columns{
    {{"LISTENER", 0}, {"STATE", 9, true}, {"OPEN/MAX", 15}, {"NEW/s", 6}, {"IN B/s", 7}, {"OUT B/s", 7}, {"REFUSED/s", 9}}};
constexpr std::array<TopColumn, 6> server_columns{
    {{"SERVER", 0}, {"STATE", 9, true}, {"CONN/MAX", 12}, {"NEW/s", 6}, {"FAILED/s", 8}, {"CHECK", 12, true}}};

// As many lines as fit, and how many do not.
template <class Row, class Cells>
void append_rows(std::string& screen, std::span<const TopColumn> columns, const std::vector<Row>& rows, std::size_t room,
                 std::size_t width, Cells cells) {
    const std::size_t shown = rows.size() <= room ? rows.size() : room - std::min<std::size_t>(room, 1);
    for (std::size_t i = 0; i < shown; ++i) screen += top_line(columns, cells(rows[i]), width);
    if (shown < rows.size() && room > 0) screen += "... and " + std::to_string(rows.size() - shown) + " more\n";
}

template <class Row>
PerSecond sum_of(const std::vector<Row>& rows, PerSecond Row::* rate) {
    PerSecond sum = rows.empty() ? 0 : -1;
    for (const Row& row : rows)
        if (row.*rate >= 0) sum = std::max(sum, 0.0) + row.*rate;
    return sum;
}

} // namespace

Top top_of(const TopSample& before, const TopSample& now) {
    Top top;
    const TopRows listeners(now.listeners);
    const Growth of_listener(before.listeners, {"listener"}, now.at - before.at);
    for (std::size_t row = 0; row < listeners.size(); ++row)
        top.listeners.push_back({.name = listeners.text(row, "listener"),
                                 .state = listeners.text(row, "state"),
                                 .open = listeners.number(row, "connections"),
                                 .limit = listeners.number(row, "limit"),
                                 .accepted = of_listener.of(listeners, row, "accepted"),
                                 .received = of_listener.of(listeners, row, "received"),
                                 .sent = of_listener.of(listeners, row, "sent"),
                                 .refused = of_listener.of(listeners, row, "refused")});
    const TopRows servers(now.servers);
    const Growth of_server(before.servers, {"pool", "server"}, now.at - before.at);
    for (std::size_t row = 0; row < servers.size(); ++row)
        top.servers.push_back({.pool = servers.text(row, "pool"),
                               .name = servers.text(row, "server"),
                               .state = servers.text(row, "state"),
                               .check = servers.text(row, "check"),
                               .connections = servers.number(row, "connections"),
                               .limit = servers.number(row, "limit"),
                               .connects = of_server.of(servers, row, "total"),
                               .failures = of_server.of(servers, row, "failures")});
    std::ranges::stable_sort(top.listeners, std::ranges::greater(), &TopListener::open);
    std::ranges::stable_sort(top.servers, std::ranges::greater(), &TopServer::connections);
    return top;
}

std::string top_screen(const Top& top, TopSize size, const std::string& title) {
    const std::size_t width = std::max(size.columns, narrowest);
    std::int64_t open = 0;
    for (const TopListener& listener : top.listeners) open += listener.open;
    std::string screen = title + "  open " + std::to_string(open) + "  new " +
                         short_number(sum_of(top.listeners, &TopListener::accepted)) + "/s  in/out " +
                         short_number(sum_of(top.listeners, &TopListener::received)) + '/' +
                         short_number(sum_of(top.listeners, &TopListener::sent)) + " B/s  refused " +
                         short_number(sum_of(top.listeners, &TopListener::refused)) + "/s";
    screen = screen.substr(0, width) + '\n';
    // Of a small screen the servers get what the listeners leave, and a third of it at least.
    const bool has_servers = !top.servers.empty();
    const std::size_t fixed = has_servers ? 4 : 2; // lines besides the rows
    const std::size_t room =
        size.rows == 0 ? top.listeners.size() + top.servers.size() : size.rows - std::min(size.rows, fixed);
    const std::size_t for_servers =
        std::min(top.servers.size(), std::max(room / 3, room - std::min(room, top.listeners.size())));
    screen += heads(listener_columns, width);
    append_rows(screen, listener_columns, top.listeners, room - for_servers, width, [](const TopListener& row) {
        return std::vector<std::string>{row.name,
                                        row.state,
                                        of_limit(row.open, row.limit),
                                        short_number(row.accepted),
                                        short_number(row.received),
                                        short_number(row.sent),
                                        short_number(row.refused)};
    });
    if (!has_servers) return screen;
    screen += '\n' + heads(server_columns, width);
    append_rows(screen, server_columns, top.servers, for_servers, width, [](const TopServer& row) {
        return std::vector<std::string>{
            row.pool + '/' + row.name,  row.state, of_limit(row.connections, row.limit), short_number(row.connects),
            short_number(row.failures), row.check};
    });
    return screen;
}

Json top_json(const Top& top) {
    const auto rate = [](PerSecond value) { return Json::raw(value < 0 ? "null" : std::to_string(value)); };
    const auto number = [](std::int64_t value) { return Json::raw(std::to_string(value)); };
    Json listeners = Json::array();
    for (const TopListener& row : top.listeners)
        listeners.add(Json::object()
                          .set("listener", Json::text(row.name))
                          .set("state", Json::text(row.state))
                          .set("open", number(row.open))
                          .set("limit", number(row.limit))
                          .set("new_per_second", rate(row.accepted))
                          .set("received_per_second", rate(row.received))
                          .set("sent_per_second", rate(row.sent))
                          .set("refused_per_second", rate(row.refused)));
    Json servers = Json::array();
    for (const TopServer& row : top.servers)
        servers.add(Json::object()
                        .set("pool", Json::text(row.pool))
                        .set("server", Json::text(row.name))
                        .set("state", Json::text(row.state))
                        .set("check", Json::text(row.check))
                        .set("connections", number(row.connections))
                        .set("limit", row.limit > 0 ? number(row.limit) : Json::raw("null"))
                        .set("new_per_second", rate(row.connects))
                        .set("failures_per_second", rate(row.failures)));
    return Json::object().set("listeners", std::move(listeners)).set("servers", std::move(servers));
}

} // namespace gatehouse::host
