#!/usr/bin/python3
"""Clients that send all of a body before they look for the answer, which has come long before.

upload.py CLIENT URL TIMES: prints how often the answer was 405 to 40 KB that take SLOWLY seconds, to 5 MB and to 20 MB.
CLIENT is http.client, requests or curl.
"""

import http.client
import subprocess
import sys
import time
import urllib.parse

SLOWLY = 0.4


def slowly():
    for _ in range(40):
        yield b"x" * 1000
        time.sleep(SLOWLY / 40)


def http_client(url, size, body):
    parts = urllib.parse.urlsplit(url)
    client = http.client.HTTPConnection(parts.hostname, parts.port, timeout=100)
    client.request("POST", "/", body, {"Content-Length": str(size)})
    return client.getresponse().status


class Paced:
    """A file of that length, for a client that sends an iterable in chunks."""

    def __init__(self, size, parts):
        self.size, self.parts = size, parts

    def __len__(self):
        return self.size

    def read(self, _=-1):
        return next(self.parts, b"")


def requests(url, size, body):
    import requests

    with requests.Session() as session:
        session.trust_env = False
        data = body if isinstance(body, bytes) else Paced(size, body)
        return session.post(url, data=data, timeout=100).status_code


def curl(url, size, body):
    command = ["curl", "-q", "-sS", "--noproxy", "*", "--max-time", "100", "-o", "/dev/null", "-w", "%{http_code}"]
    command += ["-H", "Expect:", "-H", "Transfer-Encoding:", "-H", f"Content-Length: {size}", "-T", "-", "-X", "POST", url]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        for part in body if not isinstance(body, bytes) else [body]:
            process.stdin.write(part)
            process.stdin.flush()
    except BrokenPipeError:  # it has its answer, and reads no more
        pass
    return int(process.communicate()[0])


call = {"http.client": http_client, "requests": requests, "curl": curl}[sys.argv[1]]
well = 0
for _ in range(int(sys.argv[3])):
    for size in (40_000, 5_000_000, 20_000_000):
        status = call(sys.argv[2], size, slowly() if size == 40_000 else bytes(size))
        well += status == 405
        if status != 405:
            print(f"{size} bytes: {status}", file=sys.stderr)
print(well)
