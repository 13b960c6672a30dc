#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several clients behind one address, over TLS: the session that misbehaves loses its connections, one by one and at the NIC,
and its neighbours go on."""
import ctypes
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
import clients  # noqa: E402
import edge_host  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import world  # noqa: E402
from edge_host import Agent  # noqa: E402

RULES = """\
rules:
  - name: abuse
    service: web
    match: {{path: /gone}}
    key: session
    when: {{count: 3, within: 1m}}
    then: {{action: block, for: TIME}}
"""
SHARED = "192.0.2.2"  # the one address that all clients come from


class Browser:
    """A client out in the world that keeps one TLS connection, and has a session."""
    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, session):
        self.session = session
        self.connect()

    def connect(self):
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{edge_host.WORLD}") as there:
            self.libc.setns(there.fileno(), 0)  # a socket stays where it was made
            try:
                self.connection = clients.Connection()
            finally:
                self.libc.setns(home.fileno(), 0)
        return self

    def ask(self, path, timeout=2):
        """The status; None: no answer."""
        try:
            self.connection.send(clients.get(path, f"Cookie: sid={self.session}"))
            answer = self.connection.receive_until(b"\r\n\r\n", timeout)
            length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            rest = length - len(answer.split(b"\r\n\r\n", 1)[1])
            while rest > 0:
                rest -= len(self.connection.socket.recv(rest))
            return int(answer.split()[1])
        except (TimeoutError, ConnectionError):
            return None

    def close(self):
        self.connection.close()


class Shared(unittest.TestCase):
    def begin(self, lasts="10m", more=""):
        world.need("nginx", "openssl")
        self.here = world.World()
        self.addCleanup(self.here.close)
        self.agent = Agent(self.here, policy=edge_host.POLICY + RULES.replace("TIME", lasts + more))
        self.agent.running()
        servers.Nginx(self.here, self.here.path("keys.sock"))

    def browser(self, session):
        browser = Browser(session)
        self.addCleanup(browser.close)
        return browser

    def identities(self):
        return [one for one in self.agent.json("decisions", "list") if "connections" in one]

    def connections_blocked(self, least):
        def there():
            found = self.identities()
            return found if found and found[0]["connections_blocked"] >= least else None
        return world.until(there, 5, f"{least} connections are blocked")[0]

    def dropped(self):
        rows = self.agent.json("top", "--once", "--by", "reason")
        return sum(row["dropped_total"] for row in rows if row["reason"] == "blocked_flow")

    def behave(self, *browsers):
        """So that the NAT guard has seen them."""
        for browser in browsers:
            self.assertEqual(browser.ask("/small"), 200)
        world.until(lambda: self.agent.counters()["requests"] >= len(browsers), 5, "their requests are seen")

    def misbehave(self, browser):
        for _ in range(3):
            self.assertEqual(browser.ask("/gone"), 410)

    def test_only_the_session_that_misbehaves_is_dropped(self):
        self.begin()
        self.assertEqual(self.agent.json("status")["not_enforced"], [])
        abuser, neighbours = self.browser("abuser"), [self.browser(f"good-{i}") for i in range(3)]
        self.behave(*neighbours)
        seen, stop = [], threading.Event()

        def visit():
            while not stop.is_set():
                seen.extend(neighbour.ask("/small") for neighbour in neighbours)
                time.sleep(0.02)
        visits = threading.Thread(target=visit)
        visits.start()
        try:
            self.misbehave(abuser)
            found = self.connections_blocked(1)
            self.assertEqual(found["connections"], [f"{SHARED}:{abuser.connection.port} to {world.EDGE4}:443"])
            self.assertIsNone(abuser.ask("/small"), "the connection that was open goes on")
            self.assertGreater(self.dropped(), 0)
            self.assertEqual(abuser.connect().ask("/small"), 200, "its first request tells who it is")
            self.connections_blocked(2)
            self.assertIsNone(abuser.ask("/small"), "the next connection goes on after its first request")
            self.assertEqual(self.browser("newcomer").ask("/small"), 200)
        finally:
            stop.set()
            visits.join()
        self.assertGreater(len(seen), 30)
        self.assertEqual(set(seen), {200}, "a neighbour was hurt")
        self.explains_and_undoes(abuser)

    def explains_and_undoes(self, abuser):
        why = self.agent.json("why", SHARED)
        self.assertEqual(why["verdict"], "pass")
        self.assertIn("2 of its connections are dropped", why["summary"])
        matches = [match for match in why["matches"] if match["kind"] == "connection"]
        self.assertEqual(len(matches), 2)
        self.assertEqual(matches[0]["origin"], "rule:abuse")
        self.assertIn(f"{SHARED}:{abuser.connection.port} to", matches[0]["target"])
        self.assertIn("3 requests (3 or more) within 1m by session", matches[0]["reason"])
        self.assertIn("not by source: other sessions that behave well share the source", matches[0]["reason"])
        self.assertIsNotNone(matches[0]["expires"])
        [outcome] = self.agent.json("unblock", SHARED)
        self.assertEqual([one["origin"] for one in outcome["still_covering"]], ["rule:abuse"])
        self.assertEqual(self.agent.tidegate("decisions", "export").stdout.count("session"), 0)
        tables = {table["name"]: table for table in self.agent.json("status")["tables"]}
        self.assertEqual((tables["flow_blocks"]["entries"], tables["identities"]["entries"]), (2, 1))
        self.agent.tidegate(*matches[0]["undo"].split()[1:])
        self.assertEqual(self.identities(), [])
        # what was sent into the blocked connection is sent again by the client's kernel, and answered now
        self.assertEqual(abuser.connection.receive_until(b"\r\n\r\n", 10).split()[1], b"200")
        self.assertEqual(abuser.connect().ask("/small"), 200)
        self.assertEqual(abuser.ask("/small"), 200, "undone")

    def test_it_outlives_the_agent_and_ends_with_its_time(self):
        self.begin(lasts="10s")
        abuser, neighbour = self.browser("abuser"), self.browser("good")
        self.behave(neighbour)
        self.misbehave(abuser)
        expires = time.monotonic() + 10
        [before] = [self.connections_blocked(1)]
        self.agent.process.kill()
        self.agent.process.wait()
        self.assertIsNone(abuser.ask("/small", timeout=1), "dropped while nobody runs")
        self.assertEqual(neighbour.ask("/small"), 200)
        self.agent.start()
        [after] = self.identities()
        self.assertEqual((after["id"], after["origin"], after["connections"]),
                         (before["id"], "rule:abuse", before["connections"]))
        self.assertIn("an agent that ran before", self.agent.json("why", SHARED)["matches"][0]["reason"])
        time.sleep(max(0, expires - time.monotonic()))
        self.assertEqual(abuser.connection.receive_until(b"\r\n\r\n", 10).split()[1], b"200", "its time is over")
        world.until(lambda: not self.identities(), 5, "it is forgotten")

    def test_in_shadow_mode_nothing_is_dropped(self):
        self.begin(more=", mode: shadow")
        abuser = self.browser("abuser")
        self.misbehave(abuser)
        world.until(lambda: "would block session" in self.agent.tidegate("events", "--since", "5m").stdout, 5, "an event")
        self.assertEqual(abuser.ask("/small"), 200)
        self.assertEqual(self.agent.json("decisions", "list"), [])


if __name__ == "__main__":
    runner.main(prepare=edge_host.make_link)
