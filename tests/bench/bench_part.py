# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks written in Python share: arguments, and JSON lines on stdout."""
import argparse
import contextlib
import json
import pathlib
import sys

import world


def emit(kind, **fields):
    print(json.dumps({"kind": kind, **fields}), flush=True)


def sample(bench, name, round_, unit, value):
    emit("sample", bench=bench, name=name, round=round_, unit=unit, value=value)


def arguments(description, most_rounds):
    """--build-dir, --rounds (no more than `most_rounds`: these rounds are long), --quick."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=most_rounds)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.rounds = 1 if options.quick else min(options.rounds, most_rounds)
    return options


@contextlib.contextmanager
def possible(bench, *programs):
    """Says why when this machine cannot run the benchmark."""
    try:
        world.need(*programs)
        yield
    except world.Skip as reason:
        emit("skip", bench=bench, name="all", why=str(reason))
    except (RuntimeError, TimeoutError) as error:
        print(f"{bench}_bench: {error}", file=sys.stderr)
        sys.exit(1)
