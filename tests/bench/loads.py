"""The loads: each drives one server for about `seconds` and says how much was done."""

import json
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from processes import BenchError
from servers import program


@dataclass
class Sample:
    """One measurement of one server."""
    rate: float  # per second, in the load's rate_unit
    cost: float | None  # CPU time of the server per piece of work, in the load's cost_unit; None if there is no server
    extra: dict = field(default_factory=dict)


def run(command, seconds, accept=(0,)):
    """Runs a load generator to its end, with generous time, and returns what it printed."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30 + 10 * seconds)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{' '.join(command)} did not end in time") from None
    if done.returncode not in accept:
        raise BenchError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


class RedisBenchmark:
    """Small requests, each answered before the next on its connection. A RESP request is a valid reply when it is echoed."""
    rate_unit, cost_unit, cost_scale = "req/s", "CPU µs/req", 1e6

    def __init__(self, connections, reconnect=False):
        self.connections = connections
        self.reconnect = reconnect

    def drive(self, server, seconds, rate):
        """`rate`: of an earlier run, or None; it decides how many requests make up `seconds`."""
        requests = max(self.connections * 10, int((rate or 20000) * seconds))
        if self.reconnect:
            requests = min(requests, 12000)  # a client's ports are few, and each is unusable for a while after its connection
        output = run([program("redis-benchmark"), "-h", "127.0.0.1", "-p", server.port, "-c", self.connections,
                      "-n", requests, "-k", 0 if self.reconnect else 1, "-t", "ping_mbulk", "--csv"], seconds)
        row = [cell.strip('"') for cell in output.strip().splitlines()[-1].split(",")]
        # "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
        return requests, float(row[1]), {"p50_ms": float(row[4]), "p99_ms": float(row[6])}


class Wrk:
    """HTTP GET of a file, with keep-alive unless each request has a connection of its own."""
    rate_unit, cost_unit, cost_scale = "req/s", "CPU µs/req", 1e6

    def __init__(self, connections, path="/small.txt", scheme="http", reconnect=False, gzip=False):
        self.connections = connections
        self.url = f"{scheme}://127.0.0.1:{{}}{path}"
        fields = ["Connection: close"] * reconnect + ["Accept-Encoding: gzip"] * gzip
        self.options = [option for field in fields for option in ("-H", field)]

    def drive(self, server, seconds, rate):
        output = run([program("wrk"), "-t2", f"-c{self.connections}", f"-d{max(1, round(seconds))}s", "--latency",
                      *self.options, self.url.format(server.port)], seconds)
        if "Socket errors" in output or "Non-2xx" in output:
            raise BenchError(f"wrk saw errors from {server.name}:\n{output}")
        requests = int(re.search(r"(\d+) requests in", output).group(1))
        value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", output).groups()
        p99 = float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]
        return requests, float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)), {"p99_ms": p99}


class Iperf3:
    """As many bytes as go through, from the client to an iperf3 server behind the proxy."""
    rate_unit, cost_unit, cost_scale = "Gbit/s", "CPU ms/GB", 1e3

    def __init__(self, streams):
        self.streams = streams

    def drive(self, server, seconds, rate):
        command = [program("iperf3"), "-c", "127.0.0.1", "-p", server.port, "-t", max(1, round(seconds)), "-P", self.streams,
                   "-J"]
        for _ in range(50):
            result = json.loads(run(command, seconds, accept=(0, 1)))  # with 1 the JSON says what went wrong
            if "error" not in result:
                end = result["end"]["sum_received"]
                return end["bytes"] / 1e9, end["bits_per_second"] / 1e9, {}
            if "busy" not in result["error"] and "control" not in result["error"]:
                break
            time.sleep(0.1)  # the server still ends the test before; through a proxy its refusal may come as a reset
        raise BenchError(f"iperf3 through {server.name}: {result['error']}")


class TlsHandshakes:
    """TLS 1.3 handshakes on new connections, with nothing said on them."""
    rate_unit, cost_unit, cost_scale = "handshakes/s", "CPU µs/handshake", 1e6
    processes = 2

    def __init__(self, resumed):
        self.kind = "resumed" if resumed else "new"

    def drive(self, server, seconds, rate):
        handshakes = min(10000, max(100, int((rate or 600) * seconds))) // self.processes * self.processes
        output = run([sys.executable, Path(__file__).with_name("tls_client.py"), server.port, handshakes, self.processes,
                      self.kind], seconds)
        return handshakes, handshakes / float(output), {}


class TlsDownload:
    """One large file over TLS."""
    rate_unit, cost_unit, cost_scale = "Gbit/s", "CPU ms/GB", 1e3

    def __init__(self, path):
        self.path = path

    def drive(self, server, seconds, rate):
        output = run([program("curl"), "-q", "-sS", "-k", "--noproxy", "*", "--tlsv1.3", "-o", "/dev/null", "-w",
                      "%{size_download} %{time_total}", f"https://127.0.0.1:{server.port}{self.path}"], 20)
        size, time_taken = (float(word) for word in output.split())
        return size / 1e9, size * 8 / 1e9 / time_taken, {}


def measure(load, server, seconds, rate=None):
    before = server.process.cpu() if server.process else 0
    work, per_second, extra = load.drive(server, seconds, rate)
    used = server.process.cpu() - before if server.process else None
    return Sample(per_second, None if used is None else used * load.cost_scale / work, extra)


class Held:
    """Idle connections: opened, each answered, then held. A context manager; leaving it closes them after another answer."""

    def __init__(self, tool, server, connections, request, answer_size):
        self.popen = subprocess.Popen([tool, "-p", str(server.port), "-n", str(connections), "-q", request,
                                       "-s", str(answer_size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
        self.connections = connections

    def __enter__(self):
        if self.popen.stdout.readline().strip() != f"held {self.connections}":
            self.popen.kill()
            raise BenchError(f"could not hold {self.connections} connections: {self.popen.communicate()[1].strip()}")
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.popen.kill()
        output, errors = self.popen.communicate(timeout=90)
        if kind is None and f"answered {self.connections}" not in output:
            raise BenchError(f"not all {self.connections} connections were answered after the rest: {errors.strip()}")


def answer_size(server, request):
    """How many bytes the server answers to a request; asked once on a connection that closes after it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(request.replace("\\r\\n", "\r\n").encode())
        answer = client.recv(65536)
        client.settimeout(0.3)
        try:
            while more := client.recv(65536):
                answer += more
        except TimeoutError:
            pass  # it keeps the connection open: that was all
    return len(answer)
