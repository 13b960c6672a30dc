#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tidegate rules list` and `rules test`: what rules would have decided on a capture, through the real sandboxed inspector."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import pcapfile  # noqa: E402
import runner  # noqa: E402
from forged import TO_CLIENT, TO_SERVER, Talk  # noqa: E402

POLICY = """version: 1
interfaces: [eth0]
services:
  - {name: web, match: [tcp/80], http: {inspect: true}, session: {cookie: sid}, limits: {packets: {rate: 1000/s}}}
  - {name: other, match: [tcp/81], limits: {packets: {rate: 1000/s}}}
"""
RULES = """rules:
  - {name: bruteforce, service: web, match: {method: POST, path: /login, status: 401}, when: {count: 10, within: 1m},
     then: {action: block, for: 10m}}
  - {name: scan, match: {status: 404}, when: {distinct: path, over: 5, within: 1m}, then: {action: limit, packets: 5/s, for: 1h, mode: shadow}}
"""


def exchange(talk, method, path, status, cookie=""):
    talk.say(TO_SERVER, f"{method} {path}?secret=planted-query HTTP/1.1\r\nHost: a.example\r\n{cookie}Content-Length: 0\r\n\r\n".encode())
    talk.say(TO_CLIENT, f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())


def from_client(talk, last):
    """The same conversation by 198.51.100.LAST."""
    frames = []
    for frame in talk.frames:
        data = bytearray(frame.data)
        at = 26 if data[26:30] == b"\xc6\x33\x64\x09" else 30
        data[at + 3] = last
        frames.append(pcapfile.Frame(frame.seconds, frame.micros, bytes(data)))
    return frames


class Rules(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="tidegate-rules-")
        self.addCleanup(self.directory.cleanup)
        self.here = pathlib.Path(self.directory.name)

    def run_rules(self, *words, code=0):
        done = subprocess.run([runner.program("tidegate"), "rules", *map(str, words)], capture_output=True, text=True, timeout=50)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def policy(self, rules=RULES):
        path = self.here / "policy.yaml"
        path.write_text(POLICY + rules)
        return path

    def capture(self, port=80):
        attacker, visitor = Talk(40001, port), Talk(40002, port)
        for i in range(12):
            exchange(attacker, "POST", "/login", 401)
            exchange(visitor, "GET", f"/page/{i % 4}", 404 if i == 3 else 200, "Cookie: sid=planted-secret\r\n")
        for i in range(8):
            exchange(attacker, "GET", f"/admin/x{chr(97 + i)}", 404)
        frames = from_client(attacker, 66) + from_client(visitor, 7)
        path = self.here / "traffic.pcap"
        pcapfile.write(path, sorted(frames, key=lambda frame: (frame.seconds, frame.micros)))
        return path

    def test_say_what_they_would_have_decided(self):
        done = self.run_rules("test", "--pcap", self.capture(), "--policy", self.policy(), "-o", "json")
        findings = json.loads(done.stdout)
        self.assertEqual([(f["rule"], f["target"], f["action"], f["enforced"]) for f in findings],
                         [("bruteforce", "198.51.100.66", "block", True), ("scan", "198.51.100.66", "limit", False)])
        self.assertEqual(findings[0]["evidence"]["observed"], 10)
        self.assertEqual(len(findings[0]["evidence"]["examples"]), 3)
        self.assertIn("10 requests (10 or more) within 1m by source 198.51.100.66", findings[0]["reason"])
        self.assertTrue(findings[1]["shadow"])
        self.assertNotIn("planted-secret", done.stdout + done.stderr)
        self.assertNotIn("planted-query", done.stdout)

    def test_say_the_same_twice(self):
        words = ("test", "--pcap", self.capture(), "--policy", self.policy(), "-o", "json")
        self.assertEqual(self.run_rules(*words).stdout, self.run_rules(*words).stdout)

    def test_show_a_table(self):
        done = self.run_rules("test", "--pcap", self.capture(), "--policy", self.policy(), "-o", "table")
        self.assertIn("bruteforce: 12 matched, 1 decision, 1 would be enforced", done.stdout)

    def test_see_inspected_services_only(self):
        done = self.run_rules("test", "--pcap", self.capture(port=81), "--policy", self.policy(), "-o", "json")
        self.assertEqual(json.loads(done.stdout), [])

    def test_of_the_starter_pack_spare_the_visitor(self):
        starter = (runner.SOURCE / "packaging/rules.yaml").read_text()
        done = self.run_rules("test", "--pcap", self.capture(), "--policy", self.policy(starter), "-o", "json")
        self.assertEqual({(f["rule"], f["target"]) for f in json.loads(done.stdout)}, {("login-bruteforce", "198.51.100.66")})

    def test_are_listed(self):
        listed = json.loads(self.run_rules("list", "--policy", self.policy(), "-o", "json").stdout)
        self.assertEqual([(rule["name"], rule["condition"], rule["mode"]) for rule in listed],
                         [("bruteforce", "count 10", "enforce"), ("scan", "distinct path over 5", "shadow")])
        self.assertIn("bruteforce", self.run_rules("list", "--policy", self.policy(), "-o", "table").stdout)

    def test_that_are_wrong_are_refused_with_line_and_column(self):
        wrong = self.policy("rules: [{name: r, when: {count: 0, within: 1m}, then: {action: block, for: 1h}}]\n")
        done = self.run_rules("test", "--pcap", self.capture(), "--policy", wrong, code=1)
        self.assertIn(f"{wrong}:6:33: rule r: when count: '0' is not a whole number", done.stderr)
        done = self.run_rules("test", "--pcap", self.capture(), "--policy", self.policy(""), code=1)
        self.assertIn("has no rules", done.stderr)
        self.run_rules("test", "--pcap", self.here / "not-there", "--policy", self.policy(), code=1)
        self.run_rules("test", "--policy", self.policy(), code=2)


if __name__ == "__main__":
    runner.main()
