# SPDX-License-Identifier: Apache-2.0
"""Where and when figures were taken: without this they mean nothing."""
import datetime
import os
import pathlib
import platform
import re
import subprocess


def processor():
    found = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return found.group(1) if found else platform.machine()


def commit(source):
    shown = subprocess.run(["git", "-C", source, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return shown.stdout.strip() or "unknown"


def load():
    return os.getloadavg()[0]


def describe(source):
    return {
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "processor": processor(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "commit": commit(source),
        "load_before": load(),
    }
