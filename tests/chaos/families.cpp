#include "families.hpp"

#include <array>

namespace gatehouse::chaos {

std::span<const Family> families() {
    static constexpr std::array table{
        Family{"keep-alive", keep_alive},
        Family{"churn", churn},
        Family{"half-close", half_close},
        Family{"reset", reset},
        Family{"slow reader", slow_reader},
        Family{"slow writer", slow_writer},
        Family{"bulk", bulk},
        Family{"urgent data", urgent},
        Family{"daytime, time, discard", classics},
        Family{"chargen", chargen},
        Family{"http keep-alive", http_keep_alive},
        Family{"http pipeline", http_pipeline},
        Family{"http slow download", http_slow_download},
        Family{"http bad request", http_bad_request},
        Family{"tls echo", tls_echo},
        Family{"tls half-close", tls_half_close},
        Family{"tls http", tls_http},
        Family{"tls cut", tls_cut},
        Family{"tls flipped bit", tls_flipped},
        Family{"tls key updates", tls_key_updates},
        Family{"garbage", garbage},
        Family{"silence", silence},
        Family{"too many", too_many},
        Family{"proxy header", proxy_header},
        Family{"bad proxy header", bad_proxy_header},
        Family{"socks5", socks5},
        Family{"bad socks5", bad_socks5},
        Family{"one port", one_port},
    };
    return table;
}

} // namespace gatehouse::chaos
