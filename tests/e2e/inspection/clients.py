# SPDX-License-Identifier: Apache-2.0
"""Clients that say exactly what a test wants, where curl and nghttp are too polite."""
import socket
import ssl
import subprocess
import time

import world

HOST = world.EDGE4


def curl(path, *more, port=443, scheme="https", host=HOST):
    return world.run("curl", "-sk", "--max-time", 15, "-o", "/dev/null", "-w", "%{http_code}", *more,
                     f"{scheme}://{host}:{port}{path}").stdout


class Connection:
    """One TLS (or plain) connection to the edge, byte by byte."""

    def __init__(self, port=443, version=None, ciphers=None, alpn=None, sni="edge.example", tls=True, host=HOST):
        self.raw = socket.create_connection((host, port), timeout=10)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = self.raw
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if version:
                context.minimum_version = context.maximum_version = version
            if ciphers:
                context.set_ciphers(ciphers)
            if alpn:
                context.set_alpn_protocols(alpn)
            self.socket = context.wrap_socket(self.raw, server_hostname=sni)
        self.port = self.raw.getsockname()[1] if not tls else self.socket.getsockname()[1]

    def send(self, *parts):
        for part in parts:
            self.socket.sendall(part if isinstance(part, bytes) else part.encode())

    def receive_until(self, end, timeout=10):
        """Reads until `end` has come; gives everything that came."""
        self.socket.settimeout(timeout)
        got = b""
        while end not in got:
            data = self.socket.recv(65536)
            if not data:
                break
            got += data
        return got

    def receive_all(self, timeout=10):
        self.socket.settimeout(timeout)
        got = b""
        while data := self.socket.recv(65536):
            got += data
        return got

    def close(self):
        self.socket.close()


def get(path, *fields, method="GET", close=False):
    lines = [f"{method} {path} HTTP/1.1", "Host: edge.example", *fields] + (["Connection: close"] if close else [])
    return "\r\n".join(lines) + "\r\n\r\n"


def s_client(here, *arguments, say=(), port=443, host=HOST, until=b"</html>", timeout=10):
    """openssl s_client with words typed at it: each item of `say` is (bytes, seconds to wait afterwards)."""
    log = here.unique("s_client")
    with open(log, "wb") as output:
        process = subprocess.Popen(["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", "edge.example",
                                    *map(str, arguments)], stdin=subprocess.PIPE, stdout=output, stderr=output)
        time.sleep(0.1)
        for text, pause in say:
            process.stdin.write(text)
            process.stdin.flush()
            time.sleep(pause)
        deadline = time.monotonic() + timeout
        while process.poll() is None and until not in log.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.stdin.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return log.read_bytes()
