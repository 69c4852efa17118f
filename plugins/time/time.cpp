// RFC 868: sends the seconds since 1900 as four bytes, and hangs up.
#include "since_1900.hpp"

#include <gatehouse/plugin.hpp>

#include <ctime>

struct Time {
    static constexpr bool server_first = true;
    static constexpr std::string_view try_it = "nc {host} {port} | od -An -tu4 --endian=big";

    void serve(gatehouse::Connection& conn) {
        (void)conn.write(since_1900(std::time(nullptr))); // whether the client takes it or not, the dialogue ends here
    }
};
GATEHOUSE_PLUGIN(Time, "time", "1.0.0")
