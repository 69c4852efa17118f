// Names in the configuration that stand for another section.
#pragma once

#include "config/config.hpp"
#include "config/reading.hpp"

namespace gatehouse::host {

// Finds the section of each plugin and of each [tls.NAME] that a listener names, once all sections have been read. A missing
// [tls.NAME] is a problem. A missing [plugins.NAME] is one if a section has nearly that name; otherwise it is added, with
// library = its name. An empty name had its problem when it was read.
void resolve_references(Config& config, ConfigReading& reading);

} // namespace gatehouse::host
