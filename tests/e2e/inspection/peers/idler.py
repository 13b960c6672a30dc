#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client that connects and does not ask, or not to the end.

idler.py SOURCE HOST COUNT SECONDS WHAT: COUNT connections from SOURCE, each held open for SECONDS;
WHAT: nothing | head (a piece every second) | body | request (a whole one on the first, nothing on the others)
"""
import socket
import ssl
import sys
import time

SAYS = {"nothing": "", "head": "GET /held HTTP/1.1\r\nHost: edge.example\r\n",
        "body": "POST /upload HTTP/1.1\r\nHost: edge.example\r\nContent-Length: 1000\r\n\r\nsome",
        "request": ""}


def connect(source, host):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    raw = socket.create_connection((host, 443), timeout=3, source_address=(source, 0))
    return context.wrap_socket(raw, server_hostname="edge.example")


def main(source, host, count, seconds, what):
    held = []
    until = time.monotonic() + seconds
    try:
        for i in range(count):
            connection = connect(source, host)
            connection.sendall(SAYS[what].encode())
            if what == "request" and i == 0:
                connection.sendall(b"GET /small HTTP/1.1\r\nHost: edge.example\r\n\r\n")
            if seconds:
                held.append(connection)
            else:
                connection.close()
        while held and time.monotonic() < until:
            time.sleep(1)
            for connection in held if what == "head" else ():
                connection.sendall(b"X-a: b\r\n")
    except OSError as problem:  # dropped
        print(f"{len(held)} held: {problem}")


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
