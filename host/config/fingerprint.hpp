// A short text that is another one whenever the configuration says something else.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <string>

namespace gatehouse::host {

// 16 hexadecimal digits, of all that operator== looks at, of a configuration that has just been read: the lists of networks
// from files and what stands for secrets included, the files of [tls.NAME] sections by their names only. The same in every
// process. It is no protection against an attacker who looks for another configuration with the same one. [any]
std::string fingerprint(const Config& config);

// How a plan is named: the running generation, and the beginning of the fingerprint of the next configuration: "7-3f9a01c2".
// [any]
std::string plan_id(std::uint64_t generation, const Config& next);

} // namespace gatehouse::host
