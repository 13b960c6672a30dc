#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`tidegate inspect` beside tshark on the same captures of nginx under h2load: requests and bytes per second of CPU time.

Prints JSON lines like the other benchmarks. inspect_bench.py --build-dir DIR [--rounds N] [--quick]; needs root.
"""
import pathlib
import resource
import subprocess
import sys

sys.dont_write_bytecode = True
SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/e2e/inspection"))

import bench_part  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import world  # noqa: E402

SUITE = "ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; ssl_protocols TLSv1.3;"
BULK_BYTES = 8_000_000
BULK_COUNT = 40
FIELDS = ("frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "http.request.method", "http.request.uri",
          "http.response.code", "http.user_agent", "http2.headers.method", "http2.headers.path", "http2.headers.status")


def cpu_seconds(*command):
    """User and system time of a command and all it waited for; its output is thrown away."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


class Traffic:
    """A capture with its keys, and how much is in it."""

    def __init__(self, here, keys, name, requests, *load):
        self.name, self.requests = name, requests
        before = len(keys.lines())
        with here.capture(f"{name}.pcap", much=True) as self.pcap:
            world.run("h2load", *load, timeout=120)
        world.until(lambda: len(keys.lines()) > before, what="keys")
        self.keys = here.unique(f"{name}.keys")
        self.keys.write_text("".join(line.split(" tcp ")[0] + "\n" for line in keys.lines()[before:]))

    def ours(self):
        return cpu_seconds(runner.program("tidegate"), "-o", "json", "inspect", "--pcap", self.pcap, "--keylog", self.keys)

    def tshark(self):
        fields = [word for field in FIELDS for word in ("-e", field)]
        return cpu_seconds("tshark", "-r", self.pcap, "-o", f"tls.keylog_file:{self.keys}", "-Y", "http || http2", "-T", "fields", *fields)


def make_traffic(here, quick):
    keys = world.KeyReader(here.path("keys.sock"))
    servers.Nginx(here, keys.path, listen="http2", server=SUITE + " access_log off;")
    with open(here.path("www") / "bulk", "wb") as out:
        out.truncate(BULK_BYTES)
    base = f"https://{world.EDGE4}"
    count, bulk = (1000, 4) if quick else (200_000, BULK_COUNT)
    small = f"{base}/created"
    return {
        "http1": Traffic(here, keys, "http1", count, "--h1", "-c", 10, "-n", count, small),
        "http2": Traffic(here, keys, "http2", count, "-c", 10, "-m", 10, "-n", count, small),
        "bulk": Traffic(here, keys, "bulk", bulk, "--h1", "-c", 4, "-n", bulk, f"{base}/bulk"),
    }


def measure(here, options):
    traffic = make_traffic(here, options.quick)
    for i in range(options.rounds):
        for name in ("http1", "http2"):
            one = traffic[name]
            bench_part.sample("inspect", f"tidegate/{name}", i, "1/s", one.requests / one.ours())
            bench_part.sample("inspect", f"tshark/{name}", i, "1/s", one.requests / one.tshark())
        bulk = traffic["bulk"]
        bench_part.sample("inspect", "bulk", i, "Gbit/s", bulk.requests * BULK_BYTES * 8e-9 / bulk.ours())


def main():
    options = bench_part.arguments(__doc__, most_rounds=5)
    with bench_part.possible("inspect", "tshark", "h2load", "nginx", "tcpdump", "openssl"):
        runner.options.build_dir = options.build_dir
        runner.program("tidegate"), runner.program("tidegate-inspector"), runner.keylog_library()
        world.enter()
        world.prepare_network()
        here = world.World()
        try:
            measure(here, options)
        finally:
            here.close()


if __name__ == "__main__":
    main()
