"""Processes that the benchmark starts: their start, their end, and what they use."""

import ctypes
import os
import random
import resource
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PORTS = iter(random.sample(range(20000, 32000), 2000))  # below the range that clients' connections take theirs from


class BenchError(Exception):
    """Something could not be measured; the text says what."""


def free_port():
    """A port that nobody uses, and that this run has not used before."""
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise BenchError("no free port between 20000 and 32000")


def is_listening(port):
    """Whether a TCP socket listens on the port. It asks the kernel, so the server sees nothing of it."""
    wanted = f"{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            for line in lines:
                field = line.split()
                if field[3] == "0A" and field[1].endswith(":" + wanted):
                    return True
    return False


def die_with_parent():
    """In a child, before exec: the kernel ends it if the benchmark itself is killed."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Disturbance:
    """How much of the CPUs somebody else uses: other programs, and other guests of the same hardware."""

    def __init__(self, processes):
        self.processes = processes
        self.started = self._now()

    def _now(self):
        with open("/proc/stat") as stat:
            user, nice, system, idle, iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
        ours = sum(process.cpu() for process in self.processes)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):  # the load generators have ended: they are our children
            usage = resource.getrusage(who)
            ours += usage.ru_utime + usage.ru_stime
        busy = user + nice + system + irq + softirq + steal
        return busy / os.sysconf("SC_CLK_TCK") - ours, (busy + idle + iowait) / os.sysconf("SC_CLK_TCK")

    def percent(self):
        """Since it was made, of all CPUs together."""
        (others, whole), (others_before, whole_before) = self._now(), self.started
        return max(0.0, 100 * (others - others_before) / max(whole - whole_before, 0.01))


@dataclass
class Usage:
    cpu: float  # seconds of user and system time
    rss: int  # bytes
    switches: dict[int, int]  # context switches of each thread that lives now

    def wakeups_since(self, before):
        """How often any thread ran. One that has ended meanwhile ran at least once to do so."""
        ended = len(before.switches.keys() - self.switches.keys())
        return ended + sum(count - before.switches.get(thread, 0) for thread, count in self.switches.items())


class Process:
    """A server: one process and all that it starts."""

    def __init__(self, command, ports, log, environment=None):
        self.command = [str(part) for part in command]
        self.log = Path(log)
        with open(self.log, "w") as output:
            # A session of its own: Ctrl-C reaches the benchmark, which then stops the servers in order.
            self.popen = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})}, start_new_session=True, preexec_fn=die_with_parent)
        try:
            self._await_listening(ports)
        except BaseException:
            self.stop()
            raise

    def _await_listening(self, ports):
        deadline = time.monotonic() + 20
        while not all(is_listening(port) for port in ports):
            if self.popen.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{' '.join(self.command)} does not listen:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def pids(self):
        found, ahead = [], [self.popen.pid]
        while ahead:
            pid = ahead.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    ahead += map(int, children.read_text().split())
                except OSError:
                    continue  # the thread has just ended
        return found

    def cpu(self):
        """Seconds of user and system time of all threads so far, ended ones included; to the nanosecond."""
        CPUCLOCK_SCHED = 2  # clock_getcpuclockid(3)
        return sum(time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED) for pid in self.pids())

    def usage(self):
        rss, switches = 0, {}
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Rss:"):
                    rss += int(line.split()[1]) * 1024
            for status in Path(f"/proc/{pid}/task").glob("*/status"):
                try:
                    text = status.read_text()
                except OSError:
                    continue  # the thread has just ended
                counts = [int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line]
                switches[int(status.parent.name)] = sum(counts)
        return Usage(self.cpu(), rss, switches)

    def settled_usage(self, seconds):
        """What it uses once no thread has run for `seconds`; or after twice as long, if there is no such time."""
        reference = self.usage()
        since = time.monotonic()
        deadline = since + 2 * seconds
        while True:
            time.sleep(0.5)
            now = self.usage()
            if now.wakeups_since(reference) > 0:
                reference, since = now, time.monotonic()
            if time.monotonic() > min(since + seconds, deadline):
                return now

    def stop(self):
        pids = self.pids() if self.popen.poll() is None else []
        for deadly in (signal.SIGTERM, signal.SIGKILL):
            if self.popen.poll() is None:
                self.popen.send_signal(deadly)
                try:
                    self.popen.wait(timeout=3)
                except subprocess.TimeoutExpired:
                    continue
        for pid in pids[1:]:  # workers that outlived their master; they are in its session
            try:
                if os.getsid(pid) == self.popen.pid:
                    os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
