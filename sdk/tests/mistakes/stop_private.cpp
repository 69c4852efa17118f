// gatehouse: stop() is public, takes nothing and returns void
#include <gatehouse/plugin.hpp>

class P {
  public:
    void serve(gatehouse::Connection&) {}

  private:
    void stop() {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
