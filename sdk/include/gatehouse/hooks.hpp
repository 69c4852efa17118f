// What a plugin's class has, and what the compiler says where something does not fit: a hook that nobody calls would be worse
// than an error. The first error of each mistake is one line that says what is expected; sdk/tests/mistakes has one of each.
#ifndef GATEHOUSE_HOOKS_HPP
#define GATEHOUSE_HOOKS_HPP

#include "connection.hpp"
#include "control.hpp"
#include "init.hpp"
#include "probe.hpp"
#include "schema.hpp"
#include "status.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace gatehouse::detail {

// Whether a class has a member of this name: of any kind, private ones and overloads too. Beside another member of the same
// name, looking for it is ambiguous.
#define GATEHOUSE_NAMES(member)                                                                                                \
    struct Another_##member {                                                                                                  \
        int member;                                                                                                            \
    };                                                                                                                         \
    template <class P>                                                                                                         \
    struct Both_##member : P, Another_##member {};                                                                             \
    template <class P>                                                                                                         \
    concept names_##member = !requires { &Both_##member<P>::member; };
GATEHOUSE_NAMES(serve)
GATEHOUSE_NAMES(start)
GATEHOUSE_NAMES(stop)
GATEHOUSE_NAMES(closed)
GATEHOUSE_NAMES(probe)
GATEHOUSE_NAMES(command)
GATEHOUSE_NAMES(commands)
GATEHOUSE_NAMES(keys)
GATEHOUSE_NAMES(server_first)
GATEHOUSE_NAMES(try_it)
GATEHOUSE_NAMES(Session)
#undef GATEHOUSE_NAMES

template <class P>
concept HasSession = requires { typename P::Session; };

template <class P>
struct SessionOf {
    struct type {};
};
template <HasSession P>
struct SessionOf<P> {
    using type = typename P::Session;
};

template <class P>
concept HasCommands = requires {
    { *std::data(P::commands) } -> std::convertible_to<const Command&>;
    std::size(P::commands);
};

template <class P>
concept HasKeys = requires {
    { *std::data(P::keys) } -> std::convertible_to<const Key&>;
    std::size(P::keys);
};

// The keys of a plugin's configuration; none if it has none, or does not say.
template <class P>
constexpr std::span<const Key> keys_of() noexcept {
    if constexpr (HasKeys<P>) return P::keys;
    return {};
}

// Whether the wrapper knows all keys: a constructor that takes nothing reads none.
template <class P>
concept SaysItsKeys = HasKeys<P> || !std::constructible_from<P, Init&>;

template <class P>
concept ProbesBytes = requires(P& plugin, std::span<const std::byte> bytes) {
    { plugin.probe(bytes) } -> std::same_as<gatehouse_match>;
};
template <class P>
concept ProbesFacts = requires(P& plugin, const Probe& probe) {
    { plugin.probe(probe) } -> std::same_as<gatehouse_match>;
};

template <class T>
concept ServesWith = std::same_as<T, Next> || std::same_as<T, void>;

template <class P>
concept ServesSession = requires(P& plugin, Connection& conn, typename SessionOf<P>::type& session) {
    { plugin.serve(conn, session) } -> ServesWith;
};
template <class P>
concept ServesConnection = requires(P& plugin, Connection& conn) {
    { plugin.serve(conn) } -> ServesWith;
};

template <class T>
struct TaskOf {
    static constexpr bool is_task = false;
};
template <class T>
struct TaskOf<Task<T>> {
    static constexpr bool is_task = std::is_void_v<T> || std::same_as<T, Next>;
    using type = T;
};
template <class P>
concept ServesTask = requires(P& plugin, Stream& client) { requires TaskOf<decltype(plugin.serve(client))>::is_task; };

// What runs the Task of a connection.
template <class P>
struct RunOf {
    using type = void;
};
template <ServesTask P>
struct RunOf<P> {
    using type = TaskRun<typename TaskOf<decltype(std::declval<P&>().serve(std::declval<Stream&>()))>::type>;
};

template <class P>
concept ClosesSession = requires(P& plugin, typename SessionOf<P>::type& session, std::string_view reason) {
    { plugin.closed(session, reason) } -> std::same_as<void>;
};
template <class P>
concept ClosesId = requires(P& plugin, std::uint64_t id, std::string_view reason) {
    { plugin.closed(id, reason) } -> std::same_as<void>;
};
template <class P>
concept ClosesConnection = requires(P& plugin, std::string_view reason) {
    { plugin.closed(reason) } -> std::same_as<void>;
};

template <class P>
concept Starts = requires(P& plugin) {
    { plugin.start() } -> std::same_as<void>;
};
template <class P>
concept Stops = requires(P& plugin) {
    { plugin.stop() } -> std::same_as<void>;
};
template <class P>
concept TakesCommands = requires(P& plugin, std::span<const std::string_view> words, Answer& answer) {
    { plugin.command(words, answer) } -> std::same_as<void>;
};

// Hooks by other names: only what would fit is taken for one.
template <class P>
concept ClosesByAnotherName = requires(P& plugin, typename SessionOf<P>::type& session, std::string_view reason) {
    requires requires { plugin.close(session, reason); } || requires { plugin.on_close(session, reason); } || requires {
        plugin.on_closed(session, reason);
    } || requires { plugin.on_close(reason); } || requires { plugin.on_closed(reason); };
};
template <class P>
concept ProbesByAnotherName = requires(P& plugin, std::span<const std::byte> bytes) {
    { plugin.detect(bytes) } -> std::same_as<gatehouse_match>;
};
template <class P>
concept HasSessionByAnotherName = requires(P& plugin, Connection& conn) {
    typename P::session;
    requires requires(typename P::session& session) { plugin.serve(conn, session); };
} || requires(P& plugin, Connection& conn) {
    typename P::State;
    requires requires(typename P::State& state) { plugin.serve(conn, state); };
};

template <class P>
constexpr bool is_class() {
    static_assert(std::is_class_v<P>, "gatehouse: a plugin is a class");
    static_assert(!std::is_final_v<P>, "gatehouse: a plugin's class must not be final");
    static_assert(!std::is_abstract_v<P>, "gatehouse: a plugin's class must not be abstract");
    static_assert(std::destructible<P>, "gatehouse: a plugin's destructor is public, and noexcept");
    static_assert(std::constructible_from<P, Init&> || std::default_initializable<P>,
                  "gatehouse: a plugin's constructor is public and takes (gatehouse::Init&), or nothing");
    return true;
}

template <class P>
constexpr bool serves() {
    static_assert(names_serve<P>, "gatehouse: the plugin has no serve(). It takes (gatehouse::Connection&[, Session&]) and "
                                  "returns gatehouse::Next or void, or takes (gatehouse::Stream&) and returns "
                                  "gatehouse::Task<>");
    if constexpr (ServesTask<P>) {
        static_assert(!names_Session<P>, "gatehouse: a Task keeps its state in local variables: the plugin has no Session");
    } else if constexpr (names_Session<P>) {
        static_assert(HasSession<P>, "gatehouse: Session is a public struct or class of the plugin");
        static_assert(std::constructible_from<typename SessionOf<P>::type, P&> ||
                          std::default_initializable<typename SessionOf<P>::type>,
                      "gatehouse: a Session's constructor is public and takes the plugin, or nothing");
        static_assert(ServesSession<P>,
                      "gatehouse: beside a Session, serve() is public, takes (gatehouse::Connection&, Session&) "
                      "and returns gatehouse::Next or void");
    } else {
        static_assert(!HasSessionByAnotherName<P>, "gatehouse: the struct that serve() takes is called Session");
        static_assert(ServesConnection<P>, "gatehouse: serve() is public, takes (gatehouse::Connection&) and returns "
                                           "gatehouse::Next or void, or takes (gatehouse::Stream&) and returns "
                                           "gatehouse::Task<>; for (gatehouse::Connection&, Session&) the plugin has a "
                                           "struct Session");
    }
    return true;
}

template <class P>
constexpr void has_keys_that_fit() {
    constexpr std::span<const Key> keys = keys_of<P>();
    static_assert(each_key(keys, is_named), "gatehouse: a key's name has 1 to 64 lower-case letters, digits, '-' and '_'");
    static_assert(are_named_apart(keys), "gatehouse: two keys of a table have the same name");
    static_assert(each_key(keys, is_explained), "gatehouse: a key has a meaning, one line of up to 1000 bytes");
    static_assert(each_key(keys, has_its_range),
                  "gatehouse: integers, durations and sizes may have a range, from less to more; other keys have none");
    static_assert(each_key(keys, has_its_words), "gatehouse: strings may have words, the only values; other keys have none");
    static_assert(each_key(keys, has_its_default),
                  "gatehouse: a key's fallback is of its type, in its range and one of its words, and stands beside neither "
                  "required(), list() nor without()");
}

template <class P>
constexpr bool has_hooks_that_fit() {
    static_assert(!names_start<P> || Starts<P>,
                  "gatehouse: start() is public, takes nothing and returns void; it throws to fail");
    static_assert(!names_stop<P> || Stops<P>, "gatehouse: stop() is public, takes nothing and returns void");
    if constexpr (names_closed<P> && HasSession<P>)
        static_assert(ClosesSession<P>,
                      "gatehouse: beside a Session, closed() is public, takes (Session&, std::string_view) and "
                      "returns void");
    else
        static_assert(
            !names_closed<P> || ClosesId<P> || ClosesConnection<P>,
            "gatehouse: closed() is public, takes (std::string_view) or (std::uint64_t, std::string_view) and returns "
            "void");
    static_assert(!names_probe<P> || ProbesBytes<P> || ProbesFacts<P>,
                  "gatehouse: probe() is public, takes (std::span<const std::byte>) or (const gatehouse::Probe&) and returns "
                  "gatehouse_match");
    static_assert(!names_commands<P> || HasCommands<P>,
                  "gatehouse: commands is a public static constexpr array of gatehouse::Command");
    static_assert(
        !names_command<P> || TakesCommands<P>,
        "gatehouse: command() is public, takes (std::span<const std::string_view>, gatehouse::Answer&) and returns void");
    static_assert(names_commands<P> == names_command<P>,
                  "gatehouse: commands, the list, and command(), which runs them, belong together");
    static_assert(!names_keys<P> || HasKeys<P>, "gatehouse: keys is a public static constexpr array of gatehouse::Key");
    static_assert(!names_keys<P> || std::constructible_from<P, Init&>,
                  "gatehouse: who has keys has a constructor that reads them, from (gatehouse::Init&)");
    if constexpr (HasKeys<P>) has_keys_that_fit<P>();
    static_assert(
        !names_server_first<P> || requires { requires std::same_as<decltype(P::server_first), const bool>; },
        "gatehouse: server_first is a public static constexpr bool");
    static_assert(
        !names_try_it<P> || requires { std::string_view(P::try_it); },
        "gatehouse: try_it is a public static constexpr std::string_view");
    static_assert(names_closed<P> || !ClosesByAnotherName<P>,
                  "gatehouse: the hook for the end of a connection is called closed()");
    static_assert(
        names_start<P> || !requires(P& plugin) { plugin.on_start(); }, "gatehouse: the hook for the start is called start()");
    static_assert(
        names_stop<P> || !requires(P& plugin) { plugin.on_stop(); }, "gatehouse: the hook for the drain is called stop()");
    static_assert(names_probe<P> || !ProbesByAnotherName<P>, "gatehouse: the hook for the first bytes is called probe()");
    return true;
}

// Whether P can be a plugin. If not, this does not compile.
template <class P>
constexpr bool fits() {
    if constexpr (is_class<P>() && serves<P>()) return has_hooks_that_fit<P>();
    return false;
}

constexpr bool is_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= 64 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string_view::npos;
}

} // namespace gatehouse::detail

#endif
