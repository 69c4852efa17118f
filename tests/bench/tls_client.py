#!/usr/bin/env python3
"""tls_client.py PORT HANDSHAKES PROCESSES new|resumed: TLS 1.3 handshakes, one after the other in each process.

Prints how many seconds they took. A resumed one is made with the ticket of a first connection, and has to be resumed.
"""

import os
import socket
import ssl
import sys
import time


def client_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def connect(context, port, session=None):
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname="localhost", session=session)


def first_session(context, port):
    """A session with a ticket, which comes after the handshake."""
    with connect(context, port) as connection:
        connection.sendall(b"GET /small.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        connection.settimeout(2)
        try:
            while connection.recv(65536):
                pass
        except (TimeoutError, ssl.SSLError):
            pass  # s_server answers nothing
        return connection.session


def run(port, handshakes, resumed):
    context = client_context()
    session = first_session(context, port) if resumed else None
    begin = time.monotonic()
    for _ in range(handshakes):
        with connect(context, port, session) as connection:
            if connection.session_reused != resumed:
                raise SystemExit("resumed" if connection.session_reused else "not resumed")
    return time.monotonic() - begin


def main():
    port, handshakes, processes = (int(argument) for argument in sys.argv[1:4])
    resumed = sys.argv[4] == "resumed"
    children = []
    for _ in range(processes):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(write, str(run(port, handshakes // processes, resumed)).encode())
            os._exit(0)
        os.close(write)
        children.append((child, read))
    longest = 0.0
    for child, read in children:
        text = os.read(read, 100)
        _, status = os.waitpid(child, 0)
        if status != 0 or not text:
            return 1
        longest = max(longest, float(text))
    print(longest)
    return 0


if __name__ == "__main__":
    sys.exit(main())
