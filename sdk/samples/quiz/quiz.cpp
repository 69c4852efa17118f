#include <gatehouse/plugin.hpp>

#include <array>
#include <string>

using namespace std::chrono_literals;

// Asks a question and waits for the line that answers it.
struct Quiz {
    static constexpr bool server_first = true;

    void serve(gatehouse::Connection& conn) {
        if (!conn.write("What is six times seven? ")) return;
        conn.set_deadline(20s); // for the whole answer, however slowly it arrives
        std::string answer;
        std::array<char, 64> buffer;
        while (answer.find('\n') == answer.npos && answer.size() < 100) {
            auto text = conn.read(buffer);
            if (text.status() == gatehouse::Status::timer) (void)conn.write("\nToo late.\n");
            if (text.status() == gatehouse::Status::stopping) (void)conn.write("\nWe are closing. Come back soon.\n");
            if (!text) return;
            answer += *text;
        }
        (void)conn.write(answer.starts_with("42") ? "Right.\n" : "No, 42.\n");
    }
};
GATEHOUSE_PLUGIN(Quiz, "quiz", "1.0.0")
