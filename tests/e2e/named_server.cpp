#include "named_server.hpp"

#include <array>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

namespace gatehouse::support {

NamedServer::NamedServer(std::string name, const std::string& address) : name_(std::move(name)), place_(address) { start(); }

void NamedServer::start() {
    server_ = std::make_unique<Server>(place_.address(), 1024);
    stopping_ = false;
    thread_ = std::thread([this] { run(); });
}

void NamedServer::stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    server_.reset();
}

// One thread for all: it looks for orders every few milliseconds.
void NamedServer::run() {
    std::vector<Client> clients;
    std::array<char, 4096> buffer{};
    while (!stopping_) {
        std::vector<pollfd> waiting{{server_->fd(), POLLIN, 0}};
        for (const Client& client : clients) waiting.push_back({client.fd(), POLLIN, 0});
        if (::poll(waiting.data(), waiting.size(), 5) <= 0) continue;
        for (std::size_t i = waiting.size() - 1; i > 0; --i) {
            if (waiting[i].revents == 0) continue;
            Client& client = clients[i - 1];
            const ssize_t size = ::recv(client.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (size > 0 && ::send(client.fd(), buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) == size) continue;
            clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(i - 1));
        }
        if (waiting[0].revents == 0) continue;
        try {
            Client client = server_->accept();
            client.send(name_ + '\n');
            clients.push_back(std::move(client));
        } catch (const std::exception&) { // it has gone already
        }
    }
    for (Client& client : clients) client.reset();
}

} // namespace gatehouse::support
