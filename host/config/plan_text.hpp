// A plan for people, and for programs.
#pragma once

#include "base/json.hpp"
#include "config/plan.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gatehouse::host {

// What only the running host knows. Sections are named "listeners.web", "plugins.http", "tls.web".
struct PlanNotes {
    std::map<std::string, std::uint64_t, std::less<>> connections; // that are open, by the name of the running listener
    // Of a section, also of one whose keys do not change: "free (tried)", "library 1.1.4 -> 1.2.0", "51 certificates, 1 read
    // anew".
    std::map<std::string, std::string, std::less<>> remarks;
    std::vector<std::string> lines; // below all others: "1 order holds: ..."
};

// A block of lines for each section that changes, and one line at the end: "opens 1, closes 1, keeps 38 listeners". All are
// indented, and each ends. "nothing changes\n", and the lines of the notes, if the plan is empty and there are no remarks.
std::string plan_text(const Plan& plan, const PlanNotes& notes = {});

// The same as an object. Values are as TOML and JSON both write them: 10000, "30s"; null: there is none.
Json plan_json(const Plan& plan, const PlanNotes& notes = {});

} // namespace gatehouse::host
