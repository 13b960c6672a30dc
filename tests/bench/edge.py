# SPDX-License-Identifier: Apache-2.0
"""An edge host in a network and mount namespace of its own: interfaces, the agent, the command line."""
import json
import os
import pathlib
import subprocess
import sys
import time

NEAR, EDGE = "tgbench0", "tgbench1"  # packets sent on NEAR arrive at EDGE, where the datapath is attached
START_SECONDS = 30

SETTINGS = """\
policy: {dir}/policy.yaml
socket: {dir}/agent.sock
state_dir: {dir}/state
pin_dir: /sys/fs/bpf/tidegate
metrics: 127.0.0.1:{metrics}
log: {{level: warning, to: {dir}/agent.log}}
"""


def enter_namespaces():
    """Starts this program again inside new namespaces, once."""
    if os.environ.get("TIDEGATE_BENCH_INSIDE") != "1":
        os.environ["TIDEGATE_BENCH_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return done.stdout


def prepare_host():
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    run("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", NEAR, "type", "veth", "peer", "name", EDGE)
    run("ip", "addr", "add", "198.51.100.1/24", "dev", EDGE)
    for name in (NEAR, EDGE):
        run("ip", "link", "set", name, "up")


def policy(services, rate=2000):
    lines = ["version: 1", "interfaces:", f"  - {{name: {EDGE}, mode: native}}", "services:"]
    for i in range(services):
        lines += [
            f"  - name: service-{i}",
            f"    match: [tcp/{10000 + i}, udp/{10000 + i}]",
            "    limits:",
            f"      packets: {{rate: {rate + i}/s}}",
            "      bytes: {rate: 20MB/s}",
            "      syn: {rate: 50/s}",
            "      new_sources: {rate: 1000/s}",
        ]
    return "\n".join(lines) + "\n"


def find(build, name):
    found = [path for path in build.rglob(name) if path.is_file() and os.access(path, os.X_OK)]
    if not found:
        raise FileNotFoundError(f"{name} is not built below {build}")
    return found[0]


class Edge:
    """A running agent; `tidegate` talks to it. Stops it on leaving."""

    def __init__(self, build, directory):
        self.directory = pathlib.Path(directory)
        self.cli = find(build, "tidegate")
        self.agent = find(build, "tidegated")
        self.process = None

    def __enter__(self):
        (self.directory / "policy.yaml").write_text(policy(3))
        settings = self.directory / "tidegate.yaml"
        settings.write_text(SETTINGS.format(dir=self.directory, metrics=0))
        self.output = open(self.directory / "output", "w")
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        command = [self.agent, "--config", self.directory / "tidegate.yaml"]
        self.process = subprocess.Popen(command, stdout=self.output, stderr=self.output)
        self.wait()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                said = (self.directory / "output").read_text().strip().splitlines()
                raise RuntimeError(f"tidegated ended with {self.process.returncode}: {(said or ['no output'])[-1]}")
            if subprocess.run([self.cli, "--socket", self.socket, "status"], capture_output=True).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("tidegated does not answer")

    @property
    def socket(self):
        return str(self.directory / "agent.sock")

    def tidegate(self, *arguments):
        return run(self.cli, "--socket", self.socket, *arguments)

    def status(self):
        return json.loads(self.tidegate("-o", "json", "status"))

    def proc(self, name):
        return pathlib.Path(f"/proc/{self.process.pid}/{name}")

    def resident_kib(self, tables):
        """Resident memory of the agent: what it maps of the tables, or all the rest."""
        total, counts = 0, not tables
        for line in self.proc("smaps").read_text().splitlines():
            field = line.split()
            if not field[0].endswith(":"):
                counts = ("bpf-map" in line) == tables
            elif counts and field[0] == "Rss:":
                total += int(field[1])
        return total

    def resident_mb(self):
        return self.resident_kib(tables=False) * 1.024 / 1000

    def forget_peak(self):
        self.proc("clear_refs").write_text("5")

    def peak_mb(self):
        """The most since the start or forget_peak(). Tables are mapped whole, once and for good: what they take is known."""
        peak = next(line for line in self.proc("status").read_text().splitlines() if line.startswith("VmHWM:"))
        return (int(peak.split()[1]) - self.resident_kib(tables=True)) * 1.024 / 1000
