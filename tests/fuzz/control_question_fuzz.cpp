// Questions of the control socket: whatever a client says is read or refused, and what is read can be asked again.
#include "control/message.hpp"
#include "fuzz.hpp"

#include <string_view>

using namespace gatehouse::host;
using gatehouse::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    Question question;
    std::string problem;
    const bool good = read_question(line, question, problem);
    require(good == problem.empty());
    HostAnswer answer; // its id is told back, on one line that a client can read
    answer.code = good ? "" : "bad_question";
    answer.message = problem;
    const std::string told = answer_line(question, answer);
    require(told.find('\n') == told.size() - 1);
    Reply reply;
    if (!question.as_text) require(read_reply(told, reply) && reply.answer.code == answer.code);
    if (!good) return 0;
    Question again;
    require(
        read_question(std::string_view(question_line(question)).substr(0, question_line(question).size() - 1), again, problem));
    require(again.command == question.command && again.with == question.with);
    const std::vector<Parameter> parameters{{"id", Parameter::Type::text, false, "", false},
                                            {"older", Parameter::Type::duration, false, "", false},
                                            {"limit", Parameter::Type::number, false, "", false},
                                            {"words", Parameter::Type::texts, false, "", false}};
    const Arguments with(std::move(question.with), parameters, problem);
    require(with.shown(parameters).find('\n') == std::string::npos);
    return 0;
}
