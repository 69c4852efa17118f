#!/usr/bin/python3
"""A peer that ends its side of TLS, and then takes no more of what it is sent. When it is killed, its kernel resets the connections.

tls_quitter.py client PORT CA: sends "?", a close_notify and a FIN; prints "answered" when the first bytes of an answer have come.
tls_quitter.py server CERTIFICATE KEY: prints its port; then refuses each upload: it reads the first bytes, answers 413, sends a
    close_notify, and leaves the rest unread.
"""

import socket
import ssl
import sys
import time


def shake_hands(tls, arrived, leaving, connection):
    while True:
        try:
            tls.do_handshake()
            connection.sendall(leaving.read())
            return
        except ssl.SSLWantReadError:
            connection.sendall(leaving.read())
            arrived.write(connection.recv(65536))


def end(tls, leaving, connection):
    try:
        tls.unwrap()
    except ssl.SSLError:  # the other side's close_notify has not come, or bytes have
        pass
    connection.sendall(leaving.read())


def client(port, ca):
    context = ssl.create_default_context(cafile=ca)
    arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = socket.create_connection(("127.0.0.1", int(port)), timeout=40)
    tls = context.wrap_bio(arrived, leaving, server_hostname="localhost")
    shake_hands(tls, arrived, leaving, connection)
    tls.write(b"?")
    end(tls, leaving, connection)
    connection.shutdown(socket.SHUT_WR)
    while True:
        try:
            tls.read(1)
            break
        except ssl.SSLWantReadError:
            arrived.write(connection.recv(4096))
    print("answered", flush=True)
    time.sleep(600)


def server(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    connections = []
    while True:
        connections.append(listener.accept()[0])
        arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(arrived, leaving, server_side=True)
        shake_hands(tls, arrived, leaving, connections[-1])
        arrived.write(connections[-1].recv(65536))
        tls.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        end(tls, leaving, connections[-1])


{"client": client, "server": server}[sys.argv[1]](*sys.argv[2:])
