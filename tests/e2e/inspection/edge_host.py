# SPDX-License-Identifier: Apache-2.0
"""A live edge: this namespace with the real agent on eth0, and the rest of the world in another one."""
import grp
import json
import pathlib
import pwd
import shutil
import signal
import time

import runner
import world

WORLD = "tg-world"
WORLD4 = "192.0.2.2"
IN_WORLD = ("nsenter", f"--net=/run/netns/{WORLD}")  # `ip netns exec` and `ip -n` hide bpffs and fail in a chroot

SETTINGS = """\
policy: {dir}/policy.yaml
socket: {dir}/agent.sock
state_dir: {dir}/state
pin_dir: {dir}/bpf/tidegate
metrics: 127.0.0.1:9464
log: {{level: debug, to: {dir}/agent.log}}
keys:
  socket: {{path: {dir}/keys.sock, group: {group}}}
  fifos: [{dir}/keys.fifo]
  files: [{dir}/keys.file]
  haproxy_log: [{dir}/haproxy-keys.sock]
inspect: {{memory: {memory}}}
exports: [{{ecs_file: {dir}/events.jsonl}}]
"""

POLICY = """\
version: 1
interfaces: [{{name: eth0, mode: native}}]
services:
  - name: web
    match: [tcp/443]
    limits: {{packets: {{rate: 1000000/s}}}}
    tls: {{inspect: {inspect}}}
    session: {{cookie: sid}}
    account: {{json: /user}}
  - {{name: everything-else, default: true, limits: {{packets: {{rate: 1000000/s}}}}}}
"""


def make_link():
    """eth0 here and in the namespace of the world, with documentation addresses."""
    pathlib.Path("/run/netns").mkdir(exist_ok=True)
    world.run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")  # names of this program's own
    world.run("ip", "netns", "add", WORLD)
    world.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", WORLD)
    for where, address, address6 in ((["ip"], "192.0.2.1/24", "2001:db8::1/64"),
                                     ([*IN_WORLD, "ip"], "192.0.2.2/24", "2001:db8::2/64")):
        world.run(*where, "link", "set", "lo", "up")
        world.run(*where, "addr", "replace", address, "dev", "eth0")
        world.run(*where, "addr", "replace", address6, "dev", "eth0", "nodad")
        world.run(*where, "link", "set", "eth0", "up")
    world.run(*IN_WORLD, "ip", "addr", "add", "198.51.100.7/32", "dev", "eth0")
    world.run("ip", "route", "replace", "198.51.100.0/24", "via", WORLD4)


def curl(path, *more, check=True, url=f"https://{world.EDGE4}"):
    """Status that a client out in the world sees."""
    return world.run(*IN_WORLD, "curl", "-sk", "--max-time", 10, "-o", "/dev/null", "-w", "%{http_code}",
                     *more, f"{url}{path}", check=check).stdout


def as_user(user, *groups, capabilities=()):
    """A prefix of commands that run as this user, with these groups beside its own and no capabilities but these."""
    who, ids = pwd.getpwnam(user), ",".join(str(grp.getgrnam(group).gr_gid) for group in groups)
    these = "-all" + "".join(f",+{name}" for name in capabilities)
    return ("setpriv", "--reuid", who.pw_uid, "--regid", who.pw_gid, *(("--groups", ids) if ids else ("--clear-groups",)),
            "--no-new-privs", "--bounding-set", these, "--inh-caps", these, "--ambient-caps", these)


class Agent:
    """As root, or with `user` as the installed unit runs it: four capabilities, and a member of the key group."""

    def __init__(self, here, inspect=True, group="www-data", policy=POLICY, memory="128MB", user=None):
        self.here, self.cli = here, runner.program("tidegate")
        self.program = runner.program("tidegated")
        inspector = runner.program("tidegate-inspector")
        bpf = here.path("bpf")
        bpf.mkdir()
        world.run("mount", "-t", "bpf", "bpf", bpf)
        here.stack.callback(world.run, "umount", "-l", bpf)
        here.write("policy.yaml", policy.format(inspect=str(inspect).lower()))
        here.write("keys.file", "")
        self.settings = here.write("tidegate.yaml", SETTINGS.format(dir=here.directory, group=group, memory=memory))
        self.prefix = as_user(user, group, capabilities=("bpf", "perfmon", "net_admin", "net_raw")) if user else ()
        if user:
            self.program, _ = here.copied(self.program, inspector)
            here.path("bpf/tidegate").mkdir()
            bpf.chmod(0o711)
            for path in (here.directory, here.path("bpf/tidegate")):
                shutil.chown(path, user)
        self.start()

    def start(self):
        self.process = self.here.start(*self.prefix, self.program, "--config", self.settings, stop=signal.SIGTERM)

        def ready():
            if self.process.poll() is not None:
                log = self.here.path("agent.log")
                raise RuntimeError(self.process.log.read_text() + (log.read_text() if log.exists() else ""))
            return self.tidegate("status", check=False).returncode == 0
        world.until(ready, 30, "tidegated answers")

    def tidegate(self, *arguments, check=True):
        return world.run(self.cli, "--socket", self.here.path("agent.sock"), *arguments, check=check)

    def json(self, *arguments):
        return json.loads(self.tidegate("-o", "json", *arguments).stdout)

    def exported(self):
        """Events as they were written for a SIEM."""
        return [json.loads(line) for line in self.here.path("events.jsonl").read_text().splitlines()]

    def inspector(self):
        return self.json("status")["inspector"]

    def running(self):
        return world.until(lambda: self.inspector()["state"] == "running", 15, "the inspector runs")

    def inspector_pid(self):
        found = world.run("pgrep", "-P", self.process.pid, "-f", "tidegate-inspector", check=False).stdout.split()
        return int(found[0]) if found else None

    def counters(self):
        found = self.inspector()
        return {**{key: value for key, value in found.items() if isinstance(value, int)}, **counters_in(found)}

    def until_counted(self, name, least, timeout=10):
        """Waits for a counter of the inspector; gives all of them."""
        def there():
            counters = self.counters()
            return counters if counters.get(name, 0) >= least else None
        try:
            return world.until(there, timeout)
        except TimeoutError:
            raise AssertionError(f"{name} is not {least}: {self.counters()}") from None

    def endpoints(self):
        """{(method, path template): row}."""
        return {(row["method"], row.get("path_template", row.get("path"))): row for row in self.json("top", "--once", "--by", "endpoint")}


def counters_in(status):
    counters = status.get("counters", {})
    if isinstance(counters, list):
        return {row["name"]: row.get("total", row.get("value", row.get("count", 0))) for row in counters}
    return counters


def pause(seconds):
    """For what must not happen within a time."""
    time.sleep(seconds)
