# SPDX-License-Identifier: Apache-2.0
"""scripts/bench: runs every benchmark, writes results.json and results.svg, prints the tables."""
import argparse
import json
import os
import pathlib
import subprocess
import sys

from . import machine, plot, summary, table, targets

SOURCE = pathlib.Path(__file__).resolve().parents[3]
PARTS = ("program", "veth", "tables", "agent", "inspect", "live", "behavior", "rules")
SCRIPTS = ("agent", "inspect", "live", "rules")  # in Python
MEASURED = "## Last measured"
NOT_POSSIBLE = 77  # what ctest takes for "skipped"
EXAMPLES = """examples:
  sudo scripts/bench                     everything, about ten minutes on a quiet machine
  sudo scripts/bench --quick             one short round: shows only that it runs
  sudo scripts/bench --part program --only pipeline"""


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round; the figures mean nothing")
    parser.add_argument("--rounds", type=int, default=9, help="interleaved rounds (default 9)")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part, repeatable")
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--build-dir", type=pathlib.Path, default=SOURCE / "build")
    parser.add_argument("--output", type=pathlib.Path, help="directory (default: BUILD/bench)")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    parser.add_argument("--update-docs", action="store_true", help="also put them into docs/benchmarks.md")
    return parser.parse_args()


def command_of(part, options):
    here = options.build_dir / "tests" / "bench"
    if part in SCRIPTS:
        command = [sys.executable, str(SOURCE / f"tests/bench/{part}_bench.py"), "--build-dir", str(options.build_dir)]
    else:
        command = [str(here / f"bench_{part}"), "--only", options.only]
    return command + (["--quick"] if options.quick else ["--rounds", str(options.rounds)])


def run_part(part, options):
    """The JSON lines of one part, and an error or None."""
    command = command_of(part, options)
    if part not in SCRIPTS and not os.access(command[0], os.X_OK):
        return [], f"{command[0]} is not built: ninja -C {options.build_dir} bench_{part}"
    print(f"running {part} …", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return lines, f"{part} ended with {done.returncode}" if done.returncode else None


def save(output, result, figures):
    output.mkdir(parents=True, exist_ok=True)
    (output / "results.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    (output / "results.svg").write_text(plot.draw(figures))
    print(f"written: {output}/results.json, {output}/results.svg", file=sys.stderr)


def remarks(about):
    text = ("{processor}, {cpus} CPUs, Linux {kernel}, commit {commit}, {time}, {rounds} rounds, "
            "load {load_before:.2f} before and {load_after:.2f} after")
    if about["quick"]:
        text += "\nQuick run: these figures only show that the benchmarks work."
    elif about["load_before"] > 0.5:
        text += "\nThe machine was not quiet: expect other figures on one that is."
    return text.format(**about)


def update_docs(text):
    """Replaces what stands behind the last heading of docs/benchmarks.md."""
    path = SOURCE / "docs" / "benchmarks.md"
    method, heading, _ = path.read_text().partition(MEASURED)
    path.write_text(f"{method}{heading}\n\n{text}")


def main():
    options = arguments()
    if os.geteuid() != 0:
        print("SKIPPED: needs root (namespaces, BPF): sudo scripts/bench")
        return NOT_POSSIBLE
    about = machine.describe(SOURCE) | {"quick": options.quick, "rounds": 1 if options.quick else options.rounds}
    lines, errors = [], []
    for part in options.part or PARTS:
        found, error = run_part(part, options)
        lines += found
        errors += [error] if error else []
    about["load_after"] = machine.load()
    samples = [line for line in lines if line["kind"] == "sample"]
    skips = [line for line in lines if line["kind"] == "skip"]
    # of the agent, when it was measured: there the tables are filled
    tables = list({line["name"]: line for line in lines if line["kind"] == "table"}.values())
    figures = summary.summarise(samples)
    outcomes = targets.judge_all(figures)
    save(options.output or options.build_dir / "bench", {
        "machine": about,
        "targets": [vars(outcome) for outcome in outcomes],
        "figures": [vars(figure) for figure in figures.values()],
        "tables": tables,
        "skips": skips,
        "samples": samples,
        "errors": errors,
    }, figures)
    if options.update_docs:
        shown = table.render(figures, outcomes, skips, tables, table.markdown)
        update_docs(remarks(about).replace("\n", "\n\n") + "\n" + shown)
    print(remarks(about))
    print(table.render(figures, outcomes, skips, tables, table.markdown if options.markdown else table.plain))
    for error in errors:
        print(f"scripts/bench: {error}", file=sys.stderr)
    return 1 if errors else 0
