// A network of its own for the program that a test starts: network_namespaces(7). Sockets in files lead into it.
#pragma once

#include "process.hpp"

#include <string>
#include <unistd.h>
#include <vector>

namespace gatehouse::support {

struct OwnNetwork {
    // `setup`: commands of sh, with " && " in between, that run there first. The loopback is up by then.
    explicit OwnNetwork(const std::string& setup)
        : wrapper{"unshare", "--net", "sh", "-c", "ip link set lo up && " + setup + " && exec \"$@\"", "sh"} {
        if (::geteuid() != 0) wrapper.insert(wrapper.begin() + 1, "--map-root-user");
        std::vector<std::string> trial = wrapper;
        trial.emplace_back("true");
        if (const Result result = run(trial); result.status != 0) impossible = "no network namespace: " + result.err;
    }

    std::vector<std::string> wrapper; // for GatehouseOptions
    std::string impossible;           // empty, or why this machine cannot
};

} // namespace gatehouse::support
