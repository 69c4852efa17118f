// RFC 867: says what day and time it is, and hangs up.
#include <gatehouse/plugin.hpp>

#include <array>
#include <ctime>

struct Daytime {
    static constexpr bool server_first = true;
    static constexpr std::string_view try_it = "nc {host} {port}";

    void serve(gatehouse::Connection& conn) {
        const std::time_t now = std::time(nullptr);
        std::tm utc{};
        gmtime_r(&now, &utc);
        std::array<char, 64> line; // the longest is "Wednesday, September 30, 2026 23:36:20-UTC\r\n"
        const std::size_t size = std::strftime(line.data(), line.size(), "%A, %B %d, %Y %H:%M:%S-UTC\r\n", &utc);
        (void)conn.write(std::string_view(line.data(), size)); // whether the client takes it or not, the dialogue ends here
    }
};
GATEHOUSE_PLUGIN(Daytime, "daytime", "1.0.0")
