#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that say what a real server understands and an observer may not: their requests are read all the same."""
import os
import socket
import ssl
import sys
import time

sys.dont_write_bytecode = True
import inspector  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
from clients import Connection, get  # noqa: E402
from scene import Scene  # noqa: E402


class Urgent(Connection):
    """A connection that also says bytes that its server does not read with the others."""

    def __init__(self, **options):
        super().__init__(**options)
        self.below = socket.socket(fileno=os.dup(self.socket.fileno()))

    def urgent(self, data=b"X"):
        """The last byte is the urgent one. The server has all before it read by then, and goes on as if nothing was."""
        self.below.send(data, socket.MSG_OOB)
        time.sleep(0.02)

    def ask(self, path):
        self.send(get(path))
        self.receive_until(b"abcdef0123456789abcdef")

    def close(self):
        self.below.close()
        super().close()


class Evasion(Scene):
    def setUp(self):
        super().setUp()
        servers.Nginx(self.here, self.socket, cleartext="listen 80;")

    def paths(self):
        self.inspection = inspector.inspect(self.pcap, self.extended)
        inspector.assert_contract(self, self.inspection)
        self.assertEqual(self.inspection.statistics["lossy"], 0, self.inspection.statistics)
        return [(row["path"], row["status"]) for row in self.inspection.rows]

    def test_urgent_bytes_between_tls_records(self):
        with self.traffic():
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                client = Urgent(version=version)
                client.ask("/small?before")
                client.urgent()
                client.ask("/small?behind")
                client.urgent()
                client.urgent()  # two in a row, each read past by the server
                client.ask("/small?last")
                client.close()
        self.assertEqual(self.paths(), [("/small", 200)] * 6)

    def test_urgent_bytes_within_a_cleartext_request(self):
        with self.traffic():
            client = Urgent(port=80, tls=False)
            client.urgent(b"GET /smX")
            client.send("all HTTP/1.1\r\nHost: edge.example\r\n")
            client.urgent(b"A:X")
            client.send("b\r\n\r\n")
            client.receive_until(b"abcdef0123456789abcdef")
            client.urgent()
            client.send(get("/created"))
            client.receive_until(b"created\n")
            client.close()
        self.assertEqual(self.paths(), [("/small", 200), ("/created", 201)])


if __name__ == "__main__":
    runner.main()
