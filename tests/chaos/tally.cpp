#include "tally.hpp"

#include <iomanip>
#include <sstream>

namespace gatehouse::chaos {

void Tally::add(const std::string& name, Outcome outcome, const std::string& why) {
    const std::lock_guard lock(mutex_);
    Row& row = rows_[name];
    switch (outcome) {
    case Outcome::whole:
        ++row.whole;
        break;
    case Outcome::cut:
        ++row.cut;
        break;
    case Outcome::failed:
        ++row.failed;
        ++failures_[name + ": " + why];
    }
}

std::size_t Tally::sessions() const {
    const std::lock_guard lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [name, row] : rows_) sum += row.whole + row.cut + row.failed;
    return sum;
}

std::string Tally::failures() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [failure, times] : failures_) text += failure + " (" + std::to_string(times) + " times)\n";
    return text;
}

std::string Tally::table() const {
    const std::lock_guard lock(mutex_);
    std::ostringstream text;
    text << std::left << std::setw(28) << "" << std::right << std::setw(10) << "whole" << std::setw(10) << "cut"
         << std::setw(10) << "failed" << '\n';
    for (const auto& [name, row] : rows_)
        text << std::left << std::setw(28) << name << std::right << std::setw(10) << row.whole << std::setw(10) << row.cut
             << std::setw(10) << row.failed << '\n';
    return text.str();
}

} // namespace gatehouse::chaos
