// The commands of the host's own, as the control socket takes them: their names, their arguments and their answers are data, so
// that the same description lists them, checks what is asked, and logs what was done.
#pragma once

#include "base/cell_table.hpp"
#include "base/json.hpp"
#include "base/units.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <variant>
#include <vector>

namespace gatehouse::host {

// A value of "with", as JSON has it.
using Argument = std::variant<std::string, bool, std::int64_t, double, std::vector<std::string>>;

// What a command may be asked with.
struct Parameter {
    enum class Type {
        text,
        flag,     // true or false
        number,   // whole, from 0
        duration, // seconds as a number, or a text such as "10m"
        texts,    // an array of texts
    };

    std::string name;
    Type type = Type::text;
    bool required = false;
    std::string meaning;    // for people
    bool is_secret = false; // the log does not say it
};

// The arguments of a question, which fit the command's parameters.
class Arguments {
  public:
    Arguments() = default;

    // Checks them: no other names, no other types, none missing. `problem`: what is wrong, and empty if nothing is.
    Arguments(std::map<std::string, Argument> given, const std::vector<Parameter>& parameters, std::string& problem);

    bool has(std::string_view name) const { return find(name) != nullptr; }
    bool flag(std::string_view name) const;        // false if it was not given
    std::string text(std::string_view name) const; // or empty
    std::optional<std::int64_t> number(std::string_view name) const;
    std::optional<Milliseconds> duration(std::string_view name) const;
    std::vector<std::string> texts(std::string_view name) const;

    // "listener=web older=1h", for the log: control characters and secrets do not appear.
    std::string shown(const std::vector<Parameter>& parameters) const;

  private:
    const Argument* find(std::string_view name) const;

    std::map<std::string, Argument, std::less<>> values_; // durations as milliseconds
};

// Who asks, as the kernel says.
struct Caller {
    uid_t uid = 0;
    gid_t gid = 0;
    pid_t pid = 0;
    std::string user;        // the name; or the number, if /etc/passwd has none
    bool may_view = false;   // commands that only show
    bool may_change = false; // all commands
};

// "ops (uid 1000, pid 812)", for the log.
std::string who_is(const Caller& who);

// What a command answers: a table, or `result` and the same for people in `text`. With a code it has failed.
struct HostAnswer {
    std::string code;    // for programs: "failed", "not_found", "bad_argument", ...
    std::string message; // for people, in one line or several
    std::string did_you_mean;
    int status = 0; // the exit status of a client that asks for a person or a script
    CellTable table;
    std::uint64_t more = 0; // rows that were asked for and are not in the table
    std::optional<Json> result;
    std::string text; // with its ends of lines
};

// The answer of a command that has failed.
HostAnswer failure(std::string code, std::string message, std::string did_you_mean = "");
// "there is no listener "wbe"", with the nearest of these names, or with all of them.
HostAnswer no_such(std::string_view what, const std::string& name, const std::vector<std::string>& names);

struct HostCommand {
    // Is asked until it has the answer, each time the main thread has been woken. [main]
    using Answer = std::function<std::optional<HostAnswer>()>;

    // An answer that is there already.
    static Answer at_once(HostAnswer answer);
    static Answer fails(std::string code, std::string message);

    std::string name; // "reload", "log.level"
    std::string summary;
    std::vector<Parameter> parameters;
    bool shows = false; // it changes nothing
    // Begins it. The arguments fit the parameters, and the caller may do it. Must not wait. [main]
    std::function<Answer(const Arguments& with, const Caller& who)> run;
};

} // namespace gatehouse::host
