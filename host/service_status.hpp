// What systemd shows of the host (`systemctl status`), and that the main loop turns: STATUS= and WATCHDOG=1 of sd_notify(3).
#pragma once

#include "base/clock.hpp"
#include "base/descriptor.hpp"

#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

namespace gatehouse::host {

class Generations;

class ServiceStatus {
  public:
    // Looks into the environment, which the host before this one may have passed on. [main]
    ServiceStatus() noexcept;

    // Tells systemd when it is time. Only the main process of the service is to call it: the others are not heard. Returns when
    // it wants to be asked again; without systemd never. [main]
    Nanoseconds supervise(Nanoseconds now, const Generations& generations, bool draining) noexcept;

    // Something has changed that is worth a look. [main]
    void hurry() noexcept { due_ = 0; }

  private:
    void tell(std::string_view message) const noexcept;

    sockaddr_un address_{}; // of systemd's socket
    socklen_t address_size_ = 0;
    Descriptor socket_;
    Nanoseconds period_ = never; // there is no systemd
    Nanoseconds due_ = 0;
};

} // namespace gatehouse::host
