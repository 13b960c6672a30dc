#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real agent and inspector on a live edge, with more than they can take or with what no honest peer sends: that is counted
and said, memory is bounded, and what comes afterwards is seen as ever."""
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
import edge_host  # noqa: E402
import forged  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import world  # noqa: E402
from edge_host import Agent, curl  # noqa: E402
from forged import TO_CLIENT, TO_SERVER, Talk, h2_frame  # noqa: E402

MOST_RESIDENT_KB = 300_000
POLICY = edge_host.POLICY.replace("tcp/443", "tcp/80, tcp/443")
CLEARTEXT = f"http://{world.EDGE4}"


RULES = """\
rules:
  - name: probes
    match: {{path: "/.env"}}
    when: {{count: 3, within: 1m}}
    then: {{action: block, for: 10m}}
  - name: slow
    match: {{event: stalled}}
    when: {{count: 3, within: 1m}}
    then: {{action: block, for: 10m}}
"""
KEPT_OPEN = """\
import http.client, sys
connection = http.client.HTTPConnection("192.0.2.1", 80, 5, source_address=("198.51.100.7", 0))
def ask(path):
    connection.request("GET", path)
    connection.getresponse().read()
    print(path, flush=True)
ask("/small")
sys.stdin.read(1)
for _ in range(3):
    ask("/.env")
"""


class Live(unittest.TestCase):
    policy = POLICY

    def setUp(self):
        world.need("nginx", "curl", "openssl", "wrk")
        self.here = world.World()
        self.addCleanup(self.here.close)
        self.agent = Agent(self.here, policy=self.policy, memory="256MB")
        self.agent.running()
        self.first = self.agent.inspector_pid()
        servers.Nginx(self.here, self.here.path("keys.sock"), listen="http2", cleartext="listen 80;")

    def metric(self, name):
        text = world.run("curl", "-s", "http://127.0.0.1:9464/metrics").stdout
        return float(re.search(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", text, re.MULTILINE)[1])

    def warnings(self):
        return " ".join(self.agent.json("status")["warnings"])

    def ask_until_seen(self, *kind, url=CLEARTEXT, timeout=10):
        """Honest clients of a path that nobody asked for before."""
        def seen():
            self.assertEqual(curl("/created", *kind, url=url), "201")
            return ("GET", "/created") in self.agent.endpoints()
        try:
            world.until(seen, timeout)
        except TimeoutError:
            raise AssertionError(f"an honest request is not seen: {self.agent.inspector()}") from None

    def assert_it_lives(self):
        self.assertEqual(self.agent.inspector_pid(), self.first)
        status = self.agent.inspector()
        self.assertEqual((status["state"], status["restarts"], status["kills"]), ("running", 0, 0))
        text = pathlib.Path(f"/proc/{self.first}/status").read_text()
        most = int(re.search(r"VmHWM:\s+(\d+) kB", text)[1])
        print(f"the inspector's largest resident size: {most} kB")
        self.assertLess(most, MOST_RESIDENT_KB)


class Overload(Live):
    def test_more_than_it_can_take(self):
        """It stands still for a second and a half of load: the ring overflows, which is counted and warned of; part of what comes
        is shed and said to be; afterwards everything is inspected again."""
        load = self.here.start("ip", "netns", "exec", edge_host.WORLD, "wrk", "-t1", "-c16", "-d4s", f"{CLEARTEXT}/large")
        world.until(lambda: self.agent.counters()["requests"] > 0, what="traffic")
        os.kill(self.first, signal.SIGSTOP)
        try:
            time.sleep(1.5)
        finally:
            os.kill(self.first, signal.SIGCONT)
        shed = world.until(lambda: self.agent.inspector()["shedding"] and self.agent.json("status"), 3, "something is shed")
        self.assertIn("overloaded: ", " ".join(shed["warnings"]))
        self.assertGreater(shed["inspector"]["shed_share"], 0)
        counters = self.agent.until_counted("ring_dropped_packets", 1)
        self.assertGreaterEqual(self.metric("tidegate_inspector_ring_dropped_packets_total"), counters["ring_dropped_packets"])
        self.assertRegex(self.warnings(), r"losing: \d+ packets of the last minute were not inspected")
        self.assertEqual(load.wait(20), 0)
        self.assertNotRegex(load.log.read_text(), "Socket errors|Non-2xx", "clients notice nothing")
        world.until(lambda: self.agent.inspector()["shedding"] == 0, 10, "nothing is shed any more")
        self.assertEqual(self.metric("tidegate_inspector_shedding"), 0)
        self.assertNotIn("overloaded", self.warnings())
        self.ask_until_seen()
        self.assert_it_lives()


def out_in_the_world():
    """A socket that sends frames from the other end of eth0."""
    libc, inside = ctypes.CDLL(None, use_errno=True), os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{edge_host.WORLD}", os.O_RDONLY)
    try:
        if libc.setns(there, 0):
            raise OSError(ctypes.get_errno(), "setns")
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind(("eth0", 0))
        if libc.setns(inside, 0):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(there)
        os.close(inside)
    return sender


class Hostile(Live):
    """Client's frames come in at eth0 for an address that this host does not have; the kernel passes them over and never answers."""

    NOBODY = b"\xc0\x00\x02\x63"

    def flood(self, counter, least, count, make, **options):
        """Sends conversations of our own making, and waits until they were counted."""
        target = bytes.fromhex(pathlib.Path("/sys/class/net/eth0/address").read_text().replace(":", ""))
        before = self.agent.counters()[counter]
        segment, forged.SEGMENT = forged.SEGMENT, 1400
        self.addCleanup(setattr, forged, "SEGMENT", segment)
        frames = []  # all made beforehand: sending is to be fast
        for i in range(count):
            talk = Talk(1024 + i % 60_000, **{"server": self.NOBODY, "checksums": True, **options})
            make(talk, i)
            frames += [target + frame.data[6:] for frame in talk.frames]
        with out_in_the_world() as sender:
            for frame in frames:
                sender.send(frame)
        self.agent.until_counted(counter, before + least)

    def attack(self, *what, **options):
        """Whoever comes afterwards is seen."""
        self.flood(*what, **options)
        self.ask_until_seen()
        self.assert_it_lives()

    def http2(self, *frames):
        return lambda talk, _: talk.say(TO_SERVER, forged.PREFACE + h2_frame(4, 0, 0, b"") + b"".join(frames))

    def test_segments_that_the_server_drops(self):
        """Their checksum is wrong: nothing of what they say is read."""
        def ask(talk, _):
            talk.say(TO_SERVER, b"GET /forged HTTP/1.1\r\nHost: www.example.org\r\n\r\n")
            talk.say(TO_CLIENT, b"HTTP/1.1 204 No Content\r\n\r\n")

        before = self.agent.counters()
        self.flood("requests", 50, 50, ask)
        self.attack("bad_checksums", 400, 100, ask, checksums=False, server=b"\xc0\x00\x02\x01")
        after = self.agent.counters()
        self.assertLess(after["requests"], before["requests"] + 100, "of the first fifty, and of those who came afterwards")

    def test_hpack_bomb(self):
        bomb = forged.GET + forged.literal(b"x" * 60, b"y" * 3900) + b"\xbe" * 12_000
        again = [h2_frame(1, 5, 3 + 2 * i, forged.GET + b"\xbe" * 12_000) for i in range(20)]
        self.attack("headers_too_large", 20, 40, self.http2(h2_frame(1, 5, 1, bomb), *again))

    def test_continuation_flood(self):
        flood = h2_frame(1, 1, 1, forged.GET) + h2_frame(9, 0, 1, forged.literal(b"a", b"b" * 100) * 20) * 400
        self.attack("payload_bytes", 8_000_000, 40, self.http2(flood))

    def test_rapid_reset(self):
        resets = [h2_frame(1, 5, 1 + 2 * i, forged.GET) + h2_frame(3, 0, 1 + 2 * i, struct.pack("!I", 8)) for i in range(20_000)]
        send = self.http2(*resets)
        self.attack("http2_stream_resets", 100_000, 5, lambda talk, i: send(talk.say(TO_CLIENT, h2_frame(4, 0, 0, b"")), i))

    def test_heads_of_a_megabyte(self):
        shapes = (b"GET / HTTP/1.1\r\nX: " + b"y" * 1_000_000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 170_000,
                  b"GET /" + b"p" * 1_000_000)
        self.attack("payload_bytes", 10_000_000, 30, lambda talk, i: talk.say(TO_SERVER, shapes[i % 3]))

    def test_half_open_connections_with_payload(self):
        """Nobody answers them: what they keep is bounded, that new connections are not looked into meanwhile is said, and within
        seconds they are again."""
        def make(talk, _):
            talk.packet(TO_SERVER, b"GET /" + b"a" * 1000, forged.SYN)
            talk.packet(TO_SERVER, b"b" * 1000)
        self.flood("connections_shed", 1000, 60_000, make, opened=False)
        world.until(lambda: self.agent.inspector()["shed_share"] == 1, what="memory is nearly full")
        self.assertIn("overloaded: ", self.warnings())
        self.assertEqual(curl("/small", url=CLEARTEXT), "200")
        status = self.agent.inspector()
        self.assertLess(status["memory_bytes"], 256_000_000)
        self.ask_until_seen()
        self.agent.until_counted("connections_evicted_memory", 1000)
        self.assert_it_lives()


class Framed(Live):
    """Who forges an address cannot have it blocked: its packets come in at eth0, and the server's kernel answers them to somebody
    else."""

    policy = POLICY + RULES
    ABSENT, PRESENT = bytes([198, 51, 100, 9]), bytes([192, 0, 2, 2])  # the latter's kernel refuses what it did not ask for

    def decisions(self):
        return [(row["target"], row["origin"]) for row in self.agent.json("decisions", "list")]

    def forged(self, victim, port):
        """All that can be sent without seeing an answer, and what it would be answered if there were a connection."""
        ask = b"GET /.env HTTP/1.1\r\nHost: www.example.org\r\n"
        options = {"server_port": port, "opened": False, "checksums": True, "client": victim}
        for i in range(20):
            yield Talk(20_000 + i, **options).say(TO_SERVER, ask + b"\r\n")
            yield Talk(21_000 + i, **options).say(TO_SERVER, ask)
            for first, data in enumerate((ask, ask + b"\r\n", ask + b"\r\n")):
                talk = Talk(22_000 + 1000 * first + i, **options)
                talk.packet(TO_SERVER, b"", forged.SYN)
                if first == 2:
                    talk.packet(TO_SERVER, b"")
                yield talk.say(TO_SERVER, data)

    def test_by_forged_requests(self):
        [link] = json.loads(world.run("ip", "-j", "link", "show", "eth0").stdout)  # /sys may show another namespace
        target = bytes.fromhex(link["address"].replace(":", ""))
        for _ in range(2):  # its own, below the threshold
            self.assertEqual(curl("/.env", "--interface", "192.0.2.2", url=CLEARTEXT), "404")
        with out_in_the_world() as sender:
            for talk in (talk for victim in (self.ABSENT, self.PRESENT) for port in (80, 443) for talk in self.forged(victim, port)):
                for frame in talk.frames:
                    sender.send(target + frame.data[6:])
        rules = world.until(lambda: (found := self.agent.json("status")["rules"])["unproven"] >= 80 and found, 15, "the forged are seen")
        print(f"{rules['unproven']} requests and events of forged addresses were left out")
        edge_host.pause(11)  # until what does not end is told as well
        self.assertEqual(self.decisions(), [])
        self.assertNotIn("rule:", self.agent.tidegate("events", "--since", "5m").stdout)
        self.assertGreaterEqual(self.agent.counters()["packets"], 720 + 2 * 60, "the server's kernel answers")
        self.assertGreaterEqual(self.metric("tidegate_rules_unproven_total"), rules["unproven"])
        for _ in range(3):
            curl("/.env", "--interface", "198.51.100.7", url=CLEARTEXT)
        self.assertEqual(world.until(self.decisions, 5, "a decision"), [("198.51.100.7", "rule:probes")])
        self.assert_it_lives()

    def test_who_was_there_before_the_inspector_is_blocked(self):
        client = self.here.start(*edge_host.IN_WORLD, sys.executable, "-c", KEPT_OPEN, stdin=subprocess.PIPE)
        world.until(lambda: "/small" in client.log.read_text(), 5, "a connection")
        os.kill(self.first, signal.SIGKILL)
        world.until(lambda: self.agent.inspector()["restarts"] == 1 and self.agent.running(), 10, "another inspector")
        client.stdin.write(b"1")
        client.stdin.flush()
        self.assertEqual(world.until(self.decisions, 5, "a decision"), [("198.51.100.7", "rule:probes")])
        self.agent.until_counted("connections_mid_stream", 1)


class KeyFlood(Live):
    def test_valid_keys_of_nobody(self):
        """For three seconds, as fast as they are taken: places are bounded, and real keys find one afterwards."""
        url = f"https://{world.EDGE4}"
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sender.connect(str(self.here.path("keys.sock")))
        sender.settimeout(10)
        until, sent = time.monotonic() + 3, 0
        while time.monotonic() < until:
            sender.sendall(b"".join(b"CLIENT_RANDOM %s %s\n" % (os.urandom(32).hex().encode(), b"5a" * 48) for _ in range(500)))
            sent += 500
        sender.close()
        counters = self.agent.until_counted("keys_accepted", sent, 15)
        self.assertEqual(counters["keys_malformed"], 0)
        self.assertGreater(counters["keys_evicted"], 0)
        self.assertGreaterEqual(counters["keys_evicted"] + counters["sessions"], sent)
        self.assertGreaterEqual(self.metric("tidegate_inspector_keys_evicted_total"), counters["keys_evicted"])
        self.ask_until_seen("--http2", url=url)
        self.assertEqual(curl("/small", "--tls-max", "1.2", url=url), "200")
        self.assertEqual(self.agent.until_counted("connections_decrypted", 2)["no_key"], 0)
        self.assert_it_lives()


if __name__ == "__main__":
    runner.main(prepare=edge_host.make_link)
