// A plugin that says its name, linked twice into entry_test.
#include <gatehouse/plugin.hpp>

namespace {

struct Named {
    void serve(gatehouse::Connection& conn) { static_cast<void>(conn.write(ENTRY_NAME)); }
};

} // namespace

GATEHOUSE_PLUGIN(Named, ENTRY_NAME, "1.0.0")
