#include "listener_table.hpp"

#include "base/replaced.hpp"
#include "base/text_table.hpp"

namespace gatehouse::host {
namespace {

// The plugin's own suggestion, with the socket's address in it.
std::string command_to_try(const Service& service, const Listener& socket) {
    const std::string_view suggestion = service.plugins().front()->try_it();
    const std::string& address = socket.address();
    if (address.starts_with("unix:")) return "nc -U " + address.substr(5);
    const std::string port = std::to_string(socket.port());
    std::string host = address.substr(0, address.rfind(':'));
    if (host == "[::]" || host == "0.0.0.0" || host == "127.0.0.1" || host == "[::1]") host = "localhost";
    std::string command = suggestion.empty() ? "nc localhost {port}" : std::string(suggestion);
    if (!service.config.tls.empty()) {
        const bool web = command.starts_with("curl http://");
        command = web ? replaced(command, "http://", "https://") : "openssl s_client -quiet -connect {host}:{port}";
    }
    return replaced(replaced(command, "{host}", host), "{port}", port);
}

} // namespace

std::string listener_table(const std::vector<std::unique_ptr<Service>>& services) {
    std::vector<Row> rows{{"listener", "address", "plugin", "try"}};
    for (const auto& service : services)
        for (const Listener& socket : *service->sockets())
            rows.push_back({service->config.name, socket.address(), service->plugin_names(), command_to_try(*service, socket)});
    return format_table(rows);
}

} // namespace gatehouse::host
