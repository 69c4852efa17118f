#!/usr/bin/python3
"""late_tls_reader.py PORT CA PATH...: asks for each path, says that it is done (close_notify and FIN), and reads the answer late.

Prints a line for each: its size, and "whole" if the answer ended with a close_notify, or "cut".
"""

import socket
import ssl
import sys
import time


def ask(port, context, path):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(arrived, leaving, server_hostname="localhost")
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(leaving.read())
                arrived.write(connection.recv(65536))
        tls.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        try:
            tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        connection.sendall(leaving.read())
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.02)  # so that the answer has filled the buffers; if it has not, this connection proves nothing
        size = 0
        while True:
            try:
                piece = tls.read(65536)
                if not piece:
                    return size, "whole"
                size += len(piece)
            except ssl.SSLWantReadError:
                data = connection.recv(65536)
                arrived.write(data) if data else arrived.write_eof()
            except ssl.SSLZeroReturnError:
                return size, "whole"
            except ssl.SSLError:
                return size, "cut"


def main():
    context = ssl.create_default_context(cafile=sys.argv[2])
    for path in sys.argv[3:]:
        print(*ask(int(sys.argv[1]), context, path))


main()
