#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The recipes of docs/key-sharing.md against the real servers. The judge is tshark: with the lines that came, it must read
every request that curl made, whatever of ours will read them one day."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e" / "inspection"))

import inspector  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import wireshark  # noqa: E402
import world  # noqa: E402

KINDS = (["--http1.1", "--tls-max", "1.2"], ["--http1.1", "--tlsv1.3"], ["--http2", "--tls-max", "1.2"],
         ["--http2", "--tlsv1.3"])


def ask(path, *more, kinds=KINDS):
    """One connection of each kind; gives the number of requests."""
    for i, kind in enumerate(kinds):
        world.run("curl", "-sk", "--max-time", 10, *kind, *more, f"https://{world.EDGE4}/{path}?n={i}")
    return len(kinds)


class Fifo:
    """Opened for reading and writing, as the agent does: writers neither wait nor get SIGPIPE."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path, self.end, self.text = path, os.open(path, os.O_RDWR | os.O_NONBLOCK), b""

    def take(self):
        with contextlib.suppress(BlockingIOError):
            self.text += os.read(self.end, 65536)
        return self.text.count(b"\n")

    def read(self, target, lines):
        """A file with what came, at least so many lines."""
        world.until(lambda: self.take() >= lines, what=f"{lines} lines in {self.path.name}")
        target.write_bytes(self.text)
        return target


class KeySharing(unittest.TestCase):
    def setUp(self):
        world.need("tshark", "tcpdump", "curl", "openssl")
        self.here = world.World()
        self.addCleanup(self.here.close)
        self.socket = self.here.path("keys.sock")

    def reader(self, **options):
        reader = world.KeyReader(self.socket, **options)
        self.addCleanup(reader.close)
        return reader

    def fifo(self):
        fifo = Fifo(self.here.path("keys.fifo"))
        self.addCleanup(os.close, fifo.end)
        return fifo

    def assert_readable(self, capture, keys, count, status=200):
        found = wireshark.requests(capture, keys)
        self.assertEqual(len(found), count)
        self.assertTrue(all(request.status in (status, 200) for request in found), found)
        self.assert_inspected(capture, keys, count)

    def assert_inspected(self, capture, keys, count):
        """Our own inspector reads the same; where only the library is built, tshark's word is enough."""
        try:
            seen = inspector.inspect(capture, keys)
        except world.Skip:
            return
        self.assertEqual([row["status"] for row in seen.rows], [200] * count)
        self.assertEqual((seen.statistics["decrypted"], seen.statistics["no_key"]), (count, 0), seen.statistics)

    def assert_shared_by_file(self, keys, kinds, lines):
        with self.here.capture() as capture:
            count = ask("", kinds=kinds)
        world.until(lambda: keys.read_text().count("\n") >= lines, what=f"{lines} lines in {keys.name}")
        self.assert_readable(capture, keys, count)

    def exchange(self, reader, path="small", lines_each=(1, 4, 1, 4), **options):
        """Requests of all kinds, all of whose keys must come."""
        before = len(reader.lines())
        with self.here.capture() as capture:
            count = ask(path, **options)
        self.assert_readable(capture, reader.save(self.here.unique("keys"), before + sum(lines_each)), count)

    def test_nginx(self):
        reader = self.reader()
        nginx = servers.Nginx(self.here, keys=self.socket, listen="http2", workers=2)
        self.exchange(reader)
        described = [line for line in reader.lines() if " tcp 192.0.2.1:" in line and " 192.0.2.1:443 0x" in line]
        self.assertEqual(len({line.split()[1] for line in described}), len(KINDS), "each connection by its endpoints")
        before = nginx.workers()
        nginx.reload()
        world.until(lambda: len(nginx.workers() - before) == 2 and not nginx.workers() & before, what="new workers")
        self.exchange(reader)

    def test_nginx_workers_of_the_group(self):
        """A worker connects by itself when its group may use the socket: a new reader is found again."""
        reader = self.reader(group="www-data", mode=0o660)
        servers.Nginx(self.here, keys=self.socket, listen="http2")
        self.exchange(reader)
        reader.close()
        self.exchange(self.reader(group="www-data", mode=0o660))

    def test_nginx_workers_that_may_not_connect(self):
        """They go on with the connection of their master, which was root."""
        reader = self.reader(mode=0o600)
        servers.Nginx(self.here, keys=self.socket, listen="http2")
        self.exchange(reader)
        self.assertEqual(reader.connections, 1)

    def test_apache(self):
        reader = self.reader()
        apache = servers.Apache(self.here, keys=self.socket)
        self.exchange(reader)
        apache.reload()
        world.until(lambda: "resuming normal operations" in self.here.path("apache.err").read_text().split("Graceful")[-1],
                    what="apache is back")
        self.exchange(reader)

    def test_haproxy(self):
        reader = self.reader()
        servers.Haproxy(self.here, keys=self.socket)
        self.exchange(reader)

    def test_haproxy_in_a_chroot(self):
        reader = self.reader(mode=0o600)
        root = self.here.path("root")
        root.mkdir()
        servers.Haproxy(self.here, keys=self.socket, top=f"chroot {root}\n  user haproxy\n  group haproxy")
        self.exchange(reader)

    def test_haproxy_with_master_and_workers(self):
        reader = self.reader(mode=0o600)
        root = self.here.path("root")
        root.mkdir()
        haproxy = servers.Haproxy(self.here, keys=self.socket, arguments=("-W",),
                                  top=f"chroot {root}\n  user haproxy\n  group haproxy")
        self.exchange(reader)
        haproxy.process.send_signal(signal.SIGUSR2)
        world.until(lambda: haproxy.process.log.read_text().count("forked") >= 2, what="a new worker")
        self.exchange(reader)

    def test_haproxy_log(self):
        """HAProxy's own option: key lines as log lines to a datagram socket."""
        sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(sink.close)
        sink.bind(str(self.here.path("haproxy-keys.sock")))
        servers.Haproxy(self.here, **servers.haproxy_log(self.here.path("haproxy-keys.sock")))
        with self.here.capture() as capture:
            count = ask("small")
        sink.settimeout(5)
        said = "".join(sink.recv(65536).decode() for _ in range(count))
        lines = re.findall(r"([A-Z_0-9]+ [0-9a-fA-F]{64} (?:[0-9a-fA-F]{96}|[0-9a-fA-F]{64}))(?=[;\s])", said)
        keys = self.here.write("log.keys", "\n".join(lines) + "\n")
        self.assert_readable(capture, keys, count)

    def test_python(self):
        reader = self.reader()
        servers.python_server(self.here, self.socket)
        self.exchange(reader)

    def test_node(self):
        keys = self.here.write("node.keys", "")
        servers.node_server(self.here, keys)
        self.assert_shared_by_file(keys, kinds=KINDS[:2], lines=6)

    def test_openssl_s_server(self):
        keys = self.here.write("s_server.keys", "")
        cert, key = self.here.certificate("ec")
        self.here.start("openssl", "s_server", "-accept", 443, "-cert", cert, "-key", key, "-www", "-keylogfile", keys,
                        port=443)
        with self.here.capture() as capture:
            count = ask("", kinds=KINDS[:2])
        self.assert_readable(capture, keys, count, status=None)  # its answers have no end that tshark sees

    def test_a_fifo(self):
        """A writer that opens the FIFO for writing: openssl here, Go's KeyLogWriter likewise."""
        fifo = self.fifo()
        cert, key = self.here.certificate("ec")
        self.here.start("openssl", "s_server", "-accept", 443, "-cert", cert, "-key", key, "-www", "-keylogfile", fifo.path,
                        port=443)
        with self.here.capture() as capture:
            count = ask("", kinds=KINDS[:2])
        self.assert_readable(capture, fifo.read(self.here.path("fifo.keys"), 6), count, status=None)

    def test_go(self):
        """To a FIFO that its reader holds open, as the agent does."""
        fifo = self.fifo()
        servers.go_server(self.here, fifo.path)
        with self.here.capture() as capture:
            count = ask("")
        self.assert_readable(capture, fifo.read(self.here.path("go.keys"), 10), count)


if __name__ == "__main__":
    runner.main()
