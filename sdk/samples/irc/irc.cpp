#include <gatehouse/plugin.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using gatehouse::Event;
using gatehouse::Next;
using gatehouse::Status;

// A chat in the manner of IRC (RFC 1459), in lines:
//
//     NICK name                what the others call this client
//     JOIN #channel            it hears what is said there, until it says
//     PART #channel
//     PRIVMSG target :text     to all others in a channel, or to the client with that name
//     PING word                is answered with PONG word
//     PONG, USER               need no answer
//     QUIT :text               the last words
//
// All connections are parked. Whoever speaks adds a line to what each of the others is to hear, under one lock, so all hear
// everything in the same order, and wakes them. The host sends it without a thread, one batch for each client at a time. A
// client that does not keep up holds up nobody: when too much waits for it, it is ended. One that says nothing is asked whether
// it is there.
class Irc {
  public:
    static constexpr std::string_view try_it = "nc -C {host} {port}   (NICK ann, JOIN #tea, PRIVMSG #tea :hello)";
    static constexpr gatehouse::Key keys[] = {
        // A batch and what waits behind it have to fit into what the host takes, which is 256 KiB.
        gatehouse::Key::bytes("queue", "how much may wait for a client that does not keep up")
            .range(1024, 128 << 10)
            .fallback(64 << 10),
        gatehouse::Key::duration("patience", "how long a client may say nothing before it is asked")
            .at_least(1ms)
            .fallback(2min),
    };

    struct Session {
        // For the thread that serves the client.
        std::string line;     // the part that has arrived so far
        bool sending = false; // the host has a batch that the client has not taken yet
        bool asked = false;   // whether it is there

        // For all threads; guarded by mutex_.
        std::uint64_t id = 0;
        std::string name; // empty: it has not said
        std::set<std::string, std::less<>> channels;
        std::string unheard;  // the lines of its next batch
        std::string farewell; // why it leaves, if the plugin knows better than the host
        bool leaves = false;  // it hears nothing more
    };

    explicit Irc(gatehouse::Init& init)
        : host_(init), queue_(init.config().size("queue")), patience_(init.config().duration("patience")) {}

    Next serve(gatehouse::Connection& conn, Session& me) {
        switch (conn.event()) {
        case Event::wake:
            return send(conn, me);
        case Event::sent:
            me.sending = false;
            return send(conn, me);
        case Event::timer:
            return ask(conn, me);
        case Event::stopping:
            return say_goodbye(conn, me, closing);
        case Event::timeout:
            return say_goodbye(conn, me, "timeout");
        default:
            return listen(conn, me);
        }
    }

    void closed(Session& me, std::string_view reason) {
        const std::lock_guard lock(mutex_);
        if (me.name.empty()) return;
        names_.erase(me.name);
        for (const std::string& channel : me.channels) leave(me, channel);
        if (host_.stopping()) return; // so do all others
        const std::string line = ":" + me.name + " QUIT :" + (me.farewell.empty() ? std::string(reason) : me.farewell);
        for (Session* other : neighbours(me)) tell(*other, line);
    }

  private:
    static constexpr std::string_view closing = "the server closes";

    // Clients are hostile: what grows has a limit.
    static constexpr std::size_t longest_line = 510, longest_name = 32, most_channels = 1000, most_channels_of_one = 20;

    Next listen(gatehouse::Connection& conn, Session& me) {
        std::array<char, 4096> buffer;
        const auto text = conn.read_now(buffer); // a thread that waited here would hear no wake-up
        if (text.status() == Status::again) return send(conn, me);
        if (text.status() == Status::stopping) return say_goodbye(conn, me, closing);
        if (!text) return Next::close;
        conn.set_deadline(patience_);
        me.asked = false;
        for (const char c : *text) {
            if (c == '\n') {
                if (!obey(conn.id(), me, me.line)) return say_goodbye(conn, me, "goodbye");
                me.line.clear();
            } else if (c == '\r' || c == '\0') { // which could end a line for others
                continue;
            } else if (me.line.size() == longest_line) {
                return say_goodbye(conn, me, "a line is too long");
            } else {
                me.line += c;
            }
        }
        return send(conn, me);
    }

    Next ask(gatehouse::Connection& conn, Session& me) {
        if (std::exchange(me.asked, true)) return say_goodbye(conn, me, "no answer");
        conn.set_deadline(patience_);
        {
            const std::lock_guard lock(mutex_);
            hear(me, "PING :are you there?");
        }
        return send(conn, me);
    }

    Next say_goodbye(gatehouse::Connection& conn, Session& me, std::string_view why) {
        {
            const std::lock_guard lock(mutex_);
            hear(me, "ERROR :" + std::string(why));
            if (me.farewell.empty()) me.farewell = why;
            me.leaves = true;
        }
        return send(conn, me, Next::close); // which the host does when the client has taken it
    }

    // Hands over what the client is to hear: at once if it leaves, and otherwise when it has taken what it was sent before.
    Next send(gatehouse::Connection& conn, Session& me, Next next = Next::park) {
        if (me.sending && next == Next::park) return next; // until Event::sent
        std::string batch;
        {
            const std::lock_guard lock(mutex_);
            batch.swap(me.unheard);
        }
        if (batch.empty()) return next;
        const auto left = conn.send(batch);
        if (!left) return Next::close;
        me.sending = *left > 0;
        return next;
    }

    // Does what a client says. False: it leaves.
    bool obey(std::uint64_t id, Session& me, std::string_view line) {
        const std::string_view command = take_word(line), target = take_word(line);
        const std::string_view text = line.starts_with(':') ? line.substr(1) : line;
        const std::lock_guard lock(mutex_);
        me.id = id;
        if (command == "QUIT") {
            me.farewell = std::string(target.substr(target.starts_with(':'))) + (text.empty() ? "" : " ") + std::string(text);
            return false;
        }
        if (command == "NICK")
            take_name(me, target);
        else if (command == "PING")
            hear(me, "PONG " + std::string(target));
        else if (command == "JOIN" || command == "PART" || command == "PRIVMSG")
            me.name.empty() ? refuse(me, "451", command, "say NICK first") : talk(me, command, target, text);
        else if (!command.empty() && command != "PONG" && command != "USER")
            refuse(me, "421", command, "unknown command");
        return true;
    }

    // What follows is called under the lock.

    void talk(Session& me, std::string_view command, std::string_view target, std::string_view text) {
        if (command == "JOIN") return join(me, target);
        if (command == "PART") return part(me, target);
        const std::string line = ":" + me.name + " PRIVMSG " + std::string(target) + " :" + std::string(text);
        if (const auto other = names_.find(target); other != names_.end()) return tell(*other->second, line);
        if (!target.starts_with('#')) return refuse(me, "401", target, "there is nobody with this name");
        if (!me.channels.contains(target)) return refuse(me, "404", target, "you are not there");
        for (Session* other : channels_.find(target)->second)
            if (other != &me) tell(*other, line);
    }

    void take_name(Session& me, std::string_view name) {
        if (!is_name(name)) return refuse(me, "432", name, "a name is 1 to 32 letters, digits, - and _");
        if (names_.contains(name)) return refuse(me, "433", name, "somebody has this name");
        const std::string line =
            me.name.empty() ? ":irc 001 " + std::string(name) + " :welcome" : ":" + me.name + " NICK " + std::string(name);
        std::string chosen(name);
        names_.emplace(chosen, &me);
        names_.erase(std::exchange(me.name, std::move(chosen)));
        hear(me, line);
        for (Session* other : neighbours(me)) tell(*other, line);
    }

    void join(Session& me, std::string_view channel) {
        if (!channel.starts_with('#') || !is_name(channel.substr(1))) return refuse(me, "403", channel, "no name of a channel");
        if (me.channels.contains(channel)) return;
        if (me.channels.size() == most_channels_of_one) return refuse(me, "405", channel, "you are in too many channels");
        if (!channels_.contains(channel) && channels_.size() == most_channels)
            return refuse(me, "437", channel, "there are too many channels");
        me.channels.emplace(channel);
        channels_[std::string(channel)].insert(&me);
        announce(me, channel, "JOIN");
    }

    void part(Session& me, std::string_view channel) {
        const auto entry = me.channels.find(channel);
        if (entry == me.channels.end()) return refuse(me, "442", channel, "you are not there");
        announce(me, channel, "PART");
        leave(me, *entry);
        me.channels.erase(entry);
    }

    // Tells all in the channel, with the client itself.
    void announce(Session& me, std::string_view channel, std::string_view what) {
        const std::string line = ":" + me.name + " " + std::string(what) + " " + std::string(channel);
        for (Session* member : channels_.find(channel)->second) member == &me ? hear(me, line) : tell(*member, line);
    }

    void leave(Session& me, const std::string& channel) {
        const auto entry = channels_.find(channel);
        if (entry == channels_.end()) return; // join() was out of memory
        entry->second.erase(&me);
        if (entry->second.empty()) channels_.erase(entry);
    }

    // All others who are in one of its channels.
    std::set<Session*> neighbours(Session& me) const {
        std::set<Session*> others;
        for (const std::string& channel : me.channels)
            if (const auto entry = channels_.find(channel); entry != channels_.end())
                others.insert(entry->second.begin(), entry->second.end());
        others.erase(&me);
        return others;
    }

    void refuse(Session& me, std::string_view number, std::string_view what, std::string_view why) {
        std::string line = ":irc ";
        line.append(number).append(" ").append(me.name.empty() ? "*" : me.name);
        hear(me, line.append(" ").append(what).append(" :").append(why));
    }

    // For a client that another thread may serve, or none. If something waits for it already, it is awake, or Event::sent
    // comes.
    void tell(Session& other, std::string_view line) {
        if (other.unheard.empty()) host_.wake(other.id);
        hear(other, line);
    }

    void hear(Session& client, std::string_view line) {
        if (client.leaves) return;
        if (client.unheard.size() + line.size() + 2 <= queue_) {
            client.unheard.append(line) += "\r\n";
            return;
        }
        client.leaves = true;
        client.farewell = "does not keep up";
        host_.log(GATEHOUSE_LEVEL_WARNING,
                  (client.name.empty() ? "a client" : client.name) + " does not keep up, and is ended");
        host_.end(client.id, gatehouse::How::reset); // what it has not read would hold up a close
    }

    static std::string_view take_word(std::string_view& line) {
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        const std::string_view word = line.substr(0, line.find(' '));
        line.remove_prefix(std::min(word.size() + 1, line.size()));
        return word;
    }

    static bool is_name(std::string_view text) {
        return !text.empty() && text.size() <= longest_name &&
               text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
                   std::string_view::npos;
    }

    const gatehouse::Init host_; // constant after construction, as are the next two
    const std::uint64_t queue_;
    const std::chrono::milliseconds patience_;
    std::mutex mutex_;
    std::map<std::string, Session*, std::less<>> names_;              // guarded by mutex_, as are the channels
    std::map<std::string, std::set<Session*>, std::less<>> channels_; // those with a member
};
GATEHOUSE_PLUGIN(Irc, "irc", "1.0.0")
