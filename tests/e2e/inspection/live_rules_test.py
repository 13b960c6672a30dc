#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real agent on an edge with a real TLS server: what an attacker does behind TLS gets it dropped at the NIC, and nobody
else."""
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
import edge_host  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import world  # noqa: E402
from edge_host import Agent, curl  # noqa: E402

RULES = """\
rules:
  - name: path-scan
    match: {{status: 404}}
    when: {{distinct: path, over: 10, within: 1m}}
    then: {{action: block, for: 10m}}
  - name: tools
    match: {{user_agent: "*sqlmap*"}}
    when: {{count: 2, within: 1m}}
    then: {{action: block, for: 10m, mode: shadow}}
"""
ATTACKER, VISITOR = "198.51.100.7", "192.0.2.2"


def ask(source, path, *more):
    return curl(path, "--interface", source, "--max-time", "2", *more, check=False)


class Live(unittest.TestCase):
    def setUp(self):
        world.need("nginx", "curl", "openssl")
        self.here = world.World()
        self.addCleanup(self.here.close)
        self.agent = Agent(self.here, policy=edge_host.POLICY + RULES)
        self.agent.running()
        servers.Nginx(self.here, self.here.path("keys.sock"), listen="http2")

    def decisions(self):
        return self.agent.json("decisions", "list")

    def scan(self, most=40):
        """How many requests came through until nothing was answered any more."""
        for i in range(most):
            if ask(ATTACKER, f"/missing-{i}") != "404":
                return i
        return most

    def test_who_scans_is_dropped_at_the_nic_and_nobody_else(self):
        self.assertEqual(self.agent.json("status")["not_enforced"], [])
        seen, stop = [], threading.Event()

        def visit():
            while not stop.is_set():
                seen.append(ask(VISITOR, "/small"))
        visitor = threading.Thread(target=visit)
        visitor.start()
        try:
            answered = self.scan()
            self.assertGreater(answered, 9)
            self.assertLess(answered, 40, "never blocked")
            world.until(self.decisions, 5, "the decision is listed")
        finally:
            stop.set()
            visitor.join()
        self.assertEqual(set(seen), {"200"}, "the visitor was hurt")
        [decision] = self.decisions()
        self.assertEqual((decision["target"], decision["action"], decision["origin"]), (ATTACKER, "block", "rule:path-scan"))
        why = self.agent.json("why", ATTACKER)
        self.assertEqual(why["verdict"], "drop")
        [match] = [match for match in why["matches"] if match["origin"] == "rule:path-scan"]
        self.assertIn("11 different values of path (over 10) within 1m", match["reason"])
        self.assertIn("; for example /", match["reason"])
        self.assertIn("decisions delete", match["undo"])
        self.assertIn("rule:path-scan", self.agent.tidegate("events", "--since", "5m").stdout)
        self.agent.tidegate("decisions", "delete", "--origin", "rule:path-scan")
        self.assertEqual(ask(ATTACKER, "/small"), "200")

    def test_what_is_in_shadow_mode_is_reported_only(self):
        for _ in range(4):
            self.assertEqual(ask(ATTACKER, "/small", "-A", "sqlmap/1.7"), "200")
        world.until(lambda: "rule:tools would block" in self.agent.tidegate("events", "--since", "5m").stdout, 5, "an event")
        self.assertEqual(self.decisions(), [])

    def test_who_is_safelisted_is_spared(self):
        self.agent.tidegate("safelist", "add", ATTACKER)
        self.assertEqual(self.scan(20), 20)
        self.assertEqual(self.decisions(), [])
        self.assertIn("the source is on the safelist", self.agent.tidegate("events", "--since", "5m").stdout)

    def test_how_long_it_takes(self):
        """From the response that crosses the threshold to the stored decision, as far as a client can see it."""
        for i in range(11):
            self.assertEqual(ask(ATTACKER, f"/x-{i}"), "404")
        crossed = time.monotonic()
        world.until(self.decisions, 5, "the decision")
        took = time.monotonic() - crossed
        print(f"decided within {1000 * took:.0f} ms, the asking included")
        self.assertLess(took, 2)


if __name__ == "__main__":
    runner.main(prepare=edge_host.make_link)
