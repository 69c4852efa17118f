// The C++20 way to write a Gatehouse plugin: a class with a serve() function, and one line that names it.
//
//     struct Echo {
//         gatehouse::Next serve(gatehouse::Connection& conn) {
//             std::array<std::byte, 16384> buffer;
//             auto chunk = conn.read(buffer);
//             if (!chunk || !conn.write(*chunk)) return gatehouse::Next::close;
//             return gatehouse::Next::park;
//         }
//     };
//     GATEHOUSE_PLUGIN(Echo, "echo", "1.0.0")
//
// What the class may have besides serve():
//
//     explicit Echo(gatehouse::Init&)           reads its configuration; throws to refuse the instance
//     struct Session { ... };                   the state of one connection: made before its first serve(conn, session) (from
//                                               the plugin, if its constructor takes one), destroyed at the connection's end
//     void start()                              the instance is going to be used: starts threads, checks and watches, opens
//                                               files; throws to end the host's start. A constructor does none of that
//     void stop()                               the drain begins
//     void closed(Session&, std::string_view)   the connection has ended, and why; without Session: closed(std::string_view),
//                                               or closed(std::uint64_t id, std::string_view)
//     gatehouse_match probe(std::span<const std::byte>)   does a client of this protocol begin like this? Or
//     gatehouse_match probe(const gatehouse::Probe&)      for those who want to know more; see probe.hpp
//     static constexpr bool server_first = true;          the host calls serve() before the client has sent anything
//     static constexpr std::string_view try_it = "nc {host} {port}";
//     static constexpr gatehouse::Key keys[] = {...}      what the constructor reads: types, defaults, ranges and meanings of
//                                               the keys, which the host checks and shows; see schema.hpp
//     static constexpr gatehouse::Command commands[] = {...}          commands for the operator, and the function that runs
//     them: void command(std::span<const std::string_view> words, gatehouse::Answer&)      see control.hpp
//
// A member that does not fit, is private or has another name is an error, in words; see hooks.hpp.
//
// With <gatehouse/task.hpp> serve() may be a coroutine, which reads like a dialogue and holds no thread while it waits.
// serve() may return void: a plain dialogue that owns its thread until it returns; the host then closes the connection.
// Several threads call serve() at a time, for different connections: members that they share need a lock.
// An exception ends the connection that threw it (reason plugin_exception) and nothing else.
#ifndef GATEHOUSE_PLUGIN_HPP
#define GATEHOUSE_PLUGIN_HPP

#include "adapter.hpp"
#include "background.hpp"
#include "config.hpp"
#include "connection.hpp"
#include "control.hpp"
#include "init.hpp"
#include "metrics.hpp"
#include "probe.hpp"
#include "schema.hpp"
#include "status.hpp"

// Defines the one symbol that the host looks for. `name` and `version` are string literals.
#define GATEHOUSE_PLUGIN(Class, name, version)                                                                                 \
    static_assert(::gatehouse::detail::is_name(name),                                                                          \
                  "gatehouse: a plugin's name has 1 to 64 lower-case letters, digits, '-' and '_'");                           \
    static_assert(!::std::string_view(version).empty(), "gatehouse: a plugin has a version");                                  \
    extern "C" GATEHOUSE_EXPORT const gatehouse_plugin* GATEHOUSE_ENTRY() noexcept {                                           \
        static constexpr gatehouse_plugin table = ::gatehouse::detail::Adapter<Class>::table(name, version);                   \
        return &table;                                                                                                         \
    }

#endif
