// gatehouse: a plugin's constructor is public and takes (gatehouse::Init&), or nothing
#include <gatehouse/plugin.hpp>

class P {
  public:
    void serve(gatehouse::Connection&) {}

  private:
    P() = default;
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
