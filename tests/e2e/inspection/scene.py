# SPDX-License-Identifier: Apache-2.0
"""What the tests of captures share: traffic is made and captured, keys are collected, tidegate and tshark are compared."""
import contextlib
import time
import unittest

import inspector
import wireshark
import world


class Scene(unittest.TestCase):
    def setUp(self):
        world.need("tshark", "tcpdump", "curl", "openssl")
        self.here = world.World()
        self.addCleanup(self.here.close)
        self.keys = world.KeyReader(self.here.path("keys.sock"))
        self.addCleanup(self.keys.close)
        self.inspection = None

    @property
    def socket(self):
        return self.keys.path

    @contextlib.contextmanager
    def traffic(self, filter_="tcp and not net 127.0.0.0/8"):
        """What happens in the block is captured; afterwards self.pcap, self.extended and self.plain are there."""
        with self.here.capture(filter_=filter_) as self.pcap:
            yield
        self.collect()

    def collect(self):
        """Key lines so far: as our library sends them, and as everybody knows them."""
        count = -1
        while count != len(self.keys.lines()):  # the last ones may still be on their way
            count = len(self.keys.lines())
            time.sleep(0.02)
        lines = [line for line in self.keys.lines() if not line.startswith("#")]
        self.extended = self.here.unique("extended.keys")
        self.extended.write_text("".join(line + "\n" for line in lines))
        self.plain = self.here.unique("plain.keys")
        self.plain.write_text("".join(line.split(" tcp ")[0] + "\n" for line in lines))

    def judge(self, least, ports=(443,), decrypted=None, no_key=0, **options):
        """tidegate and tshark read the same in this traffic, at least so many requests."""
        judged = wireshark.requests(self.pcap, self.plain, ports=ports)
        self.assertGreaterEqual(len(judged), least, "tshark itself sees less than was asked")
        self.inspection = inspector.inspect(self.pcap, self.extended, **options)
        inspector.assert_contract(self, self.inspection)
        inspector.assert_same(self, self.inspection, judged)
        statistics = self.inspection.statistics
        self.assertLessEqual(statistics["no_key"], no_key, statistics)
        self.assertEqual(statistics["lossy"], 0, statistics)
        if decrypted is not None:
            self.assertEqual(statistics["decrypted"], decrypted, statistics)
        return self.inspection
