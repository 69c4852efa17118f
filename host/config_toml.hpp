// toml++ as this host uses it. For config_document.cpp and config_table.cpp alone: it takes seconds to compile.
#pragma once

#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 32 // tables in arrays in tables; the parser and the destructor recurse
#include <toml++/toml.h>
