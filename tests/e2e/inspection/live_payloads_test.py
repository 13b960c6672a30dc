#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real agent on an edge with a real TLS server: who sends attacks in payloads is dropped at the NIC, who only sends what looks
strange is not, and what was sent is nowhere to be found afterwards."""
import os
import pathlib
import re
import signal
import sys
import unittest

sys.dont_write_bytecode = True
import edge_host  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import world  # noqa: E402
from edge_host import Agent, curl  # noqa: E402

ATTACKER, VISITOR = "198.51.100.7", "192.0.2.2"
PLANTED = "Pl4nted-9f27c1"
RULES = """\
rules:
  - name: attack-payloads
    match: {{attack: any}}
    when: {{count: 3, within: 10m}}
    then: {{action: block, for: 10m}}
"""
POLICY = edge_host.POLICY.replace("    account:", "    payloads: {{sample: 1, body: 8kB}}\n    account:") + RULES


def examiner_is_built():
    runner.program("tidegate-payload")
    if not pathlib.Path("/usr/share/modsecurity-crs/rules").is_dir():
        raise world.Skip("modsecurity-crs is not installed")


def ask(source, path, *more):
    return curl(path, "--interface", source, "--max-time", "3", *more, check=False)


class Payloads(unittest.TestCase):
    def setUp(self):
        world.need("nginx", "curl", "openssl")
        examiner_is_built()
        self.here = world.World()
        self.addCleanup(self.here.close)
        self.agent = Agent(self.here, policy=POLICY)
        self.agent.running()
        world.until(lambda: self.examiner()["state"] == "running", 15, "the examiner runs")
        servers.Nginx(self.here, self.here.path("keys.sock"), listen="http2")

    def examiner(self):
        return self.agent.inspector()["payloads"]

    def examiner_pid(self):
        found = world.run("pgrep", "-P", self.agent.process.pid, "-f", "tidegate-payload", check=False).stdout.split()
        return int(found[0]) if found else None

    def decisions(self):
        return self.agent.json("decisions", "list")

    def visit(self):
        """Benign, and tricky."""
        ask(VISITOR, "/small?name=O%27Brien&town=L%27Aquila&note=it%27s+fine")
        ask(VISITOR, "/small?q=select+a+table+from+the+catalogue&sort=price-asc")
        ask(VISITOR, "/upload", "-H", "Content-Type: application/json", "-d", '{"name": "O\'Brien", "note": "5 > 3 & 2 < 4; that is all"}')
        ask(VISITOR, "/small", "-b", "s=" + "a" * 3000 + "; cart=%7B%22items%22%3A%5B1%2C2%5D%7D")
        ask(VISITOR, "/upload", "-d", "email=a.b%2Bc@example.org&password=Xk9%24v%21mQ2&remember=on")
        return 5

    def attack(self):
        ask(ATTACKER, f"/small?id=1%20UNION%20SELECT%20{PLANTED},password%20FROM%20users--", "--http1.1")
        ask(ATTACKER, "/upload", "--http2", "-b", f"sid={PLANTED}", "-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {PLANTED}",
            "-d", '{"user": "%s", "q": "<script>alert(document.cookie)</script>"}' % PLANTED)
        ask(ATTACKER, "/small?file=../../../../etc/passwd")

    def test_who_attacks_is_dropped_and_nothing_of_it_is_kept(self):
        visited = self.visit()
        self.agent.until_counted("payloads_examined", visited)
        self.attack()
        [decision] = world.until(self.decisions, 10, "a decision")
        self.assertEqual((decision["target"], decision["action"], decision["origin"]), (ATTACKER, "block", "rule:attack-payloads"))
        world.until(lambda: ask(ATTACKER, "/small", "--max-time", "0.5") == "000", 5, "it is dropped")
        self.assertEqual(ask(VISITOR, "/small"), "200", "the visitor was hurt")
        why = self.agent.json("why", ATTACKER)
        self.assertEqual(why["verdict"], "drop")
        counters = self.agent.counters()
        self.assertEqual(counters["payloads_failed"], 0)
        self.assertEqual(counters["payloads_dropped"], 0)
        self.nothing_is_kept(PLANTED, "UNION", "alert(", "etc/passwd", "Xk9")

    def nothing_is_kept(self, *secrets):
        dump = self.here.path("dump")
        self.agent.tidegate("support", "dump", dump)
        texts = {words: self.agent.tidegate(*words.split(), check=False).stdout for words in (
            "status", "-o json status", "top --once --by endpoint", "events --since 10m", "-o json events --since 10m",
            f"why {ATTACKER}", f"-o json why {ATTACKER}", "decisions list", "-o json decisions list")}
        texts["metrics"] = world.run("curl", "-s", "http://127.0.0.1:9464/metrics").stdout
        self.assertIn("payloads_examined", texts["metrics"])
        exported = self.here.path("events.jsonl")
        world.until(lambda: "attack-payloads" in exported.read_text(), what="the event of the decision")
        for path in (self.here.path("agent.log"), exported, self.agent.process.log, dump, *self.here.path("state").rglob("*")):
            if path.is_file():
                texts[str(path)] = path.read_bytes().decode(errors="replace")
        for where, text in texts.items():
            for secret in secrets:
                self.assertNotIn(secret, text, where)

    def test_the_examiner_can_do_nothing_else(self):
        pid = self.examiner_pid()
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        for field, value in (("NoNewPrivs", "1"), ("Seccomp", "2"), ("CapEff", "0" * 16), ("CapPrm", "0" * 16), ("CapBnd", "0" * 16),
                             ("Threads", "1")):
            self.assertIn(f"{field}:\t{value}\n", status)
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0")
        self.assertRegex(limits, r"Max data size +268435456 +268435456")
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, pid), 19)
        opened = {int(path.name): os.readlink(path) for path in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
        self.assertEqual({number: name.split(":")[0] for number, name in opened.items()},
                         {0: "/dev/null", 1: "/dev/null", 2: "/dev/null", 3: "socket", 4: "socket"})

    def test_killed_it_is_back_and_nobody_else_notices(self):
        inspector, pid = self.agent.inspector_pid(), self.examiner_pid()
        os.kill(pid, signal.SIGSTOP)
        for _ in range(3):
            self.visit()
        os.kill(pid, signal.SIGKILL)
        world.until(lambda: self.examiner_pid() not in (None, pid), 3, "a new examiner")
        world.until(lambda: self.examiner()["state"] == "running", 3, "it runs")
        self.assertEqual(self.examiner()["restarts"], 1)
        self.assertEqual(self.agent.inspector_pid(), inspector)
        self.assertEqual(self.agent.inspector()["restarts"], 0)
        self.agent.until_counted("requests", 15)
        self.attack()
        world.until(self.decisions, 10, "a decision")

    def test_a_policy_without_it_ends_it(self):
        before = self.agent.inspector_pid()
        self.here.write("policy.yaml", edge_host.POLICY.format(inspect="true"))
        self.agent.tidegate("policy", "apply", self.here.path("policy.yaml"))
        world.until(lambda: self.examiner()["state"] == "off", 5, "it is off")
        world.until(lambda: self.examiner_pid() is None, 5, "it has ended")
        self.assertEqual(self.agent.inspector_pid(), before)
        sampled = self.agent.counters()["payloads_sampled"]
        requests = self.agent.counters()["requests"]
        self.visit()
        self.agent.until_counted("requests", requests + 5)
        self.assertEqual(self.agent.counters()["payloads_sampled"], sampled)


class Missing(unittest.TestCase):
    def test_without_the_rules_all_else_works_and_it_is_said_once(self):
        world.need("nginx", "curl", "openssl")
        examiner_is_built()
        here = world.World()
        self.addCleanup(here.close)
        settings = edge_host.SETTINGS
        edge_host.SETTINGS = settings.replace("inspect: {{memory: {memory}}}", "inspect: {{memory: {memory}, payload_rules: /nowhere}}")
        try:
            agent = Agent(here, policy=POLICY)
        finally:
            edge_host.SETTINGS = settings
        agent.running()
        servers.Nginx(here, here.path("keys.sock"), listen="http2")
        world.until(lambda: agent.inspector()["payloads"]["state"] in ("restarting", "failed"), 10, "it is said")
        self.assertIn("the OWASP Core Rule Set is not in /nowhere", agent.inspector()["payloads"]["problem"])
        self.assertEqual(ask(VISITOR, "/small"), "200")
        agent.until_counted("requests", 1)
        self.assertEqual(agent.counters()["payloads_sampled"], 0)
        said = re.findall("payloads are not examined: the OWASP", here.path("agent.log").read_text())
        self.assertLessEqual(len(said), 2, "it fills the log")


if __name__ == "__main__":
    runner.main(prepare=edge_host.make_link)
