#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nginx under load at its own maximum: bare, with the keylog library, with full inspection; and how soon summaries come.

Prints JSON lines like the other benchmarks. live_bench.py --build-dir DIR [--rounds N] [--quick]; needs root.
"""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/e2e/inspection"))

import bench_part  # noqa: E402
import edge_host  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import world  # noqa: E402

PORTS = {"bare": 443, "library": 444, "inspected": 445}
POLICY = """\
version: 1
interfaces: [{name: eth0, mode: native}]
services:
  - {name: web, match: [tcp/445], limits: {packets: {rate: 1000000/s}}, tls: {inspect: true}}
"""
SUITE = ("ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; ssl_protocols TLSv1.3; ssl_session_tickets off; "
         "ssl_session_cache off; access_log off;")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Edge:
    """Three nginx, of one worker each on the first CPU; clients and inspector have the other. The inspector reads the keys
    of two of them and the traffic of one."""

    def __init__(self, build_dir):
        self.here, self.lost = world.World(), 0
        self.start_inspector(build_dir)
        self.nginx = {}
        for name, keys in (("bare", None), ("library", self.keys), ("inspected", self.keys)):
            directory = world.World()
            self.here.stack.callback(directory.close)
            self.nginx[name] = servers.Nginx(directory, keys, port=PORTS[name], server=SUITE)
            worker, = self.nginx[name].workers()
            world.run("taskset", "-acp", "0", worker)

    def start_inspector(self, build_dir):
        self.keys = self.here.path("keys.sock")
        command = ["taskset", "-c", "1", build_dir / "tests/bench/bench_inspector", runner.program("tidegate-inspector"),
                   self.here.write("policy.yaml", POLICY), self.keys]
        self.inspector = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.here.stack.callback(world.end, self.inspector)
        if self.inspector.stdout.readline() != "ready\n":
            raise RuntimeError("the inspector does not start")

    def seen(self):
        """What came to the agent's side since the last call."""
        self.inspector.stdin.write("\n")
        self.inspector.stdin.flush()
        return json.loads(self.inspector.stdout.readline())

    def newly_lost(self):
        """Packets, connections and key lines not seen, since the last call. wrk leaves some connections half made."""
        seen = self.seen()
        total = seen["ring_dropped"] + seen["no_key"] + seen["shed"] + seen["key_lines_dropped"]
        self.lost, before = total, self.lost
        return total - before

    def load(self, name, seconds, *more, connections=16):
        """(requests per second, requests per CPU second of nginx)."""
        worker, = self.nginx[name].workers()
        before = cpu_seconds(worker)
        done = world.run(*edge_host.IN_WORLD, "taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
                         *more, f"https://{world.EDGE4}:{PORTS[name]}/created", timeout=60)
        used = cpu_seconds(worker) - before
        requests = int(re.search(r"(\d+) requests in", done.stdout)[1])
        took = float(re.search(r"requests in ([\d.]+)s", done.stdout)[1])
        return requests / took, requests / used if used else 0.0

    def paced(self, rate, seconds):
        world.run(*edge_host.IN_WORLD, "h2load", "--h1", "-c", 10, "--rps", rate // 10, "-n", rate * seconds,
                  f"https://{world.EDGE4}:{PORTS['inspected']}/created", timeout=60)


@contextlib.contextmanager
def crowded(most_seconds):
    """Two that want all of the first CPU leave a third of it to nginx: less than the client can ask for, so that nginx is at its
    own maximum, and all that the library costs it is missing in its requests per second."""
    rivals = [subprocess.Popen(["taskset", "-c", "0", "timeout", str(most_seconds), "sh", "-c", "while :; do :; done"],
                               start_new_session=True) for _ in range(2)]
    try:
        yield
    finally:
        for rival in rivals:
            os.killpg(rival.pid, signal.SIGKILL)
            rival.wait()


def measure_maximum(edge, i, seconds):
    for kind, more in (("new", ("-H", "Connection: close")), ("keep-alive", ())):
        with crowded(10 * seconds):
            names = list(PORTS)
            for name in names[i % 3:] + names[:i % 3]:  # in another order each round
                rate, _ = edge.load(name, seconds, *more, connections=64)
                bench_part.sample("live", f"{kind}-maximum/{name}", i, "1/s", rate)
        edge.newly_lost()


def measure(edge, options):
    seconds = 1 if options.quick else 3
    for i in range(options.rounds):
        measure_maximum(edge, i, seconds)
        for kind, more in (("new", ("-H", "Connection: close")), ("keep-alive", ())):
            for name in PORTS:
                rate, efficiency = edge.load(name, seconds, *more)
                bench_part.sample("live", f"{kind}/{name}", i, "1/s", rate)
                bench_part.sample("live", f"{kind}-cpu/{name}", i, "1/s", efficiency)
            bench_part.sample("live", f"{kind}-loss", i, "", edge.newly_lost())
        edge.paced(1000, seconds)
        time.sleep(0.2)
        seen = edge.seen()
        bench_part.sample("live", "delay-p50", i, "ms", seen["p50_ms"])
        bench_part.sample("live", "delay-p99", i, "ms", seen["p99_ms"])


def main():
    options = bench_part.arguments(__doc__, most_rounds=5)
    with bench_part.possible("live", "wrk", "h2load", "nginx", "openssl", "taskset"):
        runner.options.build_dir = options.build_dir
        runner.program("tidegate-inspector"), runner.keylog_library()
        if os.cpu_count() < 2:
            raise world.Skip("needs two CPUs")
        world.enter()
        edge_host.make_link()
        world.run("ip", "link", "set", "lo", "up")
        edge = Edge(options.build_dir)
        try:
            measure(edge, options)
        finally:
            edge.here.close()


if __name__ == "__main__":
    main()
