#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real agent on an edge with a real TLS server: what an attacker does behind TLS gets it dropped at the NIC, and nobody
else."""
import json
import pathlib
import subprocess
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
ESCALATING = """\
rules:
  - name: path-scan
    match: {{status: 404}}
    when: {{distinct: path, over: 10, within: 1m}}
    then: {{action: block, for: 2s, escalate: {{factor: 30, max: 1h, memory: 1h}}}}
"""
EVENTS = """\
rules:
  - name: handshakes
    match: {{event: [request, handshake]}}
    when: {{ratio: {{event: handshake}}, over: 0.9, min: 20, within: 1m}}
    then: {{action: block, for: 10m}}
  - name: slow
    match: {{event: stalled}}
    when: {{count: 5, within: 1m}}
    then: {{action: block, for: 10m}}
"""
IDLER = pathlib.Path(__file__).parent / "peers/idler.py"
ATTACKER, VISITOR = "198.51.100.7", "192.0.2.2"


def ask(source, path, *more):
    return curl(path, "--interface", source, "--max-time", "2", *more, check=False)


class Edge(unittest.TestCase):
    rules = RULES

    def setUp(self):
        world.need("nginx", "curl", "openssl")
        self.here = world.World()
        self.addCleanup(self.here.close)
        self.agent = Agent(self.here, policy=edge_host.POLICY + self.rules)
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


class Live(Edge):
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
        self.figures()
        self.exported()
        self.agent.tidegate("decisions", "delete", "--origin", "rule:path-scan")
        self.assertEqual(ask(ATTACKER, "/small"), "200")

    def figures(self):
        """What the rule did, wherever it is told."""
        [live] = [rule["live"] for rule in self.agent.json("rules", "list") if rule["name"] == "path-scan"]
        self.assertEqual((live["fired"], live["enforced"], live["held_back"]), (1, 1, {}))
        self.assertGreater(live["matched"], 10)
        self.assertIn("rules 2 · ", self.agent.tidegate("status", "-o", "table").stdout)
        self.assertEqual(self.agent.json("status")["rules"]["enforced"], 1)
        self.assertEqual({row["rule"] for row in self.agent.json("top", "--once", "--by", "rule")}, {"path-scan", "tools"})
        metrics = world.run("curl", "-s", "http://127.0.0.1:9464/metrics").stdout
        self.assertIn('tidegate_rule_findings_total{rule="path-scan",outcome="enforced"} 1\n', metrics)
        self.assertNotIn(ATTACKER, metrics)

    def exported(self):
        """The decision as a SIEM gets it: appended to the file, and from the command."""
        def decided(events):
            return [event for event in events if event.get("rule", {}).get("name") == "path-scan"]
        [event] = world.until(lambda: decided(self.agent.exported()), 5, "the decision is exported")
        self.assertEqual((event["event"]["action"], event["event"]["outcome"], event["source"]["ip"], event["service"]["name"]),
                         ("block", "success", ATTACKER, "web"))
        evidence = event["tidegate"]["evidence"]
        self.assertEqual((evidence["observed"], evidence["threshold"], evidence["window_seconds"]), (11, 10, 60))
        told = self.agent.tidegate("events", "--since", "5m", "--format", "ecs").stdout.splitlines()
        [same] = decided(map(json.loads, told))
        self.assertEqual(same["tidegate"], event["tidegate"])
        self.assertEqual(self.agent.json("status")["exports"][0]["lost"], 0)

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


class Repeaters(Edge):
    rules = ESCALATING

    def blocked_for(self, decisions):
        """Seconds that each decision so far was for, as exported: the first is over before anybody can look."""
        def made():
            found = [event["event"]["duration"] / 1e9 for event in self.agent.exported() if event.get("tidegate", {}).get("change") == "made"]
            return found if len(found) == decisions else None
        return world.until(made, 5, f"{decisions} decisions")

    def test_are_remembered_by_an_agent_that_was_killed(self):
        self.assertLess(self.scan(), 40, "never blocked")
        self.assertAlmostEqual(self.blocked_for(1)[0], 2, delta=1)
        world.until(lambda: not self.decisions(), 10, "the decision expired")
        self.agent.process.kill()
        self.agent.process.wait()
        self.agent.start()
        self.agent.running()
        self.assertLess(self.scan(), 40, "never blocked again")
        self.assertAlmostEqual(self.blocked_for(2)[1], 60, delta=2)


class Events(Edge):
    """What is no request is told of, and stopped, while it lasts."""

    rules = EVENTS

    def idle(self, source, count, seconds, what):
        process = subprocess.Popen([*edge_host.IN_WORLD, sys.executable, IDLER, source, world.EDGE4, str(count), str(seconds),
                                    what], stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def blocked(self, timeout):
        return world.until(lambda: [(row["target"], row["origin"]) for row in self.agent.json("decisions", "list")], timeout,
                           "a decision")

    def test_who_only_shakes_hands_is_dropped_and_a_browser_is_not(self):
        for _ in range(6):  # a page, and five connections ahead of need
            self.idle(VISITOR, 6, 0.5, "request").wait(20)
        attacker = self.idle(ATTACKER, 200, 0, "nothing")
        self.assertEqual(self.blocked(20), [(ATTACKER, "rule:handshakes")])
        attacker.wait(20)
        self.assertEqual(self.agent.json("why", ATTACKER)["verdict"], "drop")
        self.assertEqual(ask(ATTACKER, "/small"), "000")
        self.assertEqual(ask(VISITOR, "/small"), "200")
        self.assertIn("; for example (handshake) at ", str(self.agent.json("why", ATTACKER)["matches"]))

    def test_who_holds_requests_is_dropped_while_they_last(self):
        began = time.monotonic()
        attacker = self.idle(ATTACKER, 8, 60, "head")
        self.idle(VISITOR, 2, 60, "head")  # a bad line
        self.assertEqual(self.blocked(20), [(ATTACKER, "rule:slow")])
        print(f"blocked {time.monotonic() - began:.1f} s after the first byte")
        self.assertIsNone(attacker.poll(), "it still holds them")
        self.assertEqual(ask(ATTACKER, "/small"), "000")
        self.assertEqual(ask(VISITOR, "/small"), "200")


if __name__ == "__main__":
    runner.main(prepare=edge_host.make_link)
