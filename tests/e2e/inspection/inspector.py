# SPDX-License-Identifier: Apache-2.0
"""`tidegate inspect` as a script runs it."""
import collections
import datetime
import json
import subprocess
import sys
import tempfile

import runner

KEYS = {"time", "client_ip", "client_port", "server_ip", "server_port", "tls", "sni", "alpn", "ja4", "http", "method",
        "path", "query_keys", "path_template", "status", "grpc_status", "request_bytes", "response_bytes", "duration_ms",
        "user_agent", "session", "proxied_ip"}
STATISTICS = {"connections", "decrypted", "no_key", "unsupported_cipher", "mid_stream", "lossy", "requests", "bytes"}


# Runs the rest of its command line and writes the largest resident size of all it waited for to its first argument. A
# process of its own, because children begin with the size of whoever starts them.
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


class Inspection:
    """What came out: rows, statistics, and the text itself."""

    def __init__(self, done):
        self.text, self.errors, self.exit_code = done.stdout, done.stderr, done.returncode
        objects = [json.loads(line) for line in done.stdout.splitlines()]
        self.statistics = objects.pop() if objects and "method" not in objects[-1] else None
        self.rows = objects

    def keys(self):
        """As wireshark.Request.key()."""
        return [(row["client_ip"], row["client_port"], row["http"], row["method"], row["path"], row["status"])
                for row in self.rows]

    def of(self, path):
        return [row for row in self.rows if row["path"] == path]


def inspect(pcap, *keylogs, policy=None, check=True, timeout=50, command=(), more=(), stdin=None):
    """Inspection.resident_kb is that of the larger of the command and its inspector. `stdin`: a file that it has there, as a pipe."""
    with tempfile.NamedTemporaryFile() as measured:
        command = [sys.executable, "-c", MEASURE, measured.name, *command]
        found = run(pcap, keylogs, policy, check, timeout, command, more, stdin)
        found.resident_kb = int(measured.read() or 0)
    return found


def run(pcap, keylogs, policy, check, timeout, command, more, stdin=None):
    words = [*command, str(runner.program("tidegate")), "-o", "json", "inspect", "--pcap", str(pcap), "--stats", *more]
    for keylog in keylogs:
        words += ["--keylog", str(keylog)]
    if policy:
        words += ["--policy", str(policy)]
    done = subprocess.run(words, capture_output=True, timeout=timeout, input=stdin and stdin.read_bytes())
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    if check and done.returncode:
        raise AssertionError(f"tidegate inspect: exit code {done.returncode}: {done.stderr}")
    return Inspection(done)


def assert_contract(test, inspection):
    """Every key and type of the contract, in every row; rows in the order in which requests began."""
    times = []
    for row in inspection.rows:
        test.assertLessEqual(KEYS, set(row))
        test.assertIsInstance(row["query_keys"], list)
        test.assertNotIn("?", row["path"])
        test.assertIn(row["http"], ("1.0", "1.1", "2"))
        test.assertIsInstance(row["client_port"], int)
        test.assertGreaterEqual(row["duration_ms"], 0)
        times.append(datetime.datetime.fromisoformat(row["time"].replace("Z", "+00:00")))
    test.assertEqual(times, sorted(times))
    if inspection.statistics is not None:
        test.assertLessEqual(STATISTICS, set(inspection.statistics))
        test.assertEqual(inspection.statistics["requests"], len(inspection.rows))


def by_connection(keys):
    found = collections.defaultdict(list)
    for key in keys:
        found[key[:2]].append(key[2:])
    return found


def assert_same(test, inspection, judged):
    """The same requests as tshark, connection by connection in the same order."""
    ours, theirs = by_connection(inspection.keys()), by_connection(request.key() for request in judged)
    test.maxDiff = 4000
    for connection in sorted(set(ours) | set(theirs)):
        test.assertEqual(ours.get(connection, []), theirs.get(connection, []), f"connection of {connection}")
