// The keys of the plugin's configuration, with their ranges and defaults: those of settings.hpp and health.hpp.
#pragma once

#include "settings.hpp"

#include <gatehouse/schema.hpp>

#include <chrono>

namespace gateway {

using gatehouse::Key;
using gatehouse::Word;
using namespace std::chrono_literals;

constexpr Word balance_words[] = {"round_robin", "least_connections", "source", "random"}; // in the order of Method
constexpr Word from_words[] = {"route", "sni"};
constexpr Word close_words[] = {"reset", "fin"};
constexpr Word start_words[] = {"up", "down"};
constexpr Word on_down_words[] = {"keep", "cut"};
constexpr Word on_up_words[] = {"keep", "cut_backups"};
constexpr Word proxy_words[] = {"v1", "v2"};
constexpr Word tlv_words[] = {"unique_id", "crc32c", "tls", "alpn", "authority"};

constexpr Key server_keys[] = {
    Key::address("address",
                 "`\"10.0.0.1:5432\"`, `\"[2001:db8::1]:5432\"`, `\"unix:/path\"`; `\"name:port\"`: all its addresses; "
                 "`\"srv:_service._tcp.name\"`: its SRV records")
        .required(),
    Key::string("name",
                "its name in the log and in commands. A server behind a name is called `NAME/ADDRESS`, or by its address")
        .without("the address"),
    Key::integer("weight",
                 "its share of the clients; 0: it gets none, until a command gives it another weight. SRV records have "
                 "weights of their own, which this multiplies")
        .range(0, most_weight)
        .fallback(1),
    Key::boolean("backup", "it gets clients only when no other server is available").fallback(false),
    Key::integer("max_connections", "connections to it at a time (to each server behind a name); 0: no limit")
        .range(0, most_connections)
        .fallback(0),
    Key::integer("max_per_source",
                 "the same of one client's IP address, or IPv6 /64. A client beyond it gets another server, and is "
                 "refused if there is none. Clients on unix sockets count as one; 0: no limit")
        .range(0, most_connections)
        .fallback(0)};

constexpr Key queue_keys[] = {
    Key::integer("size", "how many clients may wait; 0: none").range(0, 1'000'000).fallback(QueueRules{}.size),
    Key::duration("timeout", "how long a client may wait").range(1ms, 24h).fallback(QueueRules{}.timeout)};

constexpr Key step_keys[] = {
    Key::string("send", "a text, up to 32 KiB"), Key::string("send_hex", "the same in bytes: `\"d2 00 0a\"`"),
    Key::string("expect", "how the answer has to begin, up to 32 KiB"), Key::string("expect_hex", "the same in bytes"),
    Key::string("contains", "a text that has to come somewhere in the answer, after `expect`")};

constexpr Key health_keys[] = {
    Key::duration("interval", "from the end of one check to the next").range(10ms, 24h).fallback(CheckTimes{}.interval),
    Key::duration("jitter", "each wait is longer or shorter by a random part of this; at most the interval")
        .range(0ms, 24h)
        .fallback(CheckTimes{}.jitter),
    Key::duration("timeout", "for one check").range(1ms, 24h).fallback(CheckTimes{}.timeout),
    Key::integer("rise", "how many good checks in a row bring a server back").range(1, 1000).fallback(HealthRules{}.rise),
    Key::integer("fall", "how many bad ones take it out").range(1, 1000).fallback(HealthRules{}.fall),
    Key::string("start",
                "whether a server gets clients before its first check. With `\"down\"` that check alone decides: while "
                "the gateway starts, clients wait for it in the queue")
        .one_of(start_words)
        .fallback("up"),
    Key::string("send", "a text to send, up to 32 KiB"),
    Key::string("send_hex", "the same in bytes: `\"d2 00 0a\"`"),
    Key::string("expect", "how the answer has to begin, up to 32 KiB; alone it waits for a greeting"),
    Key::string("expect_hex", "the same in bytes"),
    Key::string("contains",
                "a text that has to come somewhere in the answer, after `expect`. A server that neither sends it nor "
                "ends the answer is bad when `timeout` is over"),
    Key::table("steps", "several of these, one after the other: see below", step_keys).list(),
    Key::string("http",
                "a path: the check sends a `GET` for it and judges the status. Interim answers (`100`, `103`) are passed over"),
    Key::string("http_status", "which statuses are good: `\"200\"`, `\"200,204,301-308\"`").without("`\"200-399\"`"),
    Key::string("http_host",
                "the `Host` field. The default is as configured: `web.example:80` for `\"web.example:80\"`, also if the "
                "check asks one of its addresses")
        .without("the server's name"),
    Key::string("address",
                "another address for the checks of all servers, such as an agent's: `\"10.0.0.9\"`, `\"[2001:db8::9]\"` "
                "or `\"unix:/path\"`. It gets no PROXY header, and TLS only with `tls = true`")
        .without("the server's"),
    Key::integer("port", "another port, for a service that only answers checks, as above")
        .range(1, 65535)
        .without("the server's"),
    Key::boolean("tls", "whether checks speak TLS, as the pool's `tls` says: they verify the server as a connection does")
        .without("as `tls` of the pool"),
    Key::string("close",
                "with `\"fin\"` the check ends its connection in order and waits for the server to do so too, for servers that "
                "log or count resets. The host's port then stays in use for a minute (TIME_WAIT)")
        .one_of(close_words)
        .fallback("reset")};

constexpr Key ejection_keys[] = {
    Key::integer("failures", "after how many failed connections in a row the gateway leaves the server out; 0: never")
        .range(0, 1000)
        .fallback(HealthRules{}.failures),
    Key::duration("backoff", "for how long; then one connection tries it. Twice as long each time that this one fails")
        .range(1ms, 24h)
        .fallback(HealthRules{}.backoff),
    Key::duration("max_backoff", "the longest back-off").range(1ms, 24h).fallback(HealthRules{}.max_backoff)};

constexpr Key pool_keys[] = {Key::string("name", "as the map has it: `pool=NAME`").required(),
                             Key::table("servers", "its servers, as above", server_keys).list().without("required")};

constexpr Key all_keys[] = {
    Key::address("upstream", "the short form: one address").without("required, or `servers`, or `upstream_from`"),
    Key::table("servers", "an array of servers, see below", server_keys).list().without("required, or `upstream`"),
    Key::string("upstream_from",
                "the server's address comes with each client, see below: from the map of its `\"route\"`, or from the name "
                "that it asks for (`\"sni\"`)")
        .one_of(from_words),
    Key::integer("port", "of the servers that `\"sni\"` names").range(1, 65535).without("required with `\"sni\"`"),
    Key::string(
        "allow_upstreams",
        "the networks in which the servers have to be: `[\"10.8.0.0/16\"]`. A client that is to go elsewhere is refused")
        .list()
        .without("required with `\"sni\"`"),
    Key::integer("max_pools",
                 "pools at a time, one for each address; a new one takes the place of the one that has been idle longest")
        .range(1, 1'000'000)
        .fallback(10'000),
    Key::duration("idle_pool", "a pool without a client for so long goes").range(1s, 24h).fallback(10min),
    Key::table("pools", "pools of several servers, for `pool=NAME` in the map", pool_keys).list(),
    Key::string("balance", "which server a client gets: see below").one_of(balance_words).fallback("round_robin"),
    Key::integer("retries", "how many other servers the gateway tries if it cannot connect to one").range(0, 100).fallback(3),
    Key::duration("connect_timeout", "how long connecting to one server may take, TLS included").range(1ms, 24h).fallback(5s),
    Key::duration("idle_timeout", "the host ends a relay in which nothing moves for so long; 0: the listener's `idle_timeout`")
        .range(0ms, 24h)
        .fallback(0ms),
    Key::table("queue", "how clients wait when all servers are full", queue_keys).without("`{}`"),
    Key::table("health", "active checks; `{}` has them with their defaults", health_keys).without("no checks"),
    Key::table("ejection", "when to leave out a server to which connections fail", ejection_keys).without("`{}`"),
    Key::string("on_down",
                "what becomes of the connections of a server that its checks call down: `\"cut\"` ends them with a reset")
        .one_of(on_down_words)
        .fallback("keep"),
    Key::string("on_removed",
                "what becomes of the connections of a server whose address is gone from its name, or that the operator "
                "has removed: `\"keep\"`, `\"cut\"`, or how long they have: `\"10m\"`")
        .fallback("keep"),
    Key::string("on_up", "`\"cut_backups\"`: when a server is up again, the connections of its backups end with a reset")
        .one_of(on_up_words)
        .fallback("keep"),
    Key::integer("panic", "if less than this share of the servers is up, all of them count as good, see below; 0: never")
        .range(0, 100)
        .in("percent")
        .fallback(0),
    Key::duration("slow_start", "how long a server that has recovered takes to get its whole weight")
        .range(0ms, 24h)
        .fallback(HealthRules{}.slow_start),
    Key::tls_client("tls", "speak TLS to the servers, see below").fallback(false),
    Key::string("proxy_protocol", "tell the server who the client is").one_of(proxy_words),
    Key::string("proxy_tlvs", "what version 2 adds, see below").one_of(tlv_words).list()};

} // namespace gateway
