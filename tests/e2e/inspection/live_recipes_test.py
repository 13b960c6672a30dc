#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The recipes of docs/key-sharing.md with servers and agent as Debian and the installed unit run them: users of their own, a
chroot, four capabilities. Whoever reads the keys ends and comes back; servers go on meanwhile, and their keys come again."""
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
import edge_host  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import world  # noqa: E402
from edge_host import Agent, as_user, curl  # noqa: E402

KEYS = "games"  # stands for tidegate-keys: a group of every Debian whose members are none of these servers' users
AGENT = "nobody"
SERVER = "www-data"
KINDS = (["--http1.1"], ["--http1.1", "--tls-max", "1.2"])


class Recipes(unittest.TestCase):
    def setUp(self):
        world.need("curl", "openssl", "setpriv")
        self.here = world.World()
        self.addCleanup(self.here.close)
        self.socket = self.here.path("keys.sock")
        pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")

    def start(self, group=KEYS):
        self.agent = Agent(self.here, user=AGENT, group=group)
        self.agent.running()

    def served(self, times=1):
        """Every handshake goes well, whether or not anybody reads the keys."""
        for _ in range(times):
            for kind in KINDS:
                self.assertEqual(curl("/small", *kind), "200")

    def decrypted(self):
        return self.agent.counters().get("connections_decrypted", 0)

    def assert_keys_come(self):
        """Within the two seconds after which a server looks for its reader again, and some."""
        def read():
            before = self.decrypted()
            self.served()
            deadline = time.monotonic() + 1
            while self.decrypted() < before + len(KINDS) and time.monotonic() < deadline:
                time.sleep(0.02)
            return self.decrypted() >= before + len(KINDS)
        world.until(read, 10, "keys come")

    def stop_agent(self):
        world.end(self.agent.process)
        self.assertEqual(self.agent.process.returncode, 0)

    def start_agent(self):
        self.agent.start()
        self.agent.running()

    def assert_keys_come_whoever_reads(self):
        self.assert_keys_come()
        before = self.agent.inspector_pid()
        os.kill(before, signal.SIGKILL)
        self.served(3)
        world.until(lambda: self.agent.inspector_pid() not in (None, before), what="another inspector")
        self.agent.running()
        self.assert_keys_come()
        self.stop_agent()
        self.served(3)
        self.start_agent()
        self.assert_keys_come()

    def haproxy(self, keys=None, frontend="", top=""):
        """Debian's `global` section with the group of the recipe, and the directory of the sockets bound into the chroot."""
        root = self.here.path("root")
        inside = pathlib.Path(f"{root}{self.here.directory}")
        inside.mkdir(parents=True)
        world.run("mount", "--bind", self.here.directory, inside)
        self.here.stack.callback(world.run, "umount", "-l", inside)
        world.run("mount", "-o", "remount,ro,bind", inside)  # as BindReadOnlyPaths= does
        return servers.Haproxy(self.here, keys, arguments=("-W",), frontend=frontend,
                               top=f"chroot {root}\n  user haproxy\n  group {KEYS}\n  {top}")

    def test_haproxy_with_the_library(self):
        self.start()
        self.haproxy(self.socket)
        self.assert_keys_come_whoever_reads()

    def test_haproxy_with_its_own_log(self):
        self.start()
        self.haproxy(**servers.haproxy_log(self.here.path("haproxy-keys.sock")))
        self.assert_keys_come_whoever_reads()

    def test_nginx(self):
        self.start(group=SERVER)
        servers.Nginx(self.here, self.socket, workers=2)
        self.assert_keys_come_whoever_reads()

    def test_apache(self):
        self.start(group=SERVER)
        servers.Apache(self.here, self.socket)
        self.assert_keys_come_whoever_reads()

    def test_node_with_the_module(self):
        self.start()
        server = servers.node_with_module(self.here, self.socket, prefix=as_user(SERVER, KEYS))
        self.assert_keys_come_whoever_reads()
        world.end(server)
        servers.node_with_module(self.here, self.socket, "http2", prefix=as_user(SERVER, KEYS))
        self.assert_keys_come()

    def test_node_to_a_file(self):
        """A file that is the server's and that the agent's own group may read; it may be emptied at any time."""
        keys = self.here.write("keys.file", "")
        self.start()
        world.run("chown", f"{SERVER}:nogroup", keys)
        keys.chmod(0o640)
        servers.node_server(self.here, keys, prefix=as_user(SERVER))
        self.assert_keys_come_whoever_reads()
        os.truncate(keys, 0)
        self.assert_keys_come()

    def apply(self, inspect):
        policy = self.here.write("next.yaml", edge_host.POLICY.format(inspect=inspect))
        self.agent.tidegate("policy", "apply", policy)

    def test_go(self):
        """A key log that fails would end the handshake."""
        self.start()
        servers.go_server(self.here, self.here.path("keys.fifo"), prefix=as_user(SERVER, KEYS))
        self.assert_keys_come_whoever_reads()
        self.apply("false")
        world.until(lambda: self.agent.inspector()["state"] == "off", what="inspection is off")
        self.served(3)
        self.apply("true")
        self.agent.running()
        self.assert_keys_come()
        self.agent.process.send_signal(signal.SIGSTOP)
        os.kill(self.agent.inspector_pid(), signal.SIGSTOP)
        self.fill(self.here.path("keys.fifo"))
        self.served(3)
        self.agent.process.send_signal(signal.SIGCONT)

    def fill(self, fifo):
        """Up to its last byte, as servers do when nobody reads."""
        end = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        try:
            while True:
                os.write(end, b"#\n")
        except BlockingIOError:
            os.close(end)

    def test_publish(self):
        """The client in Python that the page prints."""
        world.need("nginx", "protoc")
        program = self.here.write("publish.py", servers.printed("python", "KeyService/Publish").replace(
            "/run/tidegate/tidegate.sock", str(self.here.path("agent.sock"))))
        world.run("protoc", "-I", runner.SOURCE / "proto", f"--python_out={self.here.directory}",
                  runner.SOURCE / "proto/tidegate/v1/keys.proto")
        if world.run("/usr/bin/python3", "-c", "import grpc, google.protobuf", check=False).returncode:
            raise world.Skip("python3-grpcio or python3-protobuf is not installed")
        reader = world.KeyReader(self.here.path("others.sock"))
        self.addCleanup(reader.close)
        self.start()
        servers.Nginx(self.here, reader.path)
        publisher = self.here.start("/usr/bin/python3", program, stdin=subprocess.PIPE)
        self.served()
        keys = reader.save(self.here.path("keys"), 5).read_bytes()
        publisher.stdin.write(keys)
        publisher.stdin.close()
        self.agent.until_counted("connections_decrypted", len(KINDS))
        self.assertEqual(publisher.wait(10), 0)
        self.assertEqual(publisher.log.read_text().split(), ["handed_on:", str(keys.count(b"\n"))])


if __name__ == "__main__":
    runner.main(prepare=edge_host.make_link)
