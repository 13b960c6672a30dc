#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attack tools that everybody can install against a shop behind a real TLS server, under the starter rules, while people shop:
each tool's address is dropped at the NIC for what it does, and nobody else is."""
import contextlib
import datetime
import re
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
import edge_host  # noqa: E402
import runner  # noqa: E402
import town  # noqa: E402
import world  # noqa: E402
from shop import ORIGIN, Shop  # noqa: E402

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
FAMILY, SINGLE = "198.51.100.50", "198.51.100.51"
SETTLED = 3  # seconds from a decision to when nothing that was under way before it comes any more, on a very busy machine
FIRST_ATTACKER = 100  # 198.51.100.100 and those that follow
SECRETS = (".git/HEAD", ".env", *(f"backup-{i}.zip" for i in range(100)))
FFUF = ("ffuf", "-s", "-timeout", "2", "-maxtime", "20")
GOBUSTER = ("gobuster", "dir", "-u", ORIGIN, "-k", "-q", "-z", "--timeout", "2s", "-a", BROWSER)
AS_BROWSER = ("-H", f"User-Agent: {BROWSER}")


def slowly(path, *how):
    """Twenty connections for a minute, something on each every three seconds."""
    return ["slowhttptest", "-c", "20", "-r", "20", "-i", "3", "-l", "60", "-p", "3", "-u", f"{ORIGIN}{path}", *how]


def commands(here, session):
    """{name: what an attacker types}. All but the one who does not hide say that they are a browser."""
    def words(name, lines):
        return here.write(name, "".join(f"{line}\n" for line in lines))
    guess = f"/login:username=^USER^&password=^PASS^:H=User-Agent\\: {BROWSER}:F=Wrong"
    return {
        "scan": [*GOBUSTER, "-t", "8", "-w", words("paths", (f"admin-{i}" for i in range(400)))],
        "secrets": [*GOBUSTER, "-t", "1", "-w", words("secrets", SECRETS)],
        "guess": ["hydra", "-I", "-l", "customer3", "-P", words("passwords", (f"secret{i}" for i in range(500))), "-t", "4",
                  "-s", "443", world.EDGE4, "https-post-form", guess],
        "enumerate": [*FFUF, *AS_BROWSER, "-u", f"{ORIGIN}/orders/FUZZ", "-w", words("orders", range(2000)), "-t", "4",
                      "-b", f"sid={session}", "-mc", "all"],
        "harvest": [*FFUF, *AS_BROWSER, "-u", f"{ORIGIN}/items/FUZZ", "-w", words("items", range(3000)), "-t", "4"],
        "unhidden": [*FFUF, "-u", f"{ORIGIN}/items/FUZZ", "-w", words("few", range(60)), "-t", "2"],
        "inject": ["sqlmap", "-u", f"{ORIGIN}/search?q=1", "--batch", "--user-agent", BROWSER, "--timeout", "2", "--retries", "0",
                   "--output-dir", here.path("sqlmap")],
        "slow-heads": slowly("/login", "-H"),
        "slow-bodies": slowly("/login", "-B"),
        "slow-reading": slowly("/large", "-X", "-w", "256", "-y", "512", "-n", "3", "-z", "32"),
        "handshakes": ["openssl", "s_time", "-connect", f"{world.EDGE4}:443", "-new", "-time", "60"],
        "flood": ["sh", "-c", 'while sleep 0.1; do "$@"; done', "sh", "ab", "-k", "-c", "8", "-n", "2000", "-s", "3", *AS_BROWSER,
                  f"{ORIGIN}/"],
    }


class AttackTools(unittest.TestCase):
    """All attack at once, from the beginning; each case waits for what becomes of one of them."""

    @classmethod
    def setUpClass(cls):
        cls.here = world.World()
        cls.addClassCleanup(cls.here.close)
        cls.shop = Shop(cls.here)
        cls.people = [town.People(cls.here, FAMILY, 0, 4), town.People(cls.here, SINGLE, 4, 1)]
        world.until(lambda: all(people.report()["requests"] > 50 for people in cls.people), 40, "people shop")
        asked = edge_host.curl("/login", "-D", "-", "-d", "username=customer9&password=right9")
        session = re.search(r"sid=(\w+)", asked)[1]
        cls.hosts, cls.tools = {}, {}
        for i, (name, command) in enumerate(commands(cls.here, session).items()):
            cls.hosts[name] = town.Host(cls.here, f"198.51.100.{FIRST_ATTACKER + i}")
            cls.tools[name] = cls.hosts[name].start(*command, cwd=cls.here.directory, env={"HOME": str(cls.here.directory)})

    def caught(self, name, rule, timeout=20):
        """The decision on exactly this attacker, whose packets are dropped at the NIC by it."""
        address = self.hosts[name].address
        try:
            decision = world.until(lambda: self.shop.decisions().get((address, rule)), timeout)
        except TimeoutError:
            raise AssertionError(f"{name} is not caught by {rule}: {list(self.shop.decisions())}\n"
                                 f"{self.tools[name].log.read_text()[-2000:]}") from None

        def dropped():
            matches = self.shop.agent.json("why", address)["matches"]
            return any(match["origin"] == f"rule:{rule}" and match["packets"] > 0 for match in matches)
        world.until(dropped, 20, f"packets of {name} are dropped by {rule}")  # they are sampled
        self.assert_people_are_well()
        return address, datetime.datetime.fromisoformat(decision["created"]).timestamp()

    def blocked(self, name, rule, **options):
        """Nothing of it arrives any more once that has settled, however long it goes on."""
        address, since = self.caught(name, rule, **options)
        self.go_on(name, since + SETTLED + 3)
        late = [when - since for when in self.shop.arrivals()[address] if when > since + SETTLED]
        self.assertEqual(late, [], f"{len(late)} requests of {name} arrived after it was blocked")

    def limited(self, name, rule, packets):
        """Not more of it arrives than so many packets a second and a burst of them can carry."""
        address, since = self.caught(name, rule)
        until = self.go_on(name, since + SETTLED + 6)
        arrivals = self.shop.arrivals()[address]
        late = [when for when in arrivals if since + SETTLED < when < until]
        print(f"{name}: {len(late)} requests in {until - since - SETTLED:.1f} s after {len(arrivals) - len(late)} before")
        self.assertLess(len(late), packets * (until - since - SETTLED + 1))

    def go_on(self, name, until):
        """Lets the tool run until then, or until it gives up."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.tools[name].wait(max(0, until - time.time()))
        ended = time.time()
        world.end(self.tools[name])
        return min(until, ended)

    def assert_people_are_well(self):
        reports = [people.report() for people in self.people]
        self.assertEqual([lost for report in reports for lost in report["lost"]], [])
        attackers = {host.address for host in self.hosts.values()}
        self.assertEqual({target for target, _ in self.shop.decisions()} - attackers, set())
        return reports

    def test_gobuster_looks_for_paths(self):
        self.blocked("scan", "path-scan")

    def test_gobuster_looks_for_secrets(self):
        self.blocked("secrets", "probing-for-secrets")

    def test_hydra_guesses_passwords(self):
        self.blocked("guess", "login-bruteforce")

    def test_ffuf_walks_through_the_orders_of_others(self):
        self.blocked("enumerate", "object-enumeration")

    def test_ffuf_says_who_it_is(self):
        self.blocked("unhidden", "known-scanners")

    def test_ffuf_harvests_objects(self):
        self.limited("harvest", "object-harvesting", packets=20)

    def test_sqlmap_looks_for_an_injection(self):
        self.blocked("inject", "error-harvesting", timeout=40)

    def test_ab_floods(self):
        self.limited("flood", "request-flood", packets=200)

    def test_openssl_shakes_hands_and_asks_for_nothing(self):
        self.blocked("handshakes", "tls-handshakes-without-requests")

    def test_slowhttptest_sends_heads_slowly(self):
        self.blocked("slow-heads", "slow-requests", timeout=25)

    def test_slowhttptest_sends_bodies_slowly(self):
        self.blocked("slow-bodies", "slow-requests", timeout=25)

    def test_slowhttptest_reads_slowly(self):
        self.blocked("slow-reading", "unread-responses", timeout=25)

    def test_the_people_never_noticed(self):
        """Every request of theirs was answered as it should be, all the while."""
        lost = {name: count for name, count in self.shop.agent.inspector()["counters"].items() if count}
        print(f"the inspector: {lost}")
        for report in self.assert_people_are_well():
            print(f"{report['requests']} requests, the slowest took {report['slowest_ms']} ms")
            self.assertGreater(report["requests"], 100)


def prepare():
    world.need("nginx", "curl", "openssl", "node", "gobuster", "hydra", "ffuf", "sqlmap", "slowhttptest", "ab")
    town.make_town()


if __name__ == "__main__":
    runner.main(prepare=prepare)
