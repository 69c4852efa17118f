// gatehouse: a plugin's destructor is public, and noexcept
#include <gatehouse/plugin.hpp>

class P {
  public:
    void serve(gatehouse::Connection&) {}

  private:
    ~P() = default;
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
