// Connects every client to one upstream and lets the host relay the bytes both ways.
#include <gatehouse/plugin.hpp>

#include <charconv>
#include <string>
#include <string_view>

// Whether it has the form of an address, so that a slip shows when the configuration is read and not with the first client.
bool is_address(std::string_view text) {
    if (text.starts_with("unix:")) return text.size() > 5;
    const std::size_t colon = text.rfind(':');
    if (colon == 0 || colon == std::string_view::npos) return false;
    const std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (!bracketed && host.find_first_of("[]:") != std::string_view::npos) return false;
    unsigned port = 0;
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
    return error == std::errc() && rest == text.data() + text.size() && port >= 1 && port <= 65535;
}

class Gateway {
  public:
    // Nobody knows whose turn it is to speak first, so the upstream is connected at once.
    static constexpr bool server_first = true;

    explicit Gateway(gatehouse::Init& init)
        : upstream_(init.config().string("upstream", "")),
          connect_timeout_(init.config().duration("connect_timeout", std::chrono::seconds(5))),
          idle_timeout_(init.config().duration("idle_timeout", std::chrono::milliseconds(0))) {
        if (!is_address(upstream_))
            init.config().reject("upstream", (upstream_.empty() ? "missing" : "is no address: \"" + upstream_ + "\"") +
                                                 " (expected \"host:port\", \"[v6]:port\" or \"unix:/path\")");
        if (connect_timeout_.count() == 0) init.config().reject("connect_timeout", "it must be longer than 0");
    }

    gatehouse::Next serve(gatehouse::Connection& conn) {
        auto upstream = conn.connect(upstream_, connect_timeout_);
        if (!upstream) return gatehouse::Next::error; // the host knows and logs why
        return conn.relay(std::move(*upstream), idle_timeout_);
    }

  private:
    const std::string upstream_; // constant after construction
    const std::chrono::milliseconds connect_timeout_;
    const std::chrono::milliseconds idle_timeout_; // 0: the listener's
};
GATEHOUSE_PLUGIN(Gateway, "gateway", "1.0.0")
