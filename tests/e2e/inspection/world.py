# SPDX-License-Identifier: Apache-2.0
"""A small world for one test program: namespaces of its own, processes that end with it, captures, certificates."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

EDGE4, EDGE6 = "192.0.2.1", "2001:db8::1"
CLIENT4, CLIENT6 = "198.51.100.7", "2001:db8:c::7"
INSIDE = "TIDEGATE_TEST_INSIDE"


class Skip(Exception):
    """Something that this machine does not have."""


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")


def enter():
    """Starts this program again in network, mount and process namespaces of its own: nothing of it can stay behind."""
    if os.geteuid() != 0:
        raise Skip("network namespaces need root")
    if os.environ.get(INSIDE) == "1":
        return
    os.environ[INSIDE] = "1"
    # In a chroot the root is no mount point, and mounts are private or not as they were made.
    for propagation in ("private", "unchanged"):
        unshare = ["unshare", "--net", "--mount", "--propagation", propagation, "--pid", "--fork", "--kill-child", "--mount-proc"]
        if subprocess.run([*unshare, "true"], capture_output=True).returncode == 0:
            os.execvp("unshare", [*unshare, sys.executable, *sys.argv])
    raise Skip("this host does not let us make namespaces")


def prepare_network(mtu=None):
    """Loopback with documentation addresses. With an MTU, segments of that size and no super-packets."""
    run("ip", "link", "set", "lo", "up")
    for address in (EDGE4, CLIENT4):
        run("ip", "addr", "replace", f"{address}/32", "dev", "lo")
    for address in (EDGE6, CLIENT6):
        run("ip", "addr", "replace", f"{address}/128", "dev", "lo", "nodad")
    set_mtu(mtu)


def set_mtu(mtu):
    if mtu is None:
        run("ip", "link", "set", "lo", "mtu", "65536", "gso_max_segs", "65535")
    else:
        run("ip", "link", "set", "lo", "mtu", str(mtu), "gso_max_segs", "1")


def run(*command, check=True, timeout=30, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout, **options)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit code {done.returncode}: {done.stderr}{done.stdout}")
    return done


def until(condition, timeout=10.0, what="a condition"):
    """Repeats `condition` until it holds; for states that nothing announces."""
    deadline = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(0.01)


def listening(port):
    wanted = f":{port:04X} "
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(path).read_text().splitlines()[1:]:
            if wanted in line.split(" 00000000:0000")[0].split(" 00000000000000000000000000000000:0000")[0] + " " \
                    and line.split()[3] == "0A":
                return True
    return False


class World:
    """Owns a directory and processes; everything ends with it."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.directory = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="tg-inspection-")))
        self.directory.chmod(0o755)
        self.made = 0

    def close(self):
        self.stack.close()

    def path(self, name):
        return self.directory / name

    def unique(self, name):
        self.made += 1
        return self.directory / f"{self.made}-{name}"

    def write(self, name, text):
        self.path(name).write_text(text)
        return self.path(name)

    def copied(self, *paths):
        """Copies side by side, for users other than root: they may not get to where a checkout or build is."""
        self.path("bin").mkdir(exist_ok=True)
        return [pathlib.Path(shutil.copy(path, self.path("bin"))) for path in paths]

    def start(self, *command, env=None, port=None, stop=signal.SIGTERM, **options):
        """A process that is stopped with this world; waits until it listens on `port`."""
        log = self.unique(f"{pathlib.Path(str(command[0])).name}.log")
        with open(log, "wb") as output:
            process = subprocess.Popen([str(word) for word in command], stdin=options.pop("stdin", subprocess.DEVNULL),
                                       stdout=options.pop("stdout", output), stderr=output,
                                       env={**os.environ, **(env or {})}, **options)
        process.log = log
        self.stack.callback(end, process, stop)
        if port:
            def ready():
                if process.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended with {process.returncode}: {log.read_text()}")
                return listening(port)
            until(ready, what=f"{command[0]} listens on {port}")
        return process

    def certificate(self, kind="ec"):
        """(certificate, key) of "ec" or "rsa", made once."""
        cert, key = self.path(f"{kind}.crt"), self.path(f"{kind}.key")
        if not cert.exists():
            how = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["rsa:2048"]
            run("openssl", "req", "-x509", "-newkey", *how, "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                "-subj", "/CN=edge.example", "-addext", f"subjectAltName=DNS:edge.example,IP:{EDGE4},IP:{EDGE6}")
            key.chmod(0o644)
        return cert, key

    @contextlib.contextmanager
    def capture(self, name="traffic.pcap", filter_="tcp and not net 127.0.0.0/8", much=False):
        """Everything on loopback while the block runs; gives the path of the file. `much` of it comes out later."""
        path = self.unique(name)
        how = ["-B", "524288"] if much else ["-U", "--immediate-mode", "-B", "65536"]
        process = self.start("tcpdump", "-i", "lo", *how, "-s", "0", "-Z", "root", "-w", path, filter_)
        until(lambda: b"listening on" in process.log.read_bytes(), what="tcpdump captures")
        yield path
        if much:
            time.sleep(1.2)  # libpcap's ring is read block by block, at the latest after a second
        else:
            drain(path)
        end(process, signal.SIGINT)
        assert "\n0 packets dropped by kernel" in process.log.read_text(), process.log.read_text()


def drain(path):
    """Until the capture stands still: what is in the kernel's ring comes out within a moment."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < 0.25:
        if path.stat().st_size != size:
            size, since = path.stat().st_size, time.monotonic()
        time.sleep(0.02)


def end(process, how=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class KeyReader:
    """Takes key log lines at a Unix stream socket, as the inspector would."""

    def __init__(self, path, group=None, mode=0o666):
        import socket
        self.path, self.text, self.stopped = pathlib.Path(path), "", False
        self.lock, self.connections = threading.Lock(), 0
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        if group:
            shutil.chown(path, "root", group)
        os.chmod(path, mode)
        self.listener.listen(64)
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                self.open.append(connection)
                threading.Thread(target=self.receive, args=(connection,), daemon=True).start()

    def receive(self, connection):
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                with self.lock:
                    self.text += data.decode("latin-1")

    def lines(self):
        with self.lock:
            return self.text[:self.text.rfind("\n") + 1].splitlines()

    def close(self):
        import socket
        for each in (self.listener, *self.open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def save(self, path, like=1):
        """Writes what has come, in plain NSS form; waits until there are `like` lines."""
        until(lambda: len(self.lines()) >= like, what=f"{like} key lines (there are {len(self.lines())})")
        path.write_text("".join(line.split(" tcp ")[0] + "\n" for line in self.lines()))
        return path
