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
import statistics
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
KINDS = (("new", ("-H", "Connection: close")), ("keep-alive", ()))
SUITE = ("ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; ssl_protocols TLSv1.3; ssl_session_tickets off; "
         "ssl_session_cache off; access_log off;")


def cpu_seconds(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


class Edge:
    """nginx of one worker on the first CPU: bare, with the keylog library, or inspected; clients and inspector have the other
    CPU. Each figure is of an nginx started for it: two of the same kind differ by some percent for as long as they live,
    by where their memory happens to lie."""

    def __init__(self, build_dir):
        self.here, self.lost = world.World(), 0
        self.start_inspector(build_dir)

    @contextlib.contextmanager
    def nginx(self, name):
        """Its worker."""
        directory = world.World()
        directory.certificate = self.here.certificate  # made once
        with contextlib.closing(directory):
            server = servers.Nginx(directory, None if name == "bare" else self.keys, port=PORTS[name], server=SUITE,
                                   start_new_session=True)  # its share of its CPU is not its clients' and reader's affair
            worker, = server.workers()
            world.run("taskset", "-acp", "0", worker)
            yield worker

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
        with self.nginx(name) as worker:
            before = cpu_seconds(worker)
            done = world.run(*edge_host.IN_WORLD, "taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
                             *more, f"https://{world.EDGE4}:{PORTS[name]}/created", timeout=60)
            used = cpu_seconds(worker) - before
        requests = int(re.search(r"(\d+) requests in", done.stdout)[1])
        took = float(re.search(r"requests in ([\d.]+)s", done.stdout)[1])
        return requests / took, requests / used if used else 0.0

    def paced(self, rate, seconds):
        with self.nginx("inspected"):
            world.run(*edge_host.IN_WORLD, "h2load", "--h1", "-c", 10, "--rps", rate // 10, "-n", rate * seconds,
                      f"https://{world.EDGE4}:{PORTS['inspected']}/created", timeout=60)


@contextlib.contextmanager
def crowded():
    """Two that want all of the first CPU leave nginx a third of it, less than the client can ask for: so nginx is at its own
    maximum, and all that the library costs it is missing in its requests per second."""
    rivals = [subprocess.Popen(["taskset", "-c", "0", "timeout", "120", "sh", "-c", "while :; do :; done"],
                               start_new_session=True) for _ in range(2)]
    try:
        yield
    finally:
        for rival in rivals:
            os.killpg(rival.pid, signal.SIGKILL)
            rival.wait()


def in_turns(i):
    """The kinds of nginx, each time in another order."""
    names = list(PORTS)
    return names[i % 3:] + names[:i % 3]


def measure_maximum(edge, i, count):
    """The mean of `count` servers of each kind, for a second each."""
    for kind, more in KINDS:
        rates = {name: [] for name in PORTS}
        with crowded():
            for j in range(count):
                for name in in_turns(i + j):
                    rates[name].append(edge.load(name, 1, *more, connections=64)[0])
        for name in PORTS:
            bench_part.sample("live", f"{kind}-maximum/{name}", i, "1/s", statistics.mean(rates[name]))
    edge.newly_lost()


def measure(edge, options):
    seconds = 1 if options.quick else 3
    for i in range(options.rounds):
        measure_maximum(edge, i, 1 if options.quick else 8)
        for kind, more in KINDS:
            for name in in_turns(i):
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
