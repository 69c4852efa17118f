// Messages of the control socket: a line of JSON each, so that any program may ask.
//
//     > {"id": 1, "do": "kill", "with": {"source": "192.0.2.0/24"}}
//     < {"id": 1, "ok": true, "result": {"killed": 12}}
//     < {"id": 1, "ok": false, "error": {"code": "not_found", "message": "...", "did_you_mean": "..."}}
//
// A question may also say "as": "text", and gets "text", for people, in the place of "result"; and "later": true: if the answer
// takes its time it is announced by {"id": 1, "later": 60}, in how many seconds at most.
//
// "status": 2 beside a result is the exit status that `gatehouse` ends with; 0 is left out.
//
// "more": 12 beside a result says that the table would have 12 more rows than it has.
//
// The result of most commands is a table: see json_cells(). Numbers are numbers, times RFC 3339, durations seconds, sizes
// bytes.
#pragma once

#include "control/command.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace gatehouse::host {

inline constexpr std::size_t most_question = 64 << 10; // bytes of a line, without its end
inline constexpr std::size_t most_answer = 8 << 20;    // the same; escapes in JSON count

struct Question {
    std::string id = "null"; // as JSON, to be told back
    std::string command;     // "do"
    std::map<std::string, Argument> with;
    bool as_text = false;
    bool later = false;
};

// Reads a line. False: `problem` says for people what is wrong with it; the id is known if it could be read. Hostile input is
// refused, whatever it is: it may be no JSON, too deep, of other members or types. [any]
bool read_question(std::string_view line, Question& question, std::string& problem);

// The lines of the protocol, with their ends. `answer` is what the command says.
std::string question_line(const Question& question);
std::string answer_line(const Question& question, const HostAnswer& answer);
std::string later_line(const Question& question, std::uint64_t seconds);

// A line of a host. With `later` there is nothing else yet. `answer` has the table if the result is one, and else the result.
struct Reply {
    std::uint64_t later = 0; // seconds
    HostAnswer answer;
};
// False: it is none. [any]
bool read_reply(std::string_view line, Reply& reply);

} // namespace gatehouse::host
