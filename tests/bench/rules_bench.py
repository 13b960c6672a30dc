#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the response that crosses a rule's threshold to the first packet dropped: the whole way through nginx, the inspector, the
rules, the stored decision and the datapath.

Prints JSON lines like the other benchmarks. rules_bench.py --build-dir DIR [--rounds N] [--quick]; needs root.
"""
import contextlib
import ctypes
import os
import pathlib
import re
import socket
import ssl
import statistics
import struct
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

SERVER = "location = /login { return 401; } keepalive_timeout 60;"
THRESHOLD = 10  # of login-bruteforce
GUESS = b"POST /login HTTP/1.1\r\nHost: edge.example\r\nUser-Agent: Mozilla/5.0\r\nContent-Length: 0\r\n\r\n"
PROBES = 9      # discard: the UDP port at which probes arrive as long as they are let through
SPACING = 0.0005
ENOUGH = 20     # probes lost in a row
PATIENCE = 0.5  # seconds after which a source counts as never dropped
SO_RCVBUFFORCE, SO_TIMESTAMPNS, PACKET_OUTGOING, IP_FREEBIND, ETH_P_ALL = 33, 35, 4, 15, 3


def policy():
    """All of the starter rules, enforced; so many decisions a minute as this makes are allowed."""
    rules = re.sub(r",\s*mode: shadow", "", (SOURCE / "packaging/rules.yaml").read_text())
    rules = rules.replace("escalate: {factor: 2, max: 24h}}", "escalate: {factor: 2, max: 24h}, cap: 100000/m}")
    return edge_host.POLICY + (rules + "behavior: {cap: 100000/m}\n").replace("{", "{{").replace("}", "}}")


@contextlib.contextmanager
def in_world():
    """Sockets that are made here are those of the world outside; they stay that."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as inside, open(f"/run/netns/{edge_host.WORLD}", "rb") as there:
        if libc.setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(inside.fileno(), 0)


class Tap:
    """Everything at the world's end of the link, with the kernel's time."""

    def __init__(self):
        with in_world():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(ETH_P_ALL))
            self.socket.bind(("eth0", ETH_P_ALL))  # what goes out is shown to those only who ask for all
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)

    def forget(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.recv(1)

    def packets(self):
        """(time, outgoing, frame's first bytes)."""
        with contextlib.suppress(BlockingIOError):
            while True:
                frame, extra, _, where = self.socket.recvmsg(128, 64)
                seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
                if frame[12:14] == b"\x08\0":
                    yield seconds + nanoseconds * 1e-9, where[2] == PACKET_OUTGOING, frame


def measured(tap, source, lost):
    """Seconds between the last response to `source` and the probe `lost`, as both passed the world's end of the link."""
    address, answered, sent = socket.inet_aton(source), None, None
    for when, outgoing, frame in tap.packets():
        protocol, head = frame[23], 14 + 4 * (frame[14] & 15)
        if outgoing and protocol == 17 and frame[26:30] == address:
            if struct.unpack("!I", frame[head + 8:head + 12])[0] == lost:
                sent = when
        elif not outgoing and protocol == 6 and frame[30:34] == address and sent is None:
            payload = struct.unpack("!H", frame[16:18])[0] - 4 * (frame[14] & 15) - 4 * (frame[head + 12] >> 4)
            answered = when if payload > 0 else answered
    return sent - answered


class Attackers:
    """Sources that each cross the threshold once, and go on sending."""

    def __init__(self):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.arrived = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.arrived.bind((world.EDGE4, PROBES))
        self.tap, self.used = Tap(), 0

    def next_source(self):
        self.used += 1
        return f"198.18.{self.used // 250}.{self.used % 250 + 1}"  # RFC 2544

    @contextlib.contextmanager
    def sockets(self, source):
        with in_world():
            tcp, probe = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for each in (tcp, probe):
            each.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
            each.bind((source, 0))
        probe.connect((world.EDGE4, PROBES))
        tcp.settimeout(5)
        tcp.connect((world.EDGE4, 443))
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with probe, self.context.wrap_socket(tcp) as tls:
            yield tls, probe
            tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def attack(self):
        """Seconds until the first packet was dropped; None: it never was."""
        source = self.next_source()
        with self.sockets(source) as (tls, probe):
            for _ in range(THRESHOLD - 1):
                ask(tls)
            time.sleep(0.002)
            self.tap.forget()
            ask(tls)
            lost = self.probe(probe)
            return None if lost is None else measured(self.tap, source, lost)

    def probe(self, sender):
        """The number of the first probe that never arrived."""
        began, newest = time.monotonic(), -1
        for number in range(int(PATIENCE / SPACING)):
            sender.send(struct.pack("!I", number))
            time.sleep(max(0, began + (number + 1) * SPACING - time.monotonic()))
            with contextlib.suppress(BlockingIOError):
                while True:
                    newest = struct.unpack("!I", self.arrived.recv(16))[0]
            if number - newest >= ENOUGH:
                return newest + 1
        return None


def ask(tls):
    tls.sendall(GUESS)
    answer = b""
    while b"</html>" not in answer:
        data = tls.recv(4096)
        if not data:
            raise RuntimeError("nginx closed the connection")
        answer += data


def durable_write(directory, count):
    """Seconds that the disk takes for what a commit waits for, one by one."""
    took = []
    with open(directory / "probe", "wb") as file:
        for _ in range(count):
            file.write(bytes(4096))
            file.flush()
            began = time.monotonic()
            os.fdatasync(file.fileno())
            took.append(time.monotonic() - began)
    return took


def report(name, round_, seconds):
    ordered = sorted(seconds)
    bench_part.sample("rules", f"{name}-p50", round_, "ms", 1000 * statistics.median(ordered))
    bench_part.sample("rules", f"{name}-p99", round_, "ms", 1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)])


def round_of(attackers, count):
    found = [attackers.attack() for _ in range(count)]
    if None in found:
        raise RuntimeError(f"{found.count(None)} of {count} sources were never dropped")
    return found


def measure(here, attackers, options):
    count = 20 if options.quick else 250
    for i in range(options.rounds):
        report("to-drop", i, round_of(attackers, count))
        load = here.start(*edge_host.IN_WORLD, "h2load", "--h1", "-c", 10, "--rps", 100, "-D", 60, f"https://{world.EDGE4}/created")
        time.sleep(0.3)
        report("to-drop-busy", i, round_of(attackers, count))
        world.end(load)
        report("disk-write", i, durable_write(here.directory, 50))


def main():
    options = bench_part.arguments(__doc__, most_rounds=5)
    with bench_part.possible("rules", "h2load", "nginx", "openssl"):
        runner.options.build_dir = options.build_dir
        runner.program("tidegate-inspector"), runner.keylog_library()
        world.enter()
        edge_host.make_link()
        world.run("ip", "link", "set", "lo", "up")
        world.run(*edge_host.IN_WORLD, "ip", "route", "add", "local", "198.18.0.0/15", "dev", "lo")
        world.run("ip", "route", "add", "198.18.0.0/15", "via", edge_host.WORLD4)
        with contextlib.closing(world.World()) as here:
            agent = edge_host.Agent(here, policy=policy())
            agent.running()
            servers.Nginx(here, here.path("keys.sock"), listen="http2", server=SERVER)
            measure(here, Attackers(), options)


if __name__ == "__main__":
    main()
