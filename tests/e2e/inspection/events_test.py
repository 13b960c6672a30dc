#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is no request, in captures of a real nginx: handshakes that ask for nothing, heads and bodies that do not come whole."""
import pathlib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import clients  # noqa: E402
import inspector  # noqa: E402
import runner  # noqa: E402
import scene  # noqa: E402
import servers  # noqa: E402
import world  # noqa: E402

IDLER = pathlib.Path(__file__).parent / "peers/idler.py"
HELD = 11.5  # s: told after 10


def idle(count, seconds, what):
    return subprocess.Popen([sys.executable, IDLER, world.CLIENT4, world.EDGE4, str(count), str(seconds), what],
                            stdout=subprocess.DEVNULL)


class Events(scene.Scene):
    def look(self, *keylogs, more=("--events",)):
        return inspector.inspect(self.pcap, *keylogs, more=more)

    def kinds(self, found):
        return sorted((row["kind"], row.get("path")) for row in found.rows if row["kind"] != "request")

    def test_are_told_where_they_are_known(self):
        """Everything at once, because each has to last for ten seconds."""
        servers.Nginx(self.here, self.socket)
        with self.traffic():
            held = [idle(2, HELD, "nothing"), idle(2, HELD, "head"), idle(1, HELD, "body"), idle(3, 0, "nothing"),
                    idle(1, 1, "head")]
            clients.s_client(self.here, "-tls1_2", timeout=0.5)
            self.assertEqual(clients.curl("/small"), "200")
            for process in held:
                process.wait(30)
        found = self.look(self.extended)
        self.assertEqual(self.kinds(found), [("handshake", None)] * 6 + [("stalled", "/held")] * 2 + [("stalled", "/upload")])
        stood = sorted(row["duration_ms"] for row in found.rows if row["kind"] == "handshake")
        self.assertEqual(stood[-2:], [10000, 10000])
        self.assertLess(stood[0], 5000)
        self.assertEqual({row["tls"] for row in found.rows}, {"1.2", "1.3"})
        self.assertEqual({row["duration_ms"] for row in found.rows if row["kind"] == "stalled"}, {10000})
        asked = [row["path"] for row in found.rows if row["kind"] == "request"]
        self.assertEqual(sorted(asked), ["/held"] * 3 + ["/small", "/upload"], "requests are told when they end, as ever")
        plain = self.look(self.extended, more=())
        self.assertEqual(len(plain.rows), 5)
        self.assertNotIn("kind", plain.rows[0])
        self.assertEqual(self.look().rows, [], "without keys nobody is accused")
        self.assertEqual(self.look(self.extended).text, found.text, "the same again")


if __name__ == "__main__":
    runner.main()
