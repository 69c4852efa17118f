#include <gatehouse/plugin.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <string>

using namespace std::chrono_literals;

// A store that all clients share. A request is a line, and each has one answer, in the order of the requests:
//
//     set NAME VALUE   ->   ok
//     get NAME         ->   ok VALUE, or: error there is no NAME
//     quit             ->   ok, and the connection ends
//
// A client may send the next requests before it has the answers. One that has sent a part of a request holds no thread.
class Store {
  public:
    static constexpr std::string_view try_it = "nc {host} {port}   (set colour blue, get colour, quit)";

    struct Session {
        std::string request; // the part that has arrived so far
    };

    explicit Store(gatehouse::Init& init) : most_(init.config().size("most", 1000)) {}

    gatehouse::Next serve(gatehouse::Connection& conn, Session& session) {
        std::array<char, 4096> buffer;
        const auto text = conn.read(buffer);
        if (!text) return gatehouse::Next::close;
        std::string answers;
        for (const char c : *text) {
            if (c != '\n') {
                if (session.request.size() == longest) {
                    conn.set_error("a request is longer than 1024 bytes");
                    return gatehouse::Next::error;
                }
                session.request += c;
                continue;
            }
            if (session.request.ends_with('\r')) session.request.pop_back();
            if (session.request == "quit") {
                (void)conn.write(answers + "ok\n");
                return gatehouse::Next::close;
            }
            answers += answer_to(session.request) + "\n";
            session.request.clear();
        }
        // Whoever begins a request has ten seconds to end it.
        if (session.request.empty())
            conn.clear_deadline();
        else if (session.request.size() <= text->size())
            conn.set_deadline(10s);
        return answers.empty() || conn.write(answers) ? gatehouse::Next::park : gatehouse::Next::close;
    }

  private:
    static constexpr std::size_t longest = 1024; // clients are hostile: what grows has a limit

    // Takes the first word off.
    static std::string word(std::string_view& text) {
        const std::string first(text.substr(0, text.find(' ')));
        text.remove_prefix(std::min(text.size(), first.size() + 1));
        return first;
    }

    // Your protocol begins here.
    std::string answer_to(std::string_view request) {
        const std::string command = word(request), name = word(request);
        if (name.empty()) return "error expected: set NAME VALUE, get NAME or quit";
        const std::lock_guard lock(mutex_);
        const auto found = values_.find(name);
        if (command == "get") return found == values_.end() ? "error there is no " + name : "ok " + found->second;
        if (command != "set") return "error there is no command " + command;
        if (found == values_.end() && values_.size() >= most_) return "error the store is full";
        values_[name] = request;
        return "ok";
    }

    const std::uint64_t most_;
    std::mutex mutex_;                          // one object serves all connections, many at the same time
    std::map<std::string, std::string> values_; // guarded by mutex_
};
GATEHOUSE_PLUGIN(Store, "@NAME@", "0.1.0")
