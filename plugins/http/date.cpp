#include "date.hpp"

#include <algorithm>
#include <chrono>

namespace http {

namespace {

constexpr std::array<std::string_view, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> long_weekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                        "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

constexpr std::int64_t first_second = -62'167'219'200; // of the year 0
constexpr std::int64_t last_second = 253'402'300'799;  // of the year 9999

// A cursor over the text; after the first failure everything fails.
struct Scanner {
    std::string_view rest;
    bool ok = true;

    void literal(std::string_view expected) {
        ok = ok && rest.starts_with(expected);
        if (ok) rest.remove_prefix(expected.size());
    }
    int number(std::size_t digits) {
        int value = 0;
        if (rest.size() < digits) ok = false;
        for (std::size_t i = 0; ok && i < digits; ++i) {
            const char c = rest[i];
            if (c < '0' || c > '9') ok = false;
            value = value * 10 + (c - '0');
        }
        if (ok) rest.remove_prefix(digits);
        return value;
    }
    template <std::size_t size>
    unsigned one_of(const std::array<std::string_view, size>& words) {
        for (unsigned i = 0; ok && i < size; ++i) {
            if (!rest.starts_with(words[i])) continue;
            rest.remove_prefix(words[i].size());
            return i;
        }
        ok = false;
        return 0;
    }
};

struct Fields {
    int year = 0;
    unsigned month = 0; // 0..11
    int day = 0, hour = 0, minute = 0, second = 0;
};

void time_of_day(Scanner& scanner, Fields& fields) {
    fields.hour = scanner.number(2);
    scanner.literal(":");
    fields.minute = scanner.number(2);
    scanner.literal(":");
    fields.second = scanner.number(2);
}

bool imf_fixdate(std::string_view text, Fields& fields) {
    Scanner scanner{text};
    scanner.one_of(weekdays);
    scanner.literal(", ");
    fields.day = scanner.number(2);
    scanner.literal(" ");
    fields.month = scanner.one_of(months);
    scanner.literal(" ");
    fields.year = scanner.number(4);
    scanner.literal(" ");
    time_of_day(scanner, fields);
    scanner.literal(" GMT");
    return scanner.ok && scanner.rest.empty();
}

bool rfc850_date(std::string_view text, Fields& fields) {
    Scanner scanner{text};
    scanner.one_of(long_weekdays);
    scanner.literal(", ");
    fields.day = scanner.number(2);
    scanner.literal("-");
    fields.month = scanner.one_of(months);
    scanner.literal("-");
    fields.year = scanner.number(2);
    scanner.literal(" ");
    time_of_day(scanner, fields);
    scanner.literal(" GMT");
    return scanner.ok && scanner.rest.empty();
}

bool asctime_date(std::string_view text, Fields& fields) {
    Scanner scanner{text};
    scanner.one_of(weekdays);
    scanner.literal(" ");
    fields.month = scanner.one_of(months);
    scanner.literal(" ");
    if (scanner.rest.starts_with(' ')) {
        scanner.literal(" ");
        fields.day = scanner.number(1);
    } else {
        fields.day = scanner.number(2);
    }
    scanner.literal(" ");
    time_of_day(scanner, fields);
    scanner.literal(" ");
    fields.year = scanner.number(4);
    return scanner.ok && scanner.rest.empty();
}

int year_of(std::int64_t time) noexcept {
    const std::chrono::sys_seconds seconds{std::chrono::seconds(std::clamp(time, first_second, last_second))};
    return static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(seconds)).year());
}

} // namespace

HttpDate::HttpDate(std::int64_t time) noexcept {
    const std::chrono::sys_seconds seconds{std::chrono::seconds(std::clamp(time, first_second, last_second))};
    const auto day = std::chrono::floor<std::chrono::days>(seconds);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(seconds - day);

    char* to = text_.data();
    const auto put = [&](std::string_view text) { to = std::copy(text.begin(), text.end(), to); };
    const auto put_number = [&](long value, int digits) {
        for (int i = digits - 1; i >= 0; --i, value /= 10) to[i] = static_cast<char>('0' + value % 10);
        to += digits;
    };
    put(weekdays[std::chrono::weekday(day).c_encoding()]);
    put(", ");
    put_number(static_cast<long>(static_cast<unsigned>(date.day())), 2);
    put(" ");
    put(months[static_cast<unsigned>(date.month()) - 1]);
    put(" ");
    put_number(static_cast<int>(date.year()), 4);
    put(" ");
    put_number(clock.hours().count(), 2);
    put(":");
    put_number(clock.minutes().count(), 2);
    put(":");
    put_number(clock.seconds().count(), 2);
    put(" GMT");
}

std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now) noexcept {
    Fields fields;
    if (!imf_fixdate(text, fields) && !asctime_date(text, fields)) {
        if (!rfc850_date(text, fields)) return std::nullopt;
        const int this_year = year_of(now);
        fields.year += this_year - this_year % 100;
        if (fields.year > this_year + 50) fields.year -= 100;
    }
    const std::chrono::year_month_day date(std::chrono::year(fields.year), std::chrono::month(fields.month + 1),
                                           std::chrono::day(static_cast<unsigned>(fields.day)));
    if (!date.ok() || fields.hour > 23 || fields.minute > 59 || fields.second > 60) return std::nullopt;
    const auto day = std::chrono::sys_days(date).time_since_epoch();
    return std::chrono::seconds(day).count() + fields.hour * 3600 + fields.minute * 60 + fields.second;
}

} // namespace http
