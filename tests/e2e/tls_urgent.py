#!/usr/bin/python3
"""tls_urgent.py PORT AUTHORITY EXCHANGES [wait]

A TLS client that sends much of what it sends, its handshake included, as urgent data (MSG_OOB), in pieces of any size. It has
its messages echoed, and prints "ok" if they came back whole. With "wait" it prints "first" after the first one, and goes on
at SIGUSR1.
"""
import random
import signal
import socket
import ssl
import sys
import time

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])

port, authority, exchanges = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
choice = random.Random(port)
arrived, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
session = ssl.create_default_context(cafile=authority).wrap_bio(arrived, to_send, server_hostname="localhost")
client = socket.create_connection(("127.0.0.1", port), timeout=20)
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def send_all():
    data = to_send.read()
    while data:
        size = client.send(data[: choice.randint(1, len(data))], choice.choice([0, socket.MSG_OOB]))
        data = data[size:]
        time.sleep(choice.choice([0, 0.002]))  # the host reads piece by piece


def do(call):
    while True:
        try:
            result = call()
            send_all()
            return result
        except ssl.SSLWantReadError:
            send_all()
            data = client.recv(65536)
            if not data:
                sys.exit("closed")
            arrived.write(data)


do(session.do_handshake)
for number in range(exchanges):
    message = choice.randbytes(choice.randint(1, 3000))
    do(lambda: session.write(message))
    echo = b""
    while len(echo) < len(message):
        part = do(lambda: session.read(65536))
        if not part:
            sys.exit("closed")
        echo += part
    if echo != message:
        sys.exit("other bytes came back")
    if number == 0 and sys.argv[4:] == ["wait"]:
        print("first", flush=True)
        signal.sigwait([signal.SIGUSR1])
print("ok")
