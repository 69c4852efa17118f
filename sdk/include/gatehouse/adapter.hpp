// How a C++ class becomes a table of hooks; <gatehouse/plugin.hpp> says what the class may have.
#ifndef GATEHOUSE_ADAPTER_HPP
#define GATEHOUSE_ADAPTER_HPP

#include "connection.hpp"
#include "control.hpp"
#include "gatehouse.h"
#include "hooks.hpp"
#include "init.hpp"
#include "probe.hpp"
#include "schema.hpp"
#include "status.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace gatehouse::detail {

// Turns a C++ class into the hooks of gatehouse_plugin. Every hook catches all exceptions.
template <class P>
class Adapter {
    using Session = typename SessionOf<P>::type;
    using Run = typename RunOf<P>::type;

    struct Instance {
        Host host;
        P plugin;

        template <class... Arguments>
        explicit Instance(const Host& table, Arguments&... arguments) : host(table), plugin(arguments...) {}
    };

    // Runs a hook that can report a failure; false: an exception has left it, and the host knows which.
    static bool succeeds(const Host& host, gatehouse_conn* conn, const char* something_thrown, auto&& call) noexcept {
        try {
            call();
            return true;
        } catch (const std::exception& error) {
            host.table->set_error(host.instance, conn, str(error.what()));
            return false;
        } catch (...) { // not a std::exception: there is no text of its own
        }
        host.table->set_error(host.instance, conn, str(something_thrown));
        return false;
    }

    static gatehouse_status create(const gatehouse_host* table, gatehouse_instance* me, const gatehouse_config* config,
                                   void** self) noexcept {
        const Host host(table, me);
        const bool created = succeeds(host, nullptr, "the constructor threw something that is not a std::exception", [&] {
            if constexpr (std::constructible_from<P, Init&>) {
                Init init(host, config, keys_of<P>());
                *self = new Instance(host, init);
            } else {
                *self = new Instance(host);
            }
        });
        return created ? GATEHOUSE_OK : GATEHOUSE_FAILED;
    }

    static gatehouse_next serve_instance(Instance& instance, Connection& conn) {
        if constexpr (ServesTask<P>) {
            auto* run = static_cast<Run*>(conn.state());
            if (run == nullptr) {
                run = new Run(&instance.host, conn.handle());
                conn.set_state(run);
            }
            return static_cast<gatehouse_next>(run->serve(instance.plugin));
        } else {
            return serve_plainly(instance, conn);
        }
    }

    static gatehouse_next serve_plainly(Instance& instance, Connection& conn) {
        auto next_of = [](auto&& call) -> gatehouse_next {
            if constexpr (std::is_void_v<decltype(call())>) {
                call();
                return GATEHOUSE_NEXT_CLOSE;
            } else {
                return static_cast<gatehouse_next>(call());
            }
        };
        if constexpr (HasSession<P>) {
            auto* session = static_cast<Session*>(conn.state());
            if (session == nullptr) {
                if constexpr (std::constructible_from<Session, P&>)
                    session = new Session(instance.plugin);
                else
                    session = new Session();
                conn.set_state(session);
            }
            return next_of([&] { return instance.plugin.serve(conn, *session); });
        } else {
            return next_of([&] { return instance.plugin.serve(conn); });
        }
    }

    static gatehouse_next serve(void* self, gatehouse_conn* handle) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        Connection conn(&instance.host, handle);
        gatehouse_next next = GATEHOUSE_NEXT_EXCEPTION;
        succeeds(instance.host, handle, "serve() threw something that is not a std::exception",
                 [&] { next = serve_instance(instance, conn); });
        return next;
    }

    static void closed(void* self, [[maybe_unused]] std::uint64_t id, void* state, gatehouse_str reason) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        if constexpr (ServesTask<P>) delete static_cast<Run*>(state); // the frame, and what is in it
        const std::unique_ptr<Session> session(static_cast<Session*>(HasSession<P> ? state : nullptr));
        guard(instance, "closed() threw", [&] {
            if constexpr (ClosesSession<P>) {
                if (session) instance.plugin.closed(*session, view(reason));
            } else if constexpr (ClosesId<P>) {
                instance.plugin.closed(id, view(reason));
            } else if constexpr (ClosesConnection<P>) {
                instance.plugin.closed(view(reason));
            }
        });
    }

    static gatehouse_status start(void* self) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        const bool started = succeeds(instance.host, nullptr, "start() threw something that is not a std::exception",
                                      [&] { instance.plugin.start(); });
        return started ? GATEHOUSE_OK : GATEHOUSE_FAILED;
    }

    static void stop(void* self) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        guard(instance, "stop() threw", [&] {
            if constexpr (Stops<P>) instance.plugin.stop();
        });
    }

    static gatehouse_match probe(void* self, const gatehouse_probe* asked, std::size_t* needed) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        gatehouse_match match = GATEHOUSE_MATCH_NO;
        guard(instance, "probe() threw", [&] {
            const Probe probe(*asked, *needed);
            if constexpr (ProbesFacts<P>)
                match = instance.plugin.probe(probe);
            else if constexpr (ProbesBytes<P>)
                match = instance.plugin.probe(probe.bytes());
        });
        return match;
    }

    static void destroy(void* self) noexcept { delete static_cast<Instance*>(self); }

    static const void* get_extension(void* /*self*/, [[maybe_unused]] gatehouse_str id) noexcept {
        if constexpr (HasCommands<P>) {
            static constexpr gatehouse_control_v2 control{
                sizeof(gatehouse_control_v2), 0, std::data(P::commands), std::size(P::commands), sizeof(Command), run_command};
            if (view(id) == GATEHOUSE_EXT_CONTROL) return &control;
        }
        if constexpr (SaysItsKeys<P>) { // of the library: `self` may be null
            static constexpr gatehouse_schema_v1 schema{sizeof(gatehouse_schema_v1), 0, keys_of<P>().data(),
                                                        keys_of<P>().size(), sizeof(Key)};
            if (view(id) == GATEHOUSE_EXT_SCHEMA) return &schema;
        }
        return nullptr;
    }

    static gatehouse_status run_command(void* self, const gatehouse_str* words, std::size_t count,
                                        const gatehouse_answer* sink) noexcept {
        auto& instance = *static_cast<Instance*>(self);
        Answer answer(*sink);
        const bool done = succeeds(instance.host, nullptr, "command() threw something that is not a std::exception", [&] {
            std::vector<std::string_view> list;
            list.reserve(count);
            for (std::size_t i = 0; i < count; ++i) list.push_back(view(words[i]));
            instance.plugin.command(std::span<const std::string_view>(list), answer);
        });
        if (answer.is_later()) return GATEHOUSE_AGAIN; // whoever has it ends it, also after an exception
        return done ? GATEHOUSE_OK : GATEHOUSE_FAILED;
    }

    // Logs an exception, for hooks that cannot report a failure.
    static void guard(Instance& instance, std::string_view what, auto&& call) noexcept {
        try {
            call();
            return;
        } catch (const std::exception& error) {
            try {
                const std::string text = std::string(what) + ": " + error.what();
                return instance.host.log(nullptr, GATEHOUSE_LEVEL_ERROR, text);
            } catch (...) { // no memory for the text: the short form follows
            }
        } catch (...) { // not a std::exception: there is no text to add
        }
        instance.host.log(nullptr, GATEHOUSE_LEVEL_ERROR, what);
    }

  public:
    static constexpr gatehouse_plugin table(std::string_view name, std::string_view version) noexcept {
        static_assert(fits<P>());
        gatehouse_plugin plugin{};
        plugin.size = sizeof plugin;
        plugin.abi_major = GATEHOUSE_ABI_MAJOR;
        plugin.needs_minor = GATEHOUSE_NEEDS_MINOR;
        if constexpr (requires { P::server_first; }) plugin.flags = P::server_first ? GATEHOUSE_SERVER_FIRST : 0;
        plugin.name = {name.data(), name.size()};
        plugin.version = {version.data(), version.size()};
        if constexpr (requires { P::try_it; }) plugin.try_it = str(P::try_it);
        plugin.create = create;
        if constexpr (Starts<P>) plugin.start = start;
        plugin.serve = serve;
        plugin.closed = closed;
        plugin.stop = stop;
        plugin.destroy = destroy;
        if constexpr (ProbesBytes<P> || ProbesFacts<P>) plugin.probe = probe;
        if constexpr (HasCommands<P> || SaysItsKeys<P>) plugin.get_extension = get_extension;
        return plugin;
    }
};

} // namespace gatehouse::detail

#endif
