// The commands that look at connections, and end them.
#pragma once

#include "host_commands.hpp"
#include "net/network.hpp"

#include <cstdint>
#include <string>

namespace gatehouse::host {

HostCommand connections_command(const AllGenerations& generations);
HostCommand kill_command(const AllGenerations& generations);

// The open connections from the network, of the listener or, if it is empty, of all: resets them, or only counts them. Returns
// how many. Throws std::bad_alloc. [main]
std::uint64_t kill_from(const AllGenerations& generations, const Network& source, const std::string& listener);
std::uint64_t count_from(const AllGenerations& generations, const Network& source, const std::string& listener);

// "killed 3 connections".
std::string tell_killed(std::uint64_t count);

} // namespace gatehouse::host
