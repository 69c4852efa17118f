// gatehouse: the hook for the end of a connection is called closed()
#include <gatehouse/plugin.hpp>

struct P {
    void serve(gatehouse::Connection&) {}
    void on_close(std::string_view) {}
};
GATEHOUSE_PLUGIN(P, "mistake", "1.0.0")
