#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent through its command line: how soon a block holds, imports, changes of policy, memory.

Prints JSON lines like the other benchmarks. agent_bench.py --build-dir DIR [--rounds N] [--quick]; needs root.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

import edge
import visible

ORIGIN = "bench"


def emit(kind, **fields):
    print(json.dumps({"kind": kind, **fields}), flush=True)


def sample(name, round_, unit, value):
    emit("sample", bench="agent", name=name, round=round_, unit=unit, value=value)


def seconds_of(action, *arguments):
    began = time.monotonic()
    action(*arguments)
    return time.monotonic() - began


def write_decisions(path, count):
    with open(path, "w") as out:
        for i in range(count):
            out.write(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255} 1h seen by the benchmark\n")


def measure_block(host, rounds):
    with visible.Stream() as stream:
        for i in range(rounds):
            sample("block-visible", i, "ms", visible.milliseconds_until_blocked(host, stream))


def measure_commands(host, round_):
    """What one command takes, the start of its process included."""
    sample("block-command", round_, "ms", 1e3 * seconds_of(host.tidegate, "block", "203.0.113.9"))
    sample("unblock-command", round_, "ms", 1e3 * seconds_of(host.tidegate, "unblock", "203.0.113.9"))
    sample("status-command", round_, "ms", 1e3 * seconds_of(host.tidegate, "status"))


def measure_apply(host, round_):
    path = host.directory / "hundred.yaml"
    path.write_text(edge.policy(100, rate=2000 + round_))
    sample("apply-100-services", round_, "ms", 1e3 * seconds_of(host.tidegate, "policy", "apply", path))


def measure_import(host, round_, count):
    path = host.directory / "decisions"
    write_decisions(path, count)
    took = seconds_of(host.tidegate, "decisions", "import", path, "--origin", ORIGIN)
    sample("import", round_, "1/s", count / took)
    took = seconds_of(host.tidegate, "decisions", "delete", "--origin", ORIGIN)
    sample("delete-by-origin", round_, "1/s", count / took)


def measure_memory(host, count):
    sample("resident-empty", 0, "MB", host.resident_mb())
    path = host.directory / "decisions"
    write_decisions(path, count)
    host.forget_peak()
    took = seconds_of(host.tidegate, "decisions", "import", path, "--origin", ORIGIN)
    sample("import-1M", 0, "1/s", count / took)
    sample("peak-of-import", 0, "MB", host.peak_mb())
    time.sleep(1)
    sample("resident", 0, "MB", host.resident_mb())
    host.stop()
    sample("restart-1M", 0, "ms", 1e3 * seconds_of(host.start))
    sample("peak-of-restart", 0, "MB", host.peak_mb())
    for table in host.status()["tables"]:
        emit("table", **table)


def measure(options):
    rounds = 1 if options.quick else options.rounds
    with tempfile.TemporaryDirectory(prefix="tg-bench-") as directory:
        with edge.Edge(options.build_dir, directory) as host:
            measure_block(host, rounds)
            for i in range(rounds):
                measure_commands(host, i)
                measure_apply(host, i)
                measure_import(host, i, 2_000 if options.quick else 200_000)
            measure_memory(host, 5_000 if options.quick else 1_000_000)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if os.geteuid() != 0:
        emit("skip", bench="agent", name="all", why="needs root")
        return 0
    try:
        edge.find(options.build_dir, "tidegated")
        edge.find(options.build_dir, "tidegate")
    except FileNotFoundError as error:
        emit("skip", bench="agent", name="all", why=str(error))
        return 0
    edge.enter_namespaces()
    try:
        edge.prepare_host()
        measure(options)
    except RuntimeError as error:
        print(f"agent_bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
