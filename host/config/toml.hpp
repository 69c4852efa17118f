// toml++ as this host uses it. For document.cpp, settings.cpp and table.cpp alone: it takes seconds to compile.
#pragma once

#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 32 // the parser and the destructor recurse

// toml++ 3.3 asserts what is not true of every text ("[" at the end of a line), and reports the error right after. So the
// assertions are off, and with NDEBUG they are not made promises to the optimizer either.
#define TOML_ASSERT(expression) static_assert(true)
#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/impl/forward_declarations.h>

// Its tables of Unicode declare unreachable what most characters beyond ASCII reach when they stand outside of quotes. Such
// a character is not in the table: the answer is no.
#pragma push_macro("TOML_UNREACHABLE")
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#include <toml++/impl/unicode.h>
#pragma pop_macro("TOML_UNREACHABLE")

#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")
