// Messages of the control socket: lists of texts. Both ends are this program, and no other reads the format: the size of what
// follows, then each text after its size; sizes are 32 bits in the machine's own order.
//
// A question is empty (all commands of all instances), or an instance, or an instance, a command and its arguments; the host
// itself is an instance as well: reserved_instance. An answer is "failed" and why, or "table", the number of columns, for each
// its type and name, and its unit, and the cells row by row, each with its type. Before an answer that takes its time comes
// "later" and in how many seconds at most.
#pragma once

#include "base/cell_table.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::host {

inline constexpr std::size_t most_question = 64 << 10; // bytes
inline constexpr std::size_t most_answer = 4 << 20;
inline constexpr std::string_view answer_failed = "failed";
inline constexpr std::string_view answer_table = "table";
inline constexpr std::string_view answer_later = "later";

std::string encode_message(const std::vector<std::string>& texts);

// Reads the one message that `bytes` begin with. More: it is not there as a whole yet. Bad: it is larger than `most`, or
// malformed.
enum class Decoded { whole, more, bad };
Decoded decode_message(std::string_view bytes, std::size_t most, std::vector<std::string>& texts);

// How many bytes the message has that `bytes` begin with, which is whole.
std::size_t message_size(std::string_view bytes);

// A table as an answer, and back; false: it is none.
std::vector<std::string> texts_of(const CellTable& table);
bool read_table(const std::vector<std::string>& texts, CellTable& table);

} // namespace gatehouse::host
