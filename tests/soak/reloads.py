"""Reloads a host again and again under load, then upgrades it, and counts what is lost: nothing may be.

    reloads.py BUILD [--reloads N] [--upgrades N]

Newcomers come 300 times a second, to a plugin and through the gateway; ten connections stay all the time. Each reload changes
something: limits, timeouts, the gateway's settings, a listener that comes and goes. Each twentieth file is broken. A plugin's
library is replaced at times. Each upgrade hands the sockets over to another process; those who stay are with the first one. Prints one line of figures for each measure; the exit status is 1 if anything was lost.
"""
import argparse
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("build")
parser.add_argument("--reloads", type=int, default=1000)
parser.add_argument("--upgrades", type=int, default=200)
options = parser.parse_args()
gatehouse = os.path.join(options.build, "bin", "gatehouse")
plugins = os.path.abspath(os.path.join(options.build, "plugins"))
folder = tempfile.mkdtemp(prefix="gatehouse-soak-")
listeners = ("front", "relay")

stop = threading.Event()
lost = []
served = [0] * 16


def replace(path, write):
    """As editors and linkers do: the file is never half written."""
    write(path + ".new")
    os.rename(path + ".new", path)


def write_library():
    replace(os.path.join(folder, "mine.so"), lambda path: shutil.copy(os.path.join(plugins, "echo.so"), path))


def write_configuration(number, broken=False):
    text = f"""[host]
plugin_path = ["{folder}", "{plugins}"]
control = "control.sock"
[log]
file = "log"
access = false
[plugins.gateway]
config = {{ upstream = "unix:{folder}/behind.sock", connect_timeout = "{1 + number % 5}s" }}
[[listeners]]
name = "front"
address = "unix:front.sock"
plugin = "mine"
idle_timeout = "{5 + number % 7}m"
max_connections = {1000 + number % 10}
[[listeners]]
name = "relay"
address = "unix:relay.sock"
plugin = "gateway"
[[listeners]]
name = "behind"
address = "unix:behind.sock"
plugin = "echo"
"""
    if number % 2:
        text += '[[listeners]]\nname = "extra"\naddress = "127.0.0.1:0"\nplugin = "discard"\n'
    if broken:
        text += "x =\n"

    def write(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    replace(os.path.join(folder, "soak.toml"), write)


def connect(listener):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(5)
    client.connect(os.path.join(folder, listener + ".sock"))
    return client


def ask(client, what):
    client.sendall(what)
    heard = b""
    while len(heard) < len(what):
        more = client.recv(len(what))
        if not more:
            raise OSError("the end")
        heard += more
    if heard != what:
        raise OSError(f"a wrong answer: {heard!r}")


def newcomers(place, listener):
    while not stop.wait(0.02):
        try:
            with connect(listener) as client:
                ask(client, b"hello")
            served[place] += 1
        except OSError as error:
            lost.append(f"a newcomer of {listener}: {error}")


def stays(place, listener):
    with connect(listener) as client:
        while not stop.wait(0.1):
            try:
                ask(client, b"still here")
                served[place] += 1
            except OSError as error:
                lost.append(f"one who stays with {listener}: {error}")
                return


def memory():
    """In KB."""
    with open(f"/proc/{host.pid}/status", encoding="utf-8") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


write_library()
write_configuration(0)
host = subprocess.Popen([gatehouse, "run", os.path.join(folder, "soak.toml")], cwd=folder, stdout=subprocess.DEVNULL)
log = os.path.join(folder, "log")
while not (os.path.exists(log) and '"ready"' in open(log, encoding="utf-8").read()):
    if host.poll() is not None:
        sys.exit("the host has not started")
    time.sleep(0.05)

clients = [threading.Thread(target=newcomers, args=(i, listeners[i % 2])) for i in range(6)]
clients += [threading.Thread(target=stays, args=(6 + i, listeners[i % 2])) for i in range(10)]
for thread in clients:
    thread.start()
took = []
kilobytes = {}
for number in range(1, options.reloads + 1):
    broken = number % 20 == 0
    if number % 100 == 50:
        write_library()
    write_configuration(number, broken)
    done = subprocess.run([gatehouse, "reload", "--json", "--socket", os.path.join(folder, "control.sock")],
                          capture_output=True, text=True, check=False)
    if (done.returncode != 0) != broken:
        lost.append(f"reload {number}: {done.stdout}{done.stderr}")
    elif not broken:
        took.append(json.loads(done.stdout)["took"])
    if number in (10, options.reloads):
        kilobytes[number] = memory()
    if sys.stderr.isatty():
        print(f"\r{number}/{options.reloads} reloads, {sum(served)} answers, {len(lost)} lost", end="", file=sys.stderr)
accepts = host.pid
handed_over = []
for number in range(1, options.upgrades + 1):
    write_configuration(number)  # the next process has other settings, and a listener more or less
    done = subprocess.run([gatehouse, "upgrade", "--guard", "0", "--json", "--socket", os.path.join(folder, "control.sock")],
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        answer = json.loads(done.stdout)
        accepts = answer["to"]["pid"]
        handed_over.append(answer["took"])
    else:
        lost.append(f"upgrade {number}: {done.stdout}{done.stderr}")
    if sys.stderr.isatty():
        print(f"\r{number}/{options.upgrades} upgrades, {sum(served)} answers, {len(lost)} lost", end="", file=sys.stderr)
stop.set()
for thread in clients:
    thread.join()
last = os.pidfd_open(accepts)
signal.pidfd_send_signal(last, signal.SIGTERM)
if not select.select([last], [], [], 40)[0]:
    lost.append("the last host has not ended")
if host.wait(40) != 0:  # the first one, which those who stayed have left
    lost.append(f"the host has ended with {host.returncode}")
shutil.rmtree(folder)
took.sort()
handed_over.sort()
print(f"\n{options.reloads} reloads, {sum(served)} answers, {len(lost)} lost")
print(f"a reload takes {took[len(took) // 2] * 1000:.1f} ms (median), {took[-1] * 1000:.0f} ms at most")
if handed_over:
    print(f"{len(handed_over)} upgrades: {handed_over[len(handed_over) // 2] * 1000:.0f} ms (median) until the new process accepts, "
          f"{handed_over[-1] * 1000:.0f} ms at most")
print("memory in KB after so many reloads:", ", ".join(f"{number}: {size}" for number, size in kilobytes.items()))
for what in lost[:10]:
    print(what)
sys.exit(1 if lost else 0)
