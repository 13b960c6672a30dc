#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Captures of every form: link types, secrets inside the file, and what others captured (a `captures` folder of a `shared`
directory beside the checkout, or TIDEGATE_CAPTURES; read in place)."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import clients  # noqa: E402
import inspector  # noqa: E402
import pcapfile  # noqa: E402
import runner  # noqa: E402
import servers  # noqa: E402
import wireshark  # noqa: E402
import world  # noqa: E402
from scene import Scene  # noqa: E402


def shared_captures():
    """The folder; Skip when it is not there."""
    places = [pathlib.Path(os.environ["TIDEGATE_CAPTURES"])] if "TIDEGATE_CAPTURES" in os.environ else [
        parent / "shared" / "captures" for parent in runner.SOURCE.parents]
    for place in places:
        if (place / "LIST.tsv").exists():
            return place
    raise world.Skip("no shared/captures beside the checkout")


class OfOthers(unittest.TestCase):
    """What TLS libraries and analysers publish with their keys."""

    def rows(self):
        place = shared_captures()
        for line in (place / "LIST.tsv").read_text().splitlines()[1:]:
            name, tls, cipher, protocol, requests, *_ = line.split("\t")
            yield place / name, tls, protocol, int(requests)

    def test_the_same_as_tshark_in_each(self):
        world.need("tshark")
        for pcap, tls, protocol, count in self.rows():
            with self.subTest(pcap.name):
                keys = pcap.with_suffix(".keys")
                found = inspector.inspect(pcap, keys)
                inspector.assert_contract(self, found)
                ports = {row["server_port"] for row in found.rows} | {443}
                judged = wireshark.requests(pcap, keys, ports=ports)
                self.assertEqual(len(judged), count)
                inspector.assert_same(self, found, judged)
                if count:
                    self.assertEqual({row["tls"] for row in found.rows}, {tls.removeprefix("TLS")})

    def test_each_is_decrypted(self):
        for pcap, tls, protocol, count in self.rows():
            with self.subTest(pcap.name):
                statistics = inspector.inspect(pcap, pcap.with_suffix(".keys")).statistics
                self.assertGreaterEqual(statistics["decrypted"], 1, statistics)
                # Its key log does not hold the keys of the second handshake.
                renegotiated = "renogotiation" in pcap.name
                self.assertEqual(statistics["no_key"], int(renegotiated), statistics)


class Forms(Scene):
    def setUp(self):
        super().setUp()
        servers.Nginx(self.here, self.socket, listen="http2")
        with self.traffic():
            clients.curl("/large", "--http1.1", "--tls-max", "1.2")
            clients.curl("/small", "--http2")
            clients.curl("/created", "--http1.1", host=f"[{world.EDGE6}]")

    def test_link_types(self):
        frames, expected = pcapfile.read(self.pcap), self.judge(3).keys()
        for name in ("ETHERNET", "RAW", "NULL", "SLL", "SLL2"):
            with self.subTest(name):
                link = getattr(pcapfile, name)
                path = pcapfile.write(self.here.unique(f"{name}.pcap"), [pcapfile.on_link(frame, link) for frame in frames], link)
                self.assertEqual(inspector.inspect(path, self.extended).keys(), expected)

    def test_secrets_inside_a_pcapng(self):
        """Of each link type, as a file and through a pipe."""
        world.need("editcap")
        frames, expected = pcapfile.read(self.pcap), self.judge(3).keys()
        for name in ("ETHERNET", "RAW", "NULL", "SLL", "SLL2"):
            link = getattr(pcapfile, name)
            path = pcapfile.write(self.here.unique(f"{name}.pcap"), [pcapfile.on_link(frame, link) for frame in frames], link)
            with_secrets = self.here.unique(f"{name}.pcapng")
            world.run("editcap", "--inject-secrets", f"tls,{self.plain}", path, with_secrets)
            with self.subTest(name):
                self.assertEqual(inspector.inspect(with_secrets).keys(), expected)
            with self.subTest(f"{name} through a pipe"):
                piped = inspector.inspect("/dev/stdin", stdin=with_secrets)
                self.assertEqual(piped.keys(), expected)
                self.assertEqual(piped.errors, "")

    def test_several_key_logs(self):
        lines = self.plain.read_text().splitlines(keepends=True)
        parts = [self.here.unique("part") for _ in range(2)]
        for i, part in enumerate(parts):
            part.write_text("# a comment\n" + "".join(lines[i::2]))
        self.assertEqual(inspector.inspect(self.pcap, *parts).keys(), self.judge(3).keys())

    def test_without_keys(self):
        empty = self.here.write("empty.keys", "")
        found = inspector.inspect(self.pcap, empty)
        self.assertEqual(found.rows, [])
        self.assertEqual((found.statistics["connections"], found.statistics["no_key"]), (3, 3), found.statistics)

    def test_some_keys_are_missing(self):
        randoms = {line.split()[1] for line in self.plain.read_text().splitlines()}
        self.assertEqual(len(randoms), 3)
        for random in randoms:
            keys = self.here.unique("some.keys")
            keys.write_text("".join(line for line in self.plain.read_text().splitlines(keepends=True) if random not in line))
            statistics = inspector.inspect(self.pcap, keys).statistics
            self.assertEqual((statistics["requests"], statistics["no_key"], statistics["decrypted"]), (2, 1, 2), statistics)

    def test_traffic_secrets_alone(self):
        """Without the secrets of the handshake, as after a partial set of keys."""
        keys = self.here.path("partial.keys")
        keys.write_text("".join(line for line in self.plain.read_text().splitlines(keepends=True) if "HANDSHAKE" not in line))
        self.assertEqual(sorted(inspector.inspect(self.pcap, keys).keys()), sorted(self.judge(3).keys()))

    def test_garbage_among_the_keys(self):
        keys = self.here.path("garbage.keys")
        keys.write_bytes(os.urandom(100_000) + b"\nCLIENT_RANDOM x y\n" + b"A" * 100_000 + b"\n" + self.plain.read_bytes() +
                         b"CLIENT_RANDOM " + b"0" * 64)
        self.assertEqual(inspector.inspect(self.pcap, keys).keys(), self.judge(3).keys())

    def test_what_is_wrong_is_said_in_one_line(self):
        not_there, not_a_capture = self.here.path("not-there"), self.here.write("text.pcap", "not a capture, but long enough\n")
        cut = self.here.path("cut.pcap")
        cut.write_bytes(self.pcap.read_bytes()[:5000])
        for pcap, keys in ((not_there, self.plain), (not_a_capture, self.plain), (self.pcap, not_there), (self.here.directory, self.plain)):
            with self.subTest(f"{pcap.name} {keys.name}"):
                done = inspector.inspect(pcap, keys, check=False)
                self.assertEqual(done.exit_code, 1, done.errors)
                self.assertEqual(done.errors.count("\n"), 1, done.errors)
                self.assertIn(str(pcap if pcap != self.pcap else keys), done.errors)
        self.assertLessEqual(len(inspector.inspect(cut, self.plain, check=False).rows), 3)


class Confined(unittest.TestCase):
    def test_before_it_reads_a_byte(self):
        """The real inspector of `tidegate inspect`, held up by a FIFO into which nothing was written yet."""
        if os.geteuid() != 0:
            self.skipTest("needs root: nobody else sees in /proc what such a process does")
        with tempfile.TemporaryDirectory(prefix="tg-inspection-") as directory:
            fifo = pathlib.Path(directory) / "capture.fifo"
            os.mkfifo(fifo)
            command = subprocess.Popen([runner.program("tidegate"), "inspect", "--pcap", fifo, "--stats"], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            try:
                with fifo.open("wb") as capture:
                    self.assert_confined(world.until(lambda: reader_of(command.pid), what="the inspector waits for the capture"))
                    capture.write(pcapfile.write(pathlib.Path(directory) / "empty.pcap", [], pcapfile.ETHERNET).read_bytes())
                out, errors = command.communicate(timeout=20)
            finally:
                command.kill()
                command.wait()
            self.assertEqual((command.returncode, errors), (0, b""))
            self.assertIn(b'"connections":0', out.replace(b" ", b""))

    def assert_confined(self, pid):
        process = pathlib.Path(f"/proc/{pid}")
        status = process.joinpath("status").read_text()
        for field, value in (("NoNewPrivs", "1"), ("Seccomp", "2"), *((f"Cap{which}", "0" * 16) for which in ("Inh", "Prm", "Eff", "Amb"))):
            self.assertIn(f"{field}:\t{value}\n", status)
        self.assertRegex(status, r"Uid:(\t65534){4}\n")
        self.assertRegex(process.joinpath("limits").read_text(), r"Max core file size +0 +0")


READ = ("0", "63")  # its number on x86_64 and aarch64


def reader_of(command):
    """The inspector of that command, when it sleeps in read(2) of its capture, which is descriptor 4."""
    found = world.run("pgrep", "-P", command, "-f", "tidegate-inspector", check=False).stdout.split()
    if not found:
        return None
    pid = int(found[0])
    call = pathlib.Path(f"/proc/{pid}/syscall").read_text().split()
    return pid if call[0] in READ and call[1] == "0x4" else None


if __name__ == "__main__":
    runner.main()
