// `gatehouse plugin check`: whether a plugin keeps its side of the contract with the host.
#pragma once

#include "trial/checks.hpp"

#include <functional>
#include <string>
#include <vector>

namespace gatehouse::host {

// Called when a check has ended: how many have, of how many, and the last one. One call at a time, from any thread.
using Progress = std::function<void(std::size_t done, std::size_t all, const CheckResult& last)>;

// Runs the checks of these names, or all if there are none, several at a time. Throws std::runtime_error for a name that no
// check has. [main]
std::vector<CheckResult> check_plugin(const Subject& subject, const std::vector<std::string>& only, const Progress& progress);

// The checks and what each is about, for --help.
std::string check_list();

// A table of the verdicts, and below it what was found and what to do.
std::string report_text(const std::vector<CheckResult>& results);

// An object: the plugin's file, and an array of checks with their findings.
std::string report_json(const Subject& subject, const std::vector<CheckResult>& results);

// 0: nothing has failed. 1: something has. 2: checks could not be done, for want of a configuration.
int status_of(const std::vector<CheckResult>& results);

} // namespace gatehouse::host
