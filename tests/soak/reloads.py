"""Reloads a host again and again under load, then upgrades it, and counts what is lost: nothing may be.

    reloads.py BUILD [--reloads N] [--upgrades N]

Newcomers come 300 times a second, to a plugin and through the gateway, others by TLS with the last session; browsers ask again and
again over one connection; ten connections stay all the time. Each reload changes something: limits, timeouts, routes, the
certificate, the gateway's settings, a listener that comes and goes. Each twentieth file is broken. Then a plugin's library is
replaced a few times, and each upgrade hands the sockets over to another process; those who stay are with the first one. Prints one
line of figures for each measure; the exit status is 1 if anything was lost, or if a listener's counts do not add up.
"""
import argparse
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
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
gatehouse = os.path.abspath(os.path.join(options.build, "bin", "gatehouse"))
plugins = os.path.abspath(os.path.join(options.build, "plugins"))
folder = tempfile.mkdtemp(prefix="gatehouse-soak-")
listeners = ("front", "relay")
swaps = max(1, options.reloads // 100)
page = os.urandom(20000)

stop = threading.Event()
lost = []
served = [0] * 22
handshakes = [0, 0]  # full ones, resumed ones


def replace(path, write):
    """As editors and linkers do: the file is never half written."""
    write(path + ".new")
    os.rename(path + ".new", path)


def write_library():
    replace(os.path.join(folder, "mine.so"), lambda path: shutil.copy(os.path.join(plugins, "echo.so"), path))


def write_certificate(number):
    for what in ("cert", "key"):
        replace(os.path.join(folder, what + ".pem"),
                lambda path, what=what: shutil.copy(os.path.join(folder, f"{what}{number % 2}.pem"), path))


def make_certificates():
    for number in (0, 1):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", f"/CN=soak{number}", "-keyout", os.path.join(folder, f"key{number}.pem"),
                        "-out", os.path.join(folder, f"cert{number}.pem")], check=True, capture_output=True)


def write_configuration(number, broken=False):
    text = f"""[host]
plugin_path = ["{folder}", "{plugins}"]
control = "control.sock"
[log]
file = "log"
access = false
[plugins.gateway]
config = {{ upstream = "unix:{folder}/behind.sock", connect_timeout = "{1 + number % 5}s" }}
[plugins.http]
config = {{ root = "{folder}/www" }}
[tls.soak]
certificate = "cert.pem"
key = "key.pem"
[[listeners]]
name = "secure"
address = "unix:secure.sock"
plugin = "mine"
tls = "soak"
[[listeners]]
name = "web"
address = "unix:web.sock"
detect = {{ timeout = "{5 + number % 3}s" }}
on_silence = {{ after = "4s", plugin = "mine" }}
[[listeners.routes]]
probe = "{("ssh", "redis")[number % 2]}"
plugin = "mine"
[[listeners.routes]]
probe = "http"
plugin = "http"
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


def secure_newcomers(place):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    session = None
    while not stop.wait(0.05):
        try:
            with context.wrap_socket(connect("secure"), session=session) as client:
                ask(client, b"hello")
                handshakes[client.session_reused] += 1
                session = client.session
                client.unwrap()
            served[place] += 1
        except OSError as error:
            lost.append(f"a newcomer by TLS: {error}")


def browses(place):
    while not stop.is_set():
        client = http.client.HTTPConnection("soak")
        try:
            client.sock = connect("web")
            for _ in range(100):
                client.request("GET", "/page")
                answer = client.getresponse()
                if answer.status != 200 or answer.read() != page:
                    raise OSError(f"a wrong answer: {answer.status}")
                served[place] += 1
                if answer.will_close or stop.wait(0.02):
                    break
        except (OSError, http.client.HTTPException) as error:
            lost.append(f"a browser: {error!r}")
        client.close()


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


def progress(done, of):
    if sys.stderr.isatty():
        print(f"\r{done} {of}, {sum(served)} answers, {len(lost)} lost ", end="", file=sys.stderr)


def command(*words):
    done = subprocess.run([gatehouse, *words, "--json", "--socket", os.path.join(folder, "control.sock")],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


os.mkdir(os.path.join(folder, "www"))
with open(os.path.join(folder, "www", "page"), "wb") as file:
    file.write(page)
write_library()
make_certificates()
write_certificate(0)
write_configuration(0)
host = subprocess.Popen([gatehouse, "run", os.path.join(folder, "soak.toml")], cwd=folder, stdout=subprocess.DEVNULL)
log = os.path.join(folder, "log")
while not (os.path.exists(log) and '"ready"' in open(log, encoding="utf-8").read()):
    if host.poll() is not None:
        sys.exit("the host has not started")
    time.sleep(0.05)

clients = [threading.Thread(target=newcomers, args=(i, listeners[i % 2])) for i in range(6)]
clients += [threading.Thread(target=stays, args=(6 + i, listeners[i % 2])) for i in range(10)]
clients += [threading.Thread(target=browses, args=(16 + i,)) for i in range(3)]
clients += [threading.Thread(target=secure_newcomers, args=(19 + i,)) for i in range(3)]
for thread in clients:
    thread.start()
while sum(served) < 1000:  # it has met all its kinds of clients before its memory is measured
    time.sleep(0.05)
took = []
kilobytes = {}
for number in range(1, options.reloads + 1):
    broken = number % 20 == 0
    if number % 25 == 0:
        write_certificate(number // 25)
    write_configuration(number, broken)
    status, answer = command("reload")
    if (status != 0) != broken:
        lost.append(f"reload {number}: {answer}")
    elif not broken:
        took.append(json.loads(answer)["took"])
    if number in (10, options.reloads):
        kilobytes[number] = memory()
    progress(number, "reloads")
for number in range(1, swaps + 1):
    write_library()
    write_configuration(number)
    status, answer = command("reload")
    if status != 0:
        lost.append(f"the library's swap {number}: {answer}")
    progress(number, "swaps")
after_swaps = memory()
accepts = host.pid
handed_over = []
for number in range(1, options.upgrades + 1):
    write_configuration(number)  # the next process has other settings, and a listener more or less
    status, answer = command("upgrade", "--guard", "0")
    if status == 0:
        accepts = json.loads(answer)["to"]["pid"]
        handed_over.append(json.loads(answer)["took"])
    else:
        lost.append(f"upgrade {number}: {answer}")
    progress(number, "upgrades")
stop.set()
for thread in clients:
    thread.join()
for listener in json.loads(command("status")[1])["listeners"]:
    if listener["accepted"] != listener["open"] + sum(listener["ended"].values()):
        lost.append(f"the counts of {listener} do not add up")
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
print("memory in KB after so many reloads:", ", ".join(f"{number}: {size}" for number, size in kilobytes.items()),
      f"and after {swaps} swaps of a library: {after_swaps}")
print(f"{handshakes[True]} of {sum(handshakes)} handshakes were resumed")
for what in lost[:10]:
    print(what)
sys.exit(1 if lost else 0)
