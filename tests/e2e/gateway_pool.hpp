// A gateway with several servers, and what its clients and its operator see of them.
#pragma once

#include "clients.hpp"
#include "gatehouse.hpp"

#include <regex>
#include <string>

namespace gatehouse::support {

// An item of `servers`. `more`: further keys.
inline std::string entry(const std::string& address, const std::string& more = "") {
    return "{ address = \"" + address + '"' + (more.empty() ? "" : ", " + more) + " }";
}

// `servers`: such items with commas in between. `more`: further lines of the plugin's configuration; `for_listener`: of the
// listener's. It has a control socket.
inline std::string gateway_in_front_of(const std::string& servers, const std::string& more = "",
                                       const std::string& for_listener = "") {
    return "[host]\ndrain_timeout = \"2s\"\ncontrol = \"control.sock\"\n[plugins.gateway.config]\nservers = [" + servers +
           "]\n" + more + "\n" + listener("gateway", "gateway", for_listener);
}

// Which server greets, by NamedServer's one-letter name. `from`: an address that the client comes from.
inline char reached_from(Gatehouse& host, const std::string& from = "127.0.0.1") {
    Client client("127.0.0.1:" + std::to_string(host.port("gateway")), from + ":0");
    return client.recv_until("\n").front();
}

// Which servers `count` connections reach, one after the other, as "abab".
inline std::string reached(Gatehouse& host, int count) {
    std::string names;
    for (int i = 0; i < count; ++i) names += reached_from(host);
    return names;
}

inline void wait_for_text(Gatehouse& host, const std::string& text, std::size_t from = 0) {
    host.wait_for_log([&](const Record& record) { return record.message().find(text) != std::string::npos; }, text, from);
}

inline Result control(const Gatehouse& host, std::vector<std::string> words) {
    words.insert(words.begin(), "gateway");
    return ask(host, std::move(words));
}

// What the command `servers` has in this column of the server's row.
inline std::string cell(const Gatehouse& host, const std::string& server, const std::string& column) {
    const std::string rows = control(host, {"servers", "--json"}).out;
    std::smatch found;
    const std::regex row("\"server\": \"" + server + "\"[^}]*\"" + column + "\": (?:\"([^\"]*)\"|([^\",}]*))");
    return std::regex_search(rows, found, row) ? found[1].str() + found[2].str() : "none in " + rows;
}

} // namespace gatehouse::support
