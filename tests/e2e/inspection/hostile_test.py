#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peers that mean harm: bounded memory, no crash, and whoever comes after them is read as ever."""
import os
import random
import struct
import sys
import time

sys.dont_write_bytecode = True
import clients  # noqa: E402
import forged  # noqa: E402
import inspector  # noqa: E402
import pcapfile  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
from forged import TO_CLIENT, TO_SERVER, Talk, h2_frame  # noqa: E402
from scene import Scene  # noqa: E402

MOST_RESIDENT_KB = 300_000
LONGEST_SECONDS = 20
POLICY = """\
version: 1
interfaces: [{name: eth0, mode: native}]
services:
  - {name: web, match: [tcp/80, tcp/443], limits: {packets: {rate: 1000/s}}, tls: {inspect: true}, account: {json: /a/b}}
"""


class Hostile(Scene):
    @classmethod
    def setUpClass(cls):
        cls.honest = None

    def honest_traffic(self):
        """Frames, key lines and rows of a client that means well; made once."""
        if Hostile.honest is None:
            servers.Nginx(self.here, self.socket, listen="http2")
            with self.traffic():
                clients.curl("/small", "--http2")
                clients.curl("/medium", "--http1.1")
            Hostile.honest = pcapfile.read(self.pcap), self.extended.read_text(), inspector.inspect(self.pcap, self.extended).rows
            self.assertEqual(len(Hostile.honest[2]), 2)
        return Hostile.honest

    def suffer(self, frames, **options):
        """Inspects these frames and honest ones after them."""
        honest, lines, rows = self.honest_traffic()
        pcap = pcapfile.write(self.here.unique("hostile.pcap"), list(frames) + honest)
        keys = self.here.unique("hostile.keys")
        keys.write_text(lines)
        began = time.monotonic()
        found = inspector.inspect(pcap, keys, **options)
        self.assertLess(time.monotonic() - began, LONGEST_SECONDS)
        self.assertLess(found.resident_kb, MOST_RESIDENT_KB)
        ports = {row["client_port"] for row in rows}
        self.assertEqual([row for row in found.rows if row["client_port"] in ports],
                         [dict(row, service=found.rows[-1]["service"]) for row in rows])
        pcap.unlink()
        return found

    def talks(self, count, make, **options):
        frames = []
        for i in range(count):
            talk = Talk(1024 + i % 60000, **options)
            make(talk, i)
            frames += talk.frames
        return frames

    def test_record_lengths(self):
        def make(talk, i):
            shape = i % 6
            if shape == 0:
                talk.say(TO_SERVER, b"\x16\x03\x01\xff\xff" + b"\x01" * 3000)
            elif shape == 1:
                talk.say(TO_SERVER, b"\x16\x03\x01\x00\x00" * 2000)
            elif shape == 2:
                talk.say(TO_SERVER, b"".join(b"\x16\x03\x01\x00\x01" + bytes([byte]) for byte in forged.client_hello_like(60000)[5:] * 30))
            elif shape == 3:
                talk.say(TO_SERVER, forged.client_hello_like(0xFFFFFF) + os.urandom(20000))
            elif shape == 4:
                talk.say(TO_SERVER, forged.client_hello_like(200) + bytes(34) + b"\xff" * 166).say(TO_CLIENT, os.urandom(5000))
            else:
                talk.say(TO_SERVER, b"\x16\x03\x01\x40\x00")
        self.suffer(self.talks(3000, make, server_port=443))

    def test_ciphertext_without_keys(self):
        """The same honest download on four hundred other ports, whose keys never come."""
        servers.Nginx(self.here, self.socket)
        with self.traffic():
            clients.curl("/large", "--http1.1", "--interface", "198.51.100.7")
        download, frames = pcapfile.read(self.pcap), []
        port = next(frame.ports[0] for frame in download if frame.ports[1] == 443)
        for i in range(400):
            other = struct.pack("!H", 2000 + i)
            for frame in download:
                where = frame.tcp if frame.ports[0] == port else frame.tcp + 2
                frames.append(pcapfile.Frame(frame.seconds, frame.micros, frame.data[:where] + other + frame.data[where + 2:]))
        found = inspector.inspect(pcapfile.write(self.here.unique("keyless.pcap"), frames), self.here.write("none.keys", ""))
        self.assertEqual(found.statistics["no_key"], 400, found.statistics)
        self.assertLess(found.resident_kb, MOST_RESIDENT_KB)

    def test_holes(self):
        """Everything comes but the first bytes."""
        self.suffer(self.talks(100, lambda talk, _: talk.skip(TO_SERVER, 10).say(TO_SERVER, bytes(900_000))))

    def test_half_open_connections(self):
        frames = []
        for i in range(150_000):
            talk = Talk(1024 + i % 60000, 80 + 363 * (i // 60000 % 2), opened=False)
            talk.packet(TO_SERVER, b"", forged.SYN)
            frames += talk.frames
        self.suffer(frames)

    def test_a_hundred_thousand_unfinished_requests(self):
        self.suffer(self.talks(60_000, lambda talk, _: talk.say(TO_SERVER, b"GET /" + b"a" * 300)))

    def test_heads_of_a_megabyte(self):
        shapes = (b"GET / HTTP/1.1\r\nX: " + b"y" * 1_000_000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 170_000,
                  b"GET /" + b"p" * 1_000_000, b"G" * 1_000_000, b"GET / HTTP/1.1\r\n" + b" folded\r\n" * 100_000,
                  b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 4_000)
        self.suffer(self.talks(60, lambda talk, i: talk.say(TO_SERVER, shapes[i % len(shapes)])))

    def test_responses_without_end(self):
        shapes = (b"HTTP/1.1 100 Continue\r\n\r\n" * 40_000, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 170_000,
                  b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1;" + b"e" * 1_000_000,
                  b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"fffffffffffffffff\r\n" * 1000,
                  b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n" + b"x" * 1000,
                  b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: v\r\n" * 170_000)
        self.suffer(self.talks(60, lambda talk, i: talk.say(TO_SERVER, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").say(TO_CLIENT, shapes[i % 6])))

    def test_hpack_bomb(self):
        """One entry of the table, named sixteen thousand times in each of many heads."""
        bomb = forged.GET + forged.literal(b"x" * 60, b"y" * 3900) + b"\xbe" * 16_000
        again = forged.GET + b"\xbe" * 16_000
        blocks = [h2_frame(1, 5, 1, bomb)] + [h2_frame(1, 5, 3 + 2 * i, again) for i in range(30)]
        self.suffer(self.talks(20, lambda talk, _: talk.say(TO_SERVER, forged.PREFACE + h2_frame(4, 0, 0, b"") + b"".join(blocks))))

    def test_header_table_sizes(self):
        settings = h2_frame(4, 0, 0, struct.pack("!HI", 1, 0xFFFFFFFF))
        update = b"\x3f" + b"\xff" * 4 + b"\x07"  # dynamic table size update, nearly 2^31
        entries = b"".join(forged.literal(b"n%d" % i, b"v" * 4000) for i in range(3))
        self.suffer(self.talks(300, lambda talk, _: talk.say(TO_CLIENT, settings).say(
            TO_SERVER, forged.PREFACE + settings + h2_frame(1, 5, 1, update + forged.GET + entries)
            + b"".join(h2_frame(1, 5, 3 + 2 * i, forged.GET + entries) for i in range(20)))))

    def test_continuation_flood(self):
        flood = h2_frame(1, 1, 1, forged.GET) + h2_frame(9, 0, 1, forged.literal(b"a", b"b" * 100) * 20) * 500
        empty = h2_frame(1, 1, 1, forged.GET) + h2_frame(9, 0, 1, b"") * 100_000
        self.suffer(self.talks(20, lambda talk, i: talk.say(TO_SERVER, forged.PREFACE + h2_frame(4, 0, 0, b"") + (flood, empty)[i % 2])))

    def test_rapid_reset(self):
        count = 30_000
        resets = b"".join(h2_frame(1, 5, 1 + 2 * i, forged.GET) + h2_frame(3, 0, 1 + 2 * i, struct.pack("!I", 8)) for i in range(count))
        found = self.suffer(self.talks(3, lambda talk, _: talk.say(TO_SERVER, forged.PREFACE + h2_frame(4, 0, 0, b"") + resets)))
        self.assertEqual(sum(row["reset"] for row in found.rows), 3 * count)

    def test_streams_without_end(self):
        opened = b"".join(h2_frame(1, 4, 1 + 2 * i, forged.GET) for i in range(20_000))
        pushed = b"".join(h2_frame(5, 4, 1, struct.pack("!I", 2 + 2 * i) + forged.GET) for i in range(5_000))
        self.suffer(self.talks(10, lambda talk, _: talk.say(TO_SERVER, forged.PREFACE + h2_frame(4, 0, 0, b"") + opened).say(
            TO_CLIENT, h2_frame(4, 0, 0, b"") + pushed)))

    def test_bodies_that_are_asked_for(self):
        """JSON without bottom, forms without end: an account field is looked for in them."""
        policy = self.here.write("policy.yaml", POLICY)
        bodies = (b"[" * 500_000, b'{"a":' * 100_000, b'{"a":{"b":"' + b"x" * 500_000, b'{"a":{"b":' + b"9" * 500_000, b'"' + b"\\u0000" * 80_000)
        def make(talk, i):
            body = bodies[i % len(bodies)]
            talk.say(TO_SERVER, b"POST /login HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            talk.say(TO_CLIENT, b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
        found = self.suffer(self.talks(50, make), policy=policy)
        self.assertEqual(len([row for row in found.rows if row["path"] == "/login"]), 50)

    def test_mutations_of_honest_traffic(self):
        frames, lines, _ = self.honest_traffic()
        keys = self.here.write("mutated.keys", lines)
        for seed in range(12):
            dice, changed = random.Random(seed), []
            for frame in frames * 3:
                data = bytearray(frame.data)
                for _ in range(dice.choice((0, 0, 1, 3))):
                    data[dice.randrange(14, len(data))] = dice.randrange(256)
                changed.append(pcapfile.Frame(frame.seconds, frame.micros, bytes(data[:dice.choice((len(data), len(data), 60))])))
            found = inspector.inspect(pcapfile.write(self.here.path("mutated.pcap"), changed), keys)
            self.assertIsNotNone(found.statistics)


if __name__ == "__main__":
    runner.main()
