#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Captures as a bad network and an overloaded capture leave them: what arrived is read as before, what did not is said."""
import collections
import random
import sys

sys.dont_write_bytecode = True
import clients  # noqa: E402
import inspector  # noqa: E402
import pcapfile  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import world  # noqa: E402
from clients import Connection, get  # noqa: E402
from scene import Scene  # noqa: E402


class Damage(Scene):
    def setUp(self):
        super().setUp()
        servers.Nginx(self.here, self.socket, listen="http2")
        world.set_mtu(1500)
        self.addCleanup(world.set_mtu, None)
        self.random = random.Random(4711)

    def make_traffic(self, connections=12):
        with self.traffic():
            for i in range(connections):
                version = ("--http1.1", "--http2")[i % 2]
                urls = [f"https://{world.EDGE4}/{path}?{i}" for path in ("small", "medium", "created", "missing")]
                world.run("curl", "-sk", version, *(["--tls-max", "1.2"] if i % 3 == 0 else []),
                          *[word for url in urls for word in ("-o", "/dev/null", url)])
        self.frames = pcapfile.read(self.pcap)
        self.whole = inspector.inspect(self.pcap, self.extended)
        self.assertEqual(len(self.whole.rows), 4 * connections)

    def inspect(self, frames):
        found = inspector.inspect(pcapfile.write(self.here.unique("changed.pcap"), frames), self.extended)
        inspector.assert_contract(self, found)
        return found

    def assert_whole(self, frames):
        found = self.inspect(frames)
        self.assertEqual(sorted(found.keys()), sorted(self.whole.keys()))
        self.assertEqual(found.statistics["lossy"], 0, found.statistics)
        sizes = [[(row["path"], row["client_port"], row["request_bytes"], row["response_bytes"]) for row in one.rows]
                 for one in (found, self.whole)]
        self.assertEqual(sorted(sizes[0]), sorted(sizes[1]))

    def assert_true_or_lossy(self, found, least):
        """Whatever is reported as whole is true; at least so many requests are left."""
        truth = collections.Counter(self.whole.keys())
        said = collections.Counter(key for key, row in zip(found.keys(), found.rows) if not row["lossy"] and row["status"])
        self.assertEqual(said - truth, collections.Counter(), "requests that never were")
        self.assertGreaterEqual(sum(said.values()), least)

    def test_doubled_frames(self):
        self.make_traffic()
        self.assert_whole([frame for frame in self.frames for _ in range(self.random.choice((1, 1, 2, 3)))])

    def runs(self):
        """The frames of each connection that one side sent before it heard of the other: what a network may reorder."""
        found, last = [], {}
        for i, frame in enumerate(self.frames):
            connection, side = frozenset(frame.ports), frame.ports
            if frame.size == 0 or frame.opens_or_closes or last.get(connection, (None,))[0] != side:
                last[connection] = (side, [])
                found.append(last[connection][1])
            last[connection][1].append(i)
        return found

    def test_shuffled_frames(self):
        self.make_traffic()
        changed, shuffled = list(self.frames), 0
        for run in self.runs():
            mixed = self.random.sample(run, len(run))
            shuffled += mixed != run
            for to, source in zip(run, mixed):
                changed[to] = self.frames[source]
        self.assertGreater(shuffled, 10)
        self.assert_whole(changed)

    def test_shuffled_across_directions(self):
        """Answers before questions, as captures of several queues may have it: nothing untrue is said."""
        self.make_traffic()
        for _ in range(20):
            keyed = [(i + self.random.uniform(-4, 4), frame) for i, frame in enumerate(self.frames)]
            self.assert_true_or_lossy(self.inspect([frame for _, frame in sorted(keyed, key=lambda each: each[0])]), 0)

    def test_overlapping_segments(self):
        """Every segment is followed by parts of itself, as retransmissions cut them anew."""
        self.make_traffic()
        changed = []
        for frame in self.frames:
            changed.append(frame)
            if frame.size > 10 and not frame.opens_or_closes:
                begin = self.random.randrange(frame.size - 1)
                changed.append(pcapfile.with_payload(frame, begin, self.random.randrange(begin + 1, frame.size + 1)))
        self.assert_whole(changed)

    def test_segments_cut_into_pieces(self):
        self.make_traffic(6)
        changed = []
        for frame in self.frames:
            if frame.size < 3 or frame.opens_or_closes:
                changed.append(frame)
                continue
            cuts = sorted({0, frame.size, *(self.random.randrange(frame.size) for _ in range(3))})
            changed += [pcapfile.with_payload(frame, begin, end) for begin, end in zip(cuts, cuts[1:])]
        self.assert_whole(changed)

    def test_lost_frames(self):
        self.make_traffic(24)
        for share in (0.002, 0.02, 0.2):
            with self.subTest(share):
                kept = [frame for frame in self.frames if self.random.random() >= share]
                found = self.inspect(kept)
                lost = sum(frame.size for frame in self.frames) > sum(frame.size for frame in kept)
                self.assertEqual(found.statistics["lossy"] + found.statistics["mid_stream"] > 0, lost, found.statistics)
                self.assert_true_or_lossy(found, len(self.whole.rows) * (0.9 if share < 0.01 else 0.3 if share < 0.1 else 0))

    def test_a_lost_connection_is_only_that(self):
        self.make_traffic()
        ports = sorted({row["client_port"] for row in self.whole.rows})
        victim = ports[len(ports) // 2]
        kept = [frame for frame in self.frames if victim not in frame.ports or frame.size == 0 or self.random.random() > 0.3]
        found = self.inspect(kept)
        others = sorted(key for key in self.whole.keys() if key[1] != victim)
        self.assertEqual(sorted(key for key in found.keys() if key[1] != victim), others)
        self.assertEqual(found.statistics["lossy"], 1, found.statistics)

    def test_a_short_snap_length(self):
        """Bodies are cut off, heads are there: the rest of a connection cannot be told, but nothing untrue is."""
        self.make_traffic()
        cut = [pcapfile.Frame(frame.seconds, frame.micros, frame.data[:400], len(frame.data)) for frame in self.frames]
        self.assert_true_or_lossy(self.inspect(cut), 0)

    def test_a_capture_that_begins_in_the_middle(self):
        """Keep-alive connections whose handshake was not seen: the endpoints of our key lines lead to the keys of TLS 1.3. Those
        of TLS 1.2 cannot be made without the server's random."""
        connections = {}
        for name, options in (("12", {"version": clients.ssl.TLSVersion.TLSv1_2}), ("13", {"version": clients.ssl.TLSVersion.TLSv1_3})):
            connections[name] = Connection(**options)
            connections[name].send(get("/created"))
            connections[name].receive_until(b"created\n")
        with self.traffic():
            for i in range(3):
                for connection in connections.values():
                    connection.send(get(f"/small?{i}"))
                    connection.receive_until(b"abcdef0123")
                    connection.send(get("/missing"))
                    connection.receive_until(b"</html>")
        found = inspector.inspect(self.pcap, self.extended)
        self.assertEqual(found.statistics["mid_stream"], 2, found.statistics)
        self.assertEqual((found.statistics["decrypted"], found.statistics["no_key"]), (1, 1), found.statistics)
        self.assertEqual([(row["path"], row["status"]) for row in found.rows], [("/small", 200), ("/missing", 404)] * 3)

    def test_a_capture_that_ends_early(self):
        self.make_traffic()
        for part in (0.1, 0.5, 0.9):
            self.assert_true_or_lossy(self.inspect(self.frames[:int(len(self.frames) * part)]), 0)


if __name__ == "__main__":
    runner.main()
