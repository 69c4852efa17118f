#include "base/time_text.hpp"

#include <array>
#include <chrono>
#include <ctime>
#include <string_view>

namespace gatehouse::host {

std::int64_t milliseconds_since_1970() noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

TimeText time_text(std::int64_t milliseconds) noexcept {
    constexpr std::int64_t first = -62'167'219'200'000; // year 0
    constexpr std::int64_t last = 253'402'300'799'999;  // year 9999
    TimeText text;
    if (milliseconds < first || milliseconds > last) return text.add(milliseconds);
    const std::int64_t fraction = (milliseconds % 1000 + 1000) % 1000;
    const time_t second = (milliseconds - fraction) / 1000;
    tm parts{};
    ::gmtime_r(&second, &parts);
    std::array<char, 32> whole{};
    text += std::string_view(whole.data(), std::strftime(whole.data(), whole.size(), "%Y-%m-%dT%H:%M:%S.", &parts));
    for (const std::int64_t place : {100, 10, 1}) text += static_cast<char>('0' + fraction / place % 10);
    return text += 'Z';
}

} // namespace gatehouse::host
