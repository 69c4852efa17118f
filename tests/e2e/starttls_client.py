#!/usr/bin/python3
"""A client of the fixture `upgrades`: says "TLS" in plain, hears "go", and then shakes hands.

starttls_client.py CA WAY:PORT...: one after the other; prints what comes in TLS, or how it ended. WAY is
    whole: as usual; it asks for TLS AGAIN, and is echoed
    early: its part of the handshake is with the host's kernel before it reads what the plugin has sent in plain
    bytes: one at a time
    direct: with TLS from the first byte on
    garbage: for many bytes of a ClientHello, one that is wrong from there on
"""

import select
import socket
import ssl
import sys

context = ssl.create_default_context(cafile=sys.argv[1])
context.set_alpn_protocols(["xmpp-server"])


class Connection:
    def __init__(self):
        self.socket = socket.socket()
        self.socket.settimeout(40)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # so that the host has something left to send
        self.socket.connect(("127.0.0.1", int(port)))
        self.arrived, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.arrived, self.leaving, server_hostname="localhost")
        if way != "direct":
            self.socket.sendall(b"TLS\n")

    def hears_go(self):
        heard = 0
        while True:
            seen = self.socket.recv(65536, socket.MSG_PEEK)
            if not seen:
                sys.exit("it ended after %d bytes" % heard)
            whole = b"go\n" in seen
            heard += len(self.socket.recv(seen.index(b"go\n") + 3 if whole else seen.count(b".")))  # not a byte of TLS
            if whole:
                return heard

    def hello(self):
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return self.leaving.read()

    def flush(self):
        left = self.leaving.read()
        if way == "bytes":
            for i in range(len(left)):
                self.socket.sendall(left[i : i + 1])
        else:
            self.socket.sendall(left)

    def goes_on(self, call):
        while True:
            try:
                result = call()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                some = self.socket.recv(65536)
                if some:
                    self.arrived.write(some)
                else:
                    self.arrived.write_eof()

    def line(self):
        text = b""
        while not text.endswith(b"\n"):
            text += self.goes_on(lambda: self.tls.read(1))
        return text.decode()


def garbage():
    first = Connection()
    first.hears_go()
    hello = first.hello()
    for at in range(0, len(hello), 4):
        one = Connection()
        one.hears_go()
        one.socket.sendall(hello[:at] + bytes(255 - byte for byte in hello[at:]) + b"\xff" * 300)
        one.socket.shutdown(socket.SHUT_WR)
        while one.socket.recv(65536):
            pass


def talk():
    connection = Connection()

    def shake_hands():
        connection.tls.do_handshake()
        connection.tls.write(b"AGAIN\n")  # leaves together with the end of the handshake

    if way == "early":
        select.select([connection.socket], [], [])  # the plugin has read the command, and no more
        connection.socket.sendall(connection.hello())
    if way != "direct":
        print(connection.hears_go())
    connection.goes_on(shake_hands)
    if way != "direct":
        print(connection.line(), end="")
    print(connection.line(), end="")
    connection.tls.write(b"hello\n")
    print(connection.line(), end="")


for one in sys.argv[2:]:
    way, port = one.split(":")
    garbage() if way == "garbage" else talk()
