#!/usr/bin/python3
"""A peer of TLS that ends its side without a close_notify.

tls_cutter.py client PORT CA TEXT: sends TEXT and a FIN; prints how many bytes it then got, the last ones, and how that ended:
    "whole" (close_notify), "cut" (without one) or "reset".
tls_cutter.py server CERTIFICATE KEY SIZE fin: prints its port; answers the first bytes of each connection with SIZE bytes and a
    FIN, and then prints "sent".
tls_cutter.py server CERTIFICATE KEY SIZE refuse: the same, but it leaves what the client still sends unread, so that its kernel
    sends a reset.
"""

import fcntl
import os
import socket
import ssl
import struct
import sys
import termios
import time


def client(port, ca, text):
    context = ssl.create_default_context(cafile=ca)
    connection = socket.create_connection(("127.0.0.1", int(port)), timeout=40)
    tls = context.wrap_socket(connection, server_hostname="localhost", suppress_ragged_eofs=False)
    tls.sendall(text.encode())
    with socket.socket(fileno=os.dup(tls.fileno())) as same:
        same.shutdown(socket.SHUT_WR)  # that of `tls` would end its TLS
    size, last, end = 0, b"", "whole"
    try:
        while piece := tls.recv(65536):
            size += len(piece)
            last = (last + piece)[-16:]
    except ssl.SSLError:  # without an end, or with the alert of a server that takes ours for a cut
        end = "cut"
    except ConnectionResetError:
        end = "reset"
    print(size, last.decode(errors="replace"), end, flush=True)


def wait_until_acknowledged(connection):
    while struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0] > 0:
        time.sleep(0.001)


def server(certificate, key, size, end):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        with context.wrap_socket(listener.accept()[0], server_side=True) as tls:
            tls.recv(1)
            tls.sendall(b"x" * int(size))
            if end == "refuse":
                wait_until_acknowledged(tls)
        print("sent", flush=True)


{"client": client, "server": server}[sys.argv[1]](*sys.argv[2:])
