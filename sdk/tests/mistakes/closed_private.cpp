// gatehouse: closed() is public, takes (std::string_view) or (std::uint64_t, std::string_view) and returns void
#include <gatehouse/plugin.hpp>

class P {
  public:
    void serve(gatehouse::Connection&) {}

  private:
    void closed(std::string_view) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
