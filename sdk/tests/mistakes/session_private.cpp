// gatehouse: Session is a public struct or class of the plugin
#include <gatehouse/plugin.hpp>

class P {
  public:
    class Hidden;
    void serve(gatehouse::Connection&) {}

  private:
    struct Session {};
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
