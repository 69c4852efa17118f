#!/usr/bin/env python3
"""Measures Gatehouse against what it is compared with, in interleaved rounds on this machine; docs/performance.md explains it.

Everything listens on 127.0.0.1, runs for a bounded time, and is stopped at the end, also on Ctrl-C.
"""

import argparse
import contextlib
import json
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import report
from loads import Held, Iperf3, RedisBenchmark, TlsDownload, TlsHandshakes, Wrk, answer_size, measure
from processes import BenchError, Disturbance
from report import Target
from servers import Server, Servers

PING = r"*1\r\n$4\r\nPING\r\n"
GET = r"GET /small.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass
class Subject:
    """One load on one group of servers."""
    name: str
    title: str
    group: str
    load: object
    targets: list[Target] = field(default_factory=list)


def nginx_target(factor):
    return [Target("cost", ["nginx"], factor)]


def echo_targets(factor):
    return [Target("cost", ["epoll", "epoll-batch"], factor), Target("cost", ["apache"], 0.5)]


def proxy_targets(haproxy, nginx):
    return [Target("cost", ["haproxy"], haproxy), Target("cost", ["nginx"], nginx)]


BULK = [Target("rate", ["haproxy", "haproxy-splice"], 1.3), Target("rate", ["nginx"], 1.3)]

SUBJECTS = [
    Subject("echo-50", "echo, 50 connections", "echo", RedisBenchmark(50), echo_targets(1.05)),
    Subject("echo-1000", "echo, 1,000 connections", "echo", RedisBenchmark(1000), echo_targets(1.05)),
    Subject("echo-new", "echo, 50 clients, a new connection for each request", "echo", RedisBenchmark(50, reconnect=True),
            echo_targets(1.10)),
    Subject("detect-new", "echo behind four routes, 50 clients, a new connection for each request", "detect",
            RedisBenchmark(50, reconnect=True), [Target("cost", ["no-routes"], 1.05)]),
    Subject("gateway-50", "gateway, 50 connections", "gateway", RedisBenchmark(50), proxy_targets(0.85, 0.85)),
    Subject("gateway-1000", "gateway, 1,000 connections", "gateway", RedisBenchmark(1000),
            proxy_targets(0.75, 0.75)),
    Subject("gateway-new", "gateway, 50 clients, a new connection for each request", "gateway",
            RedisBenchmark(50, reconnect=True), proxy_targets(0.90, 1.00)),
    Subject("bulk-1", "gateway, bulk data, 1 stream", "bulk", Iperf3(1), BULK),
    Subject("bulk-4", "gateway, bulk data, 4 streams", "bulk", Iperf3(4), BULK),
    Subject("http-50", "http, a file of 1 KB, 50 connections, no access logs", "http", Wrk(50), nginx_target(0.70)),
    Subject("http-1000", "http, a file of 1 KB, 1,000 connections, no access logs", "http", Wrk(1000), nginx_target(0.70)),
    Subject("http-new", "http, a file of 1 KB, a new connection for each request, no access logs", "http",
            Wrk(50, reconnect=True), nginx_target(0.95)),
    Subject("http-large", "http, a file of 1 MiB, 50 connections, no access logs", "http", Wrk(50, "/medium.bin"),
            nginx_target(0.95)),
    Subject("http-log-50", "http, a file of 1 KB, 50 connections, access logs on", "httplog", Wrk(50), nginx_target(0.75)),
    Subject("http-log-new", "http, a file of 1 KB, a new connection for each request, access logs on", "httplog",
            Wrk(50, reconnect=True), nginx_target(0.95)),
    Subject("http-gzip", "http, 20 KB of HTML, compressed for the client at level 5", "httpgzip",
            Wrk(50, "/page.html", gzip=True), nginx_target(1.0)),
    Subject("http-precompressed", "http, page.html.gz instead of page.html, beside a plain file of that size", "httppre",
            Wrk(50, "/page.html", gzip=True), [Target("cost", ["plain"], 1.05)]),
    Subject("https-50", "https, a file of 1 KB, 50 connections", "https", Wrk(50, scheme="https"), nginx_target(0.90)),
    Subject("tls-new", "TLS 1.3, full handshakes (P-256)", "tls", TlsHandshakes(resumed=False),
            [Target("cost", ["s_server"], 1 / 0.95), Target("cost", ["haproxy"], 1.0), Target("cost", ["nginx"], 1.0)]),
    Subject("tls-resumed", "TLS 1.3, resumed handshakes", "tls", TlsHandshakes(resumed=True),
            [Target("cost", ["haproxy"], 1.0), Target("cost", ["nginx"], 1.0)]),
    Subject("tls-file", "https, a file of 1 GB", "tlsfile", TlsDownload("/large.bin"), [Target("rate", ["nginx"], 1.0)]),
    Subject("tls-relay", "TLS relayed to a plain upstream, a file of 1 GB", "tlsrelay", TlsDownload("/large.bin"),
            [Target("rate", ["haproxy"], 1.0), Target("rate", ["nginx"], 1.0)]),
]


def start_group(group, servers):
    """Starts the servers of a group, in the order of measurement, and returns those that are installed."""
    if group == "echo":
        found = [servers.gatehouse_echo(), servers.epoll("epoll"), servers.epoll("epoll-batch", "-b"), servers.apache()]
    elif group == "detect":
        found = [servers.gatehouse_routes(), servers.gatehouse("no-routes", "echo")]
    elif group == "tls":
        found = [servers.gatehouse_https(), servers.s_server(), servers.haproxy_tls(), servers.nginx_https()]
    elif group == "tlsfile":
        found = [servers.gatehouse_https(), servers.nginx_https()]
    elif group == "tlsrelay":
        upstream = servers.nginx_http() or servers.gatehouse_http()
        address = f"127.0.0.1:{upstream.port}"
        found = [servers.gatehouse_tls_gateway(address), servers.haproxy_tls(address), servers.nginx_stream_tls(address)]
    elif group == "http":
        found = [servers.gatehouse_http(access_log=False), servers.nginx_http()]
    elif group == "httplog":
        found = [servers.gatehouse_http(), servers.nginx_http(access_log=True)]
    elif group == "httpgzip":
        found = [servers.gatehouse_http("compress = { level = 5 }"), servers.nginx_http("gzip on; gzip_comp_level 5;")]
    elif group == "httppre":
        found = [servers.gatehouse_http("precompressed = true"),
                 servers.gatehouse_http(name="plain", folder="compressed")]
    elif group == "https":
        found = [servers.gatehouse_https(), servers.nginx_https()]
    else:
        upstream = servers.iperf3() if group == "bulk" else servers.epoll("upstream", "-b")

        def at(host):
            # An address of its own for each proxy: one proxy's closed connections must not use up the ports of the next.
            return f"127.0.0.{host}:{upstream.port}"
        found = [servers.gatehouse_gateway(at(11)), servers.haproxy(at(12)), servers.nginx_stream(at(13))]
        if group == "bulk":
            found += [servers.haproxy(at(14), splice=True), Server("direct", upstream.port, None)]
    return [server for server in found if server]


def progress(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def measure_rounds(subject, running, rounds, seconds):
    """Interleaved rounds: every server once per round, so that what disturbs the machine disturbs all alike."""
    rates = {server.name: measure(subject.load, server, seconds / 4).rate for server in running}  # also warms up
    samples = {server.name: [] for server in running}
    for number in range(1, rounds + 1):
        for server in running:
            sample = measure(subject.load, server, seconds, rates[server.name])
            samples[server.name].append(sample)
            cost = "" if sample.cost is None else f", {sample.cost:.1f} {subject.load.cost_unit}"
            progress(f"{subject.name} {number}/{rounds} {server.name}: {sample.rate:.6g} {subject.load.rate_unit}{cost}")
    return samples


@dataclass
class Idle:
    """A server that holds idle connections."""
    name: str
    start: Callable[[], Server | None]
    request: str = PING
    connections: int = 0
    kb_limit: float | None = None
    must_rest: bool = False


def idle_subjects(servers, upstream, connections):
    address = f"127.0.0.1:{upstream.port}"
    relayed = min(connections, servers.max_relayed)
    if relayed < connections:
        progress(f"FEWER THAN WANTED: a proxy needs two open files for each connection, and the hard limit (ulimit -Hn) is "
                 f"{servers.descriptors:,}, so proxies hold {relayed:,} connections instead of {connections:,}")
    return [
        Idle("gatehouse", servers.gatehouse_echo, must_rest=True),
        Idle("gatehouse echo", servers.gatehouse_echo, PING, connections, kb_limit=2, must_rest=True),
        Idle("gatehouse http", servers.gatehouse_http, GET, connections, kb_limit=2, must_rest=True),
        Idle("gatehouse gateway", lambda: servers.gatehouse_gateway(address), PING, relayed, kb_limit=0.6, must_rest=True),
        Idle("gatehouse blocking echo", lambda: servers.gatehouse_blocking(connections), PING, connections, must_rest=True),
        Idle("haproxy", lambda: servers.haproxy(address), PING, relayed),
        Idle("nginx stream", lambda: servers.nginx_stream(address), PING, relayed),
        Idle("nginx http", servers.nginx_http, GET, connections),
    ]


def measure_idle(subject, servers, seconds):
    """`seconds`: how long nothing must have happened for the connections to be at rest, and how long the rest is watched."""
    server = subject.start()
    if server is None:
        return None
    process = server.process
    count = subject.connections
    tool = str(servers.tools / "hold")
    with contextlib.ExitStack() as held:
        size = answer_size(server, subject.request)
        with Held(tool, server, 50, subject.request, size):
            pass  # what the first connections cost once is not what each one costs
        before = process.settled_usage(min(seconds, 3))
        if count:
            held.enter_context(Held(tool, server, count, subject.request, size))
        after = process.settled_usage(seconds)
        time.sleep(seconds)
        later = process.usage()
    servers.stop(server)
    each = (after.rss - before.rss) / 1024 / count if count else 0.0
    row = {"name": subject.name, "connections": count, "rss_before": before.rss, "rss_after": after.rss,
           "kb_per_connection": each, "threads": len(later.switches), "switches": later.wakeups_since(after),
           "cpu_ms": (later.cpu - after.cpu) * 1e3, "kb_limit": subject.kb_limit, "must_rest": subject.must_rest}
    progress(f"idle {subject.name}: {each:.2f} KB each, {row['switches']} switches, {row['cpu_ms']:.2f} CPU ms")
    return row


def run_idle(servers, quick):
    # 12 s: servers look after spare threads and the like once in 10 s.
    connections, seconds = (300, 1) if quick else (10_000, 12)
    rows = []
    upstream = servers.epoll("upstream", "-b")
    for subject in idle_subjects(servers, upstream, connections):
        row = measure_idle(subject, servers, seconds)
        rows += [row] if row else []
    return report.idle_report(rows, seconds, judge=not quick)


def chosen(names):
    """The subjects of --only: full names, or the group before the dash."""
    known = [subject.name for subject in SUBJECTS] + ["idle"]
    for name in names:
        if name not in known and not any(one.startswith(name + "-") for one in known):
            raise BenchError(f"--only {name}: no such subject (there are: {', '.join(known)})")
    return [one for one in known if not names or any(one == name or one.startswith(name + "-") for name in names)]


def run(options, servers):
    rounds = options.rounds or (1 if options.quick else 5)
    seconds = 0.2 if options.quick else 2
    results = {"machine": report.machine(), "rounds": rounds, "seconds": seconds, "quick": options.quick, "subjects": []}
    print(f"{results['machine']['cpus']} × {results['machine']['cpu']}, kernel {results['machine']['kernel']}; "
          f"{rounds} rounds; median (least–most)\n")
    names = chosen(options.only)
    for group in dict.fromkeys(subject.group for subject in SUBJECTS if subject.name in names):
        running = start_group(group, servers)
        for subject in [one for one in SUBJECTS if one.group == group and one.name in names]:
            disturbance = Disturbance([server.process for server in servers.started])
            samples = measure_rounds(subject, running, rounds, seconds)
            text, data = report.load_report(subject, subject.load, samples, judge=not options.quick)
            data["disturbance_percent"] = disturbance.percent()
            if data["disturbance_percent"] > 5 and not options.quick:
                text += f"\nDISTURBED: others used {data['disturbance_percent']:.0f}% of the CPUs meanwhile.\n"
            for name in {bound for target in subject.targets for bound in target.bounds} - samples.keys():
                text += f"\nNOT MEASURED: {name} is not installed.\n"
            print(text, flush=True)
            results["subjects"].append(data)
        servers.stop_all()
    if "idle" in names:
        text, data = run_idle(servers, options.quick)
        print(text, flush=True)
        results["subjects"].append(data)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only check that it runs: small loads, no targets judged")
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        help="measure this subject or group only: echo, echo-50, gateway, bulk, http, idle, …; repeatable")
    parser.add_argument("--rounds", type=int, choices=range(1, 101), metavar="N", help="1 to 100; 5 by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every sample there")
    parser.add_argument("--build", type=Path, metavar="DIR", default=Path(__file__).parents[2] / "build" / "release",
                        help="the CMake build directory (default: build/release)")
    options = parser.parse_args()

    def end(number, _):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)

    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        Path(folder).chmod(0o755)  # Apache's and nginx's workers read it as another user
        servers = Servers(options.build, folder)
        try:
            if missing := servers.missing():
                raise BenchError(f"missing: {', '.join(missing)}")
            run(options, servers)
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
        finally:
            servers.stop_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
