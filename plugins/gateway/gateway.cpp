// Connects every client to one upstream and lets the host relay the bytes both ways.
#include <gatehouse/plugin.hpp>

class Gateway {
  public:
    // Nobody knows whose turn it is to speak first, so the upstream is connected at once.
    static constexpr bool server_first = true;

    explicit Gateway(gatehouse::Init& init)
        : upstream_(init.config().string("upstream")),
          connect_timeout_(init.config().duration("connect_timeout", std::chrono::seconds(5))),
          idle_timeout_(init.config().duration("idle_timeout", std::chrono::milliseconds(0))) {
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
