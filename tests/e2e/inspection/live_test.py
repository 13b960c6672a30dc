#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real agent on an edge with real servers: requests that clients out in the world make come out as figures."""
import glob
import os
import pathlib
import re
import signal
import socket
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

KINDS = (["--http1.1"], ["--http2"], ["--http1.1", "--tls-max", "1.2"], ["--http2", "--tls-max", "1.2"])
PLANTED = "pl4nted-secret"
PLANTER = "198.51.100.7"
RULES = """\
rules:
  - name: many-uploads
    match: {{method: POST, path: /upload}}
    key: [session, account]
    when: {{count: 4, within: 10m}}
    then: {{action: block, for: 10m}}
"""
ANSWERS = f"""
    location /welcome {{ add_header Set-Cookie "sid={PLANTED}"; return 302 https://elsewhere.example/?code={PLANTED}; }}
    location /token {{ return 200 '{{"token": "{PLANTED}"}}'; }}
"""


class KeyRelay:
    """Between the library and the agent: hands lines on later, in part, or not at all."""

    def __init__(self, here, delay=0.0, passes=lambda line: True):
        self.path, self.target = here.path("relay.sock"), here.path("keys.sock")
        self.delay, self.passes, self.lines = delay, passes, []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        os.chmod(self.path, 0o666)
        self.listener.listen(16)
        here.stack.callback(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                threading.Thread(target=self.relay, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            pass

    def relay(self, source):
        target = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        target.connect(str(self.target))
        for line in source.makefile("rb"):
            self.lines.append(line.decode())
            if self.passes(line.decode()):
                threading.Timer(self.delay, target.sendall, (line,)).start()


class Live(unittest.TestCase):
    def setUp(self):
        world.need("nginx", "curl", "openssl")
        self.here = world.World()
        self.addCleanup(self.here.close)
        self.socket = self.here.path("keys.sock")

    def start(self, **options):
        self.agent = Agent(self.here, **options)
        self.agent.running()
        return self.agent

    def ask_in_every_way(self, path="/small?x=1", times=1):
        for _ in range(times):
            for kind in KINDS:
                self.assertEqual(curl(path, *kind), "200")
        return len(KINDS) * times

    def ask_with_nghttp(self, *kinds):
        """20 streams at a time over one connection, for each of these ways to ask."""
        world.need("nghttp")
        for kind in kinds:
            world.run(*edge_host.IN_WORLD, "nghttp", "-n", "-y", "-m", 20, *kind, f"https://{world.EDGE4}/medium")
        return 20 * len(kinds)

    def assert_all_seen(self, count, connections=None):
        counters = self.agent.until_counted("requests", count)
        self.assertEqual((counters["requests"], counters["no_key"], counters["lost_bytes"]), (count, 0, 0), counters)
        self.assertEqual(counters["connections_decrypted"], connections or count)


class Servers(Live):
    def test_nginx(self):
        agent = self.start()
        servers.Nginx(self.here, self.socket, listen="http2", workers=2)
        count = self.ask_in_every_way(times=3)
        self.assertEqual(curl("/users/17/orders"), "404")
        self.assertEqual(curl("/users/4711/orders"), "404")
        self.assertEqual(curl("/upload", "-d", "a=b"), "202")
        self.assert_all_seen(count + 3)
        streams = self.ask_with_nghttp([], ["--continuation"])
        self.assert_all_seen(count + 3 + streams, connections=count + 3 + 2)
        rows = agent.endpoints()
        self.assertEqual(rows["GET", "/small"]["requests"], count)
        self.assertEqual((rows["GET", "/medium"]["requests"], rows["GET", "/medium"]["status"]["2xx"]), (streams, streams))
        self.assertEqual(rows["GET", "/users/{}/orders"]["status"]["4xx"], 2)
        self.assertEqual(rows["POST", "/upload"]["status"]["2xx"], 1)
        self.assertGreater(rows["GET", "/small"]["response_bytes"], 100 * count)
        self.assertEqual({row["service"] for row in rows.values()}, {"web"})

    def test_nginx_over_ipv6(self):
        self.start()
        servers.Nginx(self.here, self.socket, listen="http2")
        for kind in KINDS:
            self.assertEqual(curl("/large", *kind, url=f"https://[{world.EDGE6}]"), "200")
        self.assert_all_seen(len(KINDS))

    def test_nginx_that_reloads(self):
        """Old workers end, new ones begin, clients go on: every request that nginx answered is seen."""
        agent = self.start()
        nginx = servers.Nginx(self.here, self.socket, listen="http2", workers=2)
        for times in range(6):
            for kind in KINDS:
                # A worker that ends closes connections that have not asked yet: clients then ask again, as browsers do.
                world.until(lambda kind=kind: curl("/small?x=1", *kind, check=False) == "200", what="an answer")
            if times % 2 == 0:
                nginx.reload()
        answered = len(nginx.log())
        self.assertGreaterEqual(answered, 6 * len(KINDS))
        counters = agent.until_counted("requests", answered)
        self.assertEqual((counters["no_key"], counters["lost_bytes"]), (0, 0), counters)
        world.until(lambda: agent.endpoints()["GET", "/small"]["status"]["2xx"] == answered, what="all that were answered")

    def test_haproxy_with_the_library(self):
        self.start()
        servers.Haproxy(self.here, self.socket, top="tune.bufsize 65536")  # a head of CONTINUATION frames has to fit
        count = self.ask_in_every_way(times=2)
        self.assert_all_seen(count)
        self.assert_all_seen(count + self.ask_with_nghttp([], ["--continuation"]), connections=count + 2)

    def test_haproxy_with_its_own_log(self):
        self.start()
        servers.Haproxy(self.here, **servers.haproxy_log(self.here.path("haproxy-keys.sock")))
        self.assert_all_seen(self.ask_in_every_way(times=2))

        def accepted():
            return next(source for source in self.agent.inspector()["keys"] if source["kind"] == "haproxy_log")["accepted"]

        world.until(lambda: accepted() > 0, what="figures of HAProxy's log, which come four times a second")

    def test_a_growing_file_and_a_fifo(self):
        self.start()
        for name, process in (("keys.file", None), ("keys.fifo", None)):
            cert, key = self.here.certificate("ec")
            server = self.here.start("openssl", "s_server", "-accept", 443, "-cert", cert, "-key", key, "-www", "-keylogfile",
                                     self.here.path(name), port=443)
            for kind in KINDS[::2]:
                self.assertEqual(curl("/", *kind), "200")
            world.end(server)
        self.assert_all_seen(4)


class Keys(Live):
    def test_late_by_two_seconds(self):
        """Connections that are over before their keys come, and one that goes on."""
        self.start()
        relay = KeyRelay(self.here, delay=2)
        servers.Nginx(self.here, relay.path, listen="http2")
        count = self.ask_in_every_way(times=2)
        began = time.monotonic()
        self.assert_all_seen(count)
        self.assertGreater(self.agent.counters()["keys_late"], 0)
        self.assertLess(time.monotonic() - began, 8)

    def test_late_by_almost_as_long_as_is_waited(self):
        self.start()
        relay = KeyRelay(self.here, delay=4.5)
        servers.Nginx(self.here, relay.path, listen="http2")
        self.assert_all_seen(self.ask_in_every_way())

    def test_too_late(self):
        """Keys that come after five seconds: their connections are counted, and nothing is told of them any more."""
        agent = self.start()
        relay = KeyRelay(self.here, delay=7)
        servers.Nginx(self.here, relay.path, listen="http2")
        count = self.ask_in_every_way()
        counters = agent.until_counted("no_key", count)
        self.assertEqual((counters["no_key"], counters["requests"], counters["keys_accepted"]), (count, 0, 0))
        counters = agent.until_counted("keys_accepted", count)
        self.assertEqual((counters["no_key"], counters["requests"], counters["connections_decrypted"]), (count, 0, 0))

    def test_missing(self):
        """Nobody shares keys: counted, warned of, and requests of those who do are seen all the same."""
        agent = self.start()
        servers.Nginx(self.here, None, listen="http2")
        count = self.ask_in_every_way(times=4)
        counters = agent.until_counted("no_key", count, 15)
        self.assertEqual(counters["requests"], 0)
        warnings = " ".join(agent.json("status")["warnings"])
        self.assertIn("key", warnings)

    def test_partial(self):
        """Traffic secrets alone are enough; of the others' connections none is told wrongly."""
        self.start()
        relay = KeyRelay(self.here, passes=lambda line: "HANDSHAKE" not in line)
        servers.Nginx(self.here, relay.path, listen="http2")
        self.assert_all_seen(self.ask_in_every_way(times=2))

    def test_one_direction_only(self):
        agent = self.start()
        relay = KeyRelay(self.here, passes=lambda line: not line.startswith("SERVER_TRAFFIC"))
        servers.Nginx(self.here, relay.path, listen="http2")
        for kind in KINDS[:2]:
            self.assertEqual(curl("/small", *kind), "200")
        counters = agent.until_counted("no_key", 2, 15)
        self.assertLessEqual(counters["requests"], 2)

    def test_garbage_and_strangers(self):
        """Hostile key lines cost nothing; who is not of the group is not heard."""
        agent = self.start()
        noise = b"CLIENT_RANDOM " + b"0" * 5000 + b"\n" + os.urandom(200_000) + b"\n" * 10
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sender.connect(str(self.socket))
        sender.settimeout(10)
        for _ in range(20):
            sender.sendall(noise)
        stranger = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])"
        refused = world.run("setpriv", "--reuid", 65534, "--regid", 65534, "--clear-groups", "/usr/bin/python3", "-c", stranger,
                            self.socket, check=False)
        self.assertIn("PermissionError", refused.stderr)
        servers.Nginx(self.here, self.socket, listen="http2")
        self.assert_all_seen(self.ask_in_every_way())
        self.assertGreater(agent.counters()["keys_malformed"], 20)


class Accidents(Live):
    def test_an_inspector_killed_in_the_middle_of_traffic(self):
        """Enforcement is untouched, the inspector is back within a second, and sees what comes then."""
        agent = self.start()
        servers.Nginx(self.here, self.socket, listen="http2")
        agent.tidegate("block", "198.51.100.7")
        self.assert_all_seen(self.ask_in_every_way())
        clients = subprocess.Popen([*edge_host.IN_WORLD, "bash", "-c",
                                    f"for i in $(seq 60); do curl -sk --max-time 5 -o /dev/null https://{world.EDGE4}/medium || exit 1; done"])
        world.until(lambda: agent.counters()["requests"] > 8, what="traffic")
        victim = agent.inspector_pid()
        blocked = subprocess.Popen([*edge_host.IN_WORLD, "curl", "-sk", "--interface", "198.51.100.7", "--max-time", "3", f"https://{world.EDGE4}/small"],
                                   stdout=subprocess.DEVNULL)
        killed = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        world.until(lambda: agent.inspector_pid() not in (None, victim) and agent.inspector()["state"] == "running", 5, "a new inspector")
        self.assertLess(time.monotonic() - killed, 1)
        self.assertEqual(blocked.wait(10), 28, "a blocked client times out, while there is no inspector too")
        before = agent.counters()["requests"]
        self.assertEqual(clients.wait(60), 0, "clients notice nothing")
        self.ask_in_every_way()
        world.until(lambda: agent.counters()["requests"] > before, what="requests are seen again")
        status = agent.json("status")
        self.assertEqual(status["inspector"]["restarts"], 1)
        self.assertTrue(status["interfaces"][0]["attached"])
        self.assertEqual(curl("/small", "--interface", "198.51.100.7", "--max-time", "1", check=False), "000")

    def test_an_inspector_that_hangs(self):
        agent = self.start()
        servers.Nginx(self.here, self.socket, listen="http2")
        victim = agent.inspector_pid()
        os.kill(victim, signal.SIGSTOP)
        world.until(lambda: agent.inspector_pid() not in (None, victim) and agent.inspector()["state"] == "running", 12, "a new inspector")
        self.assert_all_seen(self.ask_in_every_way())
        self.assertEqual(agent.json("status")["inspector"]["kills"], 1)

    def test_an_agent_that_restarts(self):
        """Servers find the new one by themselves, with the workers of the group."""
        agent = self.start()
        servers.Nginx(self.here, self.socket, listen="http2")
        self.assert_all_seen(self.ask_in_every_way())
        world.end(agent.process)
        self.ask_in_every_way()
        agent.start()
        agent.running()
        time.sleep(2.1)  # the longest pause of the library between attempts
        self.assert_all_seen(self.ask_in_every_way())

    def test_inspection_is_switched_off_and_on_by_the_policy(self):
        agent = self.start()
        servers.Nginx(self.here, self.socket, listen="http2")
        self.assert_all_seen(self.ask_in_every_way())
        policy = agent.here.path("policy.yaml")
        on = policy.read_text()
        policy.write_text(on.replace("inspect: true", "inspect: false"))
        agent.tidegate("policy", "apply", policy)
        world.until(lambda: agent.inspector()["state"] == "off", what="no inspector")
        self.assertIsNone(agent.inspector_pid())
        self.ask_in_every_way()
        policy.write_text(on)
        agent.tidegate("policy", "apply", policy)
        agent.running()
        count = self.agent.counters()["requests"]
        self.ask_in_every_way()
        agent.until_counted("requests", count + len(KINDS))


class Secrets(Live):
    """What was planted in body, query, cookie, header and authorization, by client and server, appears nowhere."""

    def plant(self):
        """The last of it makes a rule fire."""
        for kind in KINDS:
            for path in ("/small", "/welcome", "/token"):
                curl(path, *kind, "--interface", PLANTER, "-u", f"{PLANTED}:{PLANTED}", "-H", "User-Agent: someone", "-e", f"https://elsewhere/?{PLANTED}")
        for kind in KINDS:
            curl(f"/upload?token={PLANTED}", *kind, "--interface", PLANTER, "-H", "Content-Type: application/json", "-b", f"sid={PLANTED}", "-H",
                 f"Authorization: Bearer {PLANTED}", "-H", f"X-Api-Key: {PLANTED}", "-d", '{"user": "%s", "password": "%s"}' % (PLANTED, PLANTED))
        return 4 * len(KINDS)

    def test_no_output_log_or_file_has_them(self):
        agent = self.start(policy=edge_host.POLICY + RULES)
        relay = KeyRelay(self.here)
        servers.Nginx(self.here, relay.path, listen="http2", server=ANSWERS)
        count = self.plant()
        agent.until_counted("requests", count)
        decisions = world.until(lambda: agent.json("decisions", "list"), what="the rule fires")
        self.assertEqual({decision["origin"] for decision in decisions}, {"rule:many-uploads"})
        exported = world.until(lambda: "many-uploads" in (text := self.here.path("events.jsonl").read_text()) and text, what="its event")
        why = agent.json("why", PLANTER)
        self.assertTrue(any(match["origin"] == "rule:many-uploads" and match["evidence"] for match in why["matches"]), why)
        pid = agent.inspector_pid()
        dump = self.here.path("dump")
        agent.tidegate("support", "dump", dump)
        texts = {words: agent.tidegate(*words.split(), check=False).stdout for words in (
            "status", "-o json status", "top --once --by endpoint", "-o json top --once --by endpoint", "-o json top --once",
            "events --since 10m", "-o json events --since 10m", f"why {PLANTER}", f"-o json why {PLANTER}", "policy show", "decisions list",
            "-o json decisions list", "decisions export", "rules list", "-o json rules list")}
        texts["events.jsonl"] = exported
        texts["metrics"] = world.run("curl", "-s", "http://127.0.0.1:9464/metrics").stdout
        self.assertIn("inspector", texts["metrics"])
        for name in ("cmdline", "environ", "maps", "status"):
            texts[f"/proc/{name}"] = pathlib.Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
        secrets = [PLANTED, *(line.split()[2] for line in relay.lines)]
        self.assertGreater(len(secrets), 2 * len(KINDS))
        for where, text in texts.items():
            for secret in secrets:
                self.assertNotIn(secret, text, where)
        self.assert_not_in_files(secrets, [agent.here.path("agent.log"), self.here.path("events.jsonl"), agent.process.log, dump, *agent.here.path("state").rglob("*")])

    def assert_not_in_files(self, secrets, paths):
        for path in paths:
            if path.is_file():
                content = path.read_bytes()
                for secret in secrets:
                    self.assertNotIn(secret.encode(), content, path)

    def test_no_core_and_no_debugger(self):
        """The inspector leaves no core, whatever it dies of, and does not let itself be looked into."""
        agent = self.start()
        pid = agent.inspector_pid()
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        for field, value in (("NoNewPrivs", "1"), ("Seccomp", "2"), ("CapEff", "0000000000000000"), ("CapPrm", "0000000000000000")):
            self.assertIn(f"{field}:\t{value}\n", status)
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0")
        # What is not dumpable belongs to root in /proc, and only root with CAP_SYS_PTRACE may read its memory.
        nobody = world.run("setpriv", "--reuid", 65534, "--regid", 65534, "--clear-groups", "cat", f"/proc/{pid}/environ", check=False)
        self.assertNotEqual(nobody.returncode, 0)
        before = cores(pid)
        os.kill(pid, signal.SIGSEGV)
        world.until(lambda: agent.inspector_pid() not in (None, pid), 5, "a new inspector")
        self.assertEqual(cores(None), before)


def cores(pid):
    """Files that are where the kernel would put the core of a process with this directory; what is piped to a program is none."""
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip() or "core"
    if pid is not None:
        assert os.readlink(f"/proc/{pid}/cwd") == "/", "where its core would be"
    if pattern.startswith("|"):
        return []
    return sorted(glob.glob(os.path.join("/", re.sub("%.", "*", pattern) + "*")))


if __name__ == "__main__":
    runner.main(prepare=edge_host.make_link)
