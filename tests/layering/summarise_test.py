#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What scripts/summarise-tests says of results, and what scripts/test prints of inputs that fuzzing found."""
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
TRACEBACK = """Traceback (most recent call last):
  File "live_test.py", line 12, in test_it
    self.assertEqual(made(1), 2)
  File "world.py", line 3, in made
    return self.run(count)
%s
- 1
+ 2
"""


class Summary(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.results = pathlib.Path(scratch.name)
        (self.results / "unit").mkdir()

    def failed(self, message):
        suites = xml.Element("testsuites")
        case = xml.SubElement(suites, "testcase", classname="Case", name="Fails", status="run")
        xml.SubElement(case, "failure", message=message)
        xml.ElementTree(suites).write(self.results / "unit" / "program.xml")
        said = subprocess.run([SCRIPTS / "summarise-tests", self.results], capture_output=True, text=True).stdout
        self.assertTrue(said.endswith("0 passed, 1 failed, 0 skipped\n"), said)
        return said.splitlines()[0].removeprefix("FAILED unit: program: Case.Fails")

    def test_googletest_says_place_and_what_failed(self):
        self.assertEqual(self.failed("a/b_test.cpp:12\nExpected equality of these values:\n  1\n  2\n"),
                         ": a/b_test.cpp:12 Expected equality of these values: 1 2")
        self.assertEqual(self.failed("unknown file\n\nC++ exception with description \"x\""),
                         ": unknown file C++ exception with description \"x\"")
        self.assertLess(len(self.failed("a.cpp:1\n" + "x" * 1000)), 320)

    def test_python_says_what_was_raised(self):
        self.assertEqual(self.failed(TRACEBACK % "AssertionError: 1 != 2"), ": AssertionError: 1 != 2")
        self.assertEqual(self.failed(TRACEBACK % "subprocess.TimeoutExpired: Command"), ": subprocess.TimeoutExpired: Command")
        chained = TRACEBACK % "KeyError: 1" + "\nDuring handling of the above:\n\n" + TRACEBACK % "AssertionError"
        self.assertEqual(self.failed(chained), ": AssertionError")

    def test_what_says_nothing_is_named_all_the_same(self):
        self.assertEqual(self.failed(""), "")
        self.assertEqual(self.failed("out of memory\nsoon"), ": out of memory")


class Fuzzing(unittest.TestCase):
    def test_inputs_of_earlier_runs_are_not_printed(self):
        functions = subprocess.run(["sed", "-n", "/^fuzzed() {/,/^}/p; /^breaking_inputs() {/,/^}/p; /^directory_of() /p",
                                    SCRIPTS / "test"], capture_output=True, text=True, check=True).stdout
        with tempfile.TemporaryDirectory() as directory:
            found = pathlib.Path(directory) / "build-fuzz" / "tests"
            found.mkdir(parents=True)
            (found / "fuzz_tls-crash-00").write_text("old")
            script = functions + "sanitized() { echo new >build-fuzz/tests/fuzz_http-crash-01; return 1; }\nfuzzed\n"
            said = subprocess.run(["bash", "-c", script], cwd=directory, capture_output=True, text=True).stdout
        self.assertIn("# fuzz_http-crash-01", said)
        self.assertNotIn("fuzz_tls", said)


if __name__ == "__main__":
    unittest.main()
