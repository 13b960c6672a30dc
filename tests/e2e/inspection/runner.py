# SPDX-License-Identifier: Apache-2.0
"""Runs unittest cases and reports each as GoogleTest does, so that scripts/test counts them one by one.

PROGRAM NAME [--build-dir DIR] [CASE…]: NAME is that of the ctest entry; exits 77 when everything was skipped.
"""
import argparse
import os
import pathlib
import sys
import time
import unittest
import xml.etree.ElementTree as xml

import world

SOURCE = pathlib.Path(__file__).resolve().parents[3]
options = argparse.Namespace(name="", build_dir=SOURCE / "build", cases=[])


class Result(unittest.TestResult):
    """One line per case as it ends; everything for the report."""

    def __init__(self):
        super().__init__()
        self.cases = []

    def startTest(self, test):
        super().startTest(test)
        self.began, self.outcome = time.monotonic(), ("passed", "")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.outcome = ("failed", self.failures[-1][1])

    def addError(self, test, err):
        if issubclass(err[0], world.Skip):
            return self.addSkip(test, str(err[1]))
        super().addError(test, err)
        self.outcome = ("failed", self.errors[-1][1])
        if not hasattr(self, "began"):  # of a whole class
            self.cases.append((str(test), 0, *self.outcome))
            print(f"failed   {self.cases[-1][0]}  {self.outcome[1]}", flush=True)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.outcome = ("failed", self.outcome[1] + self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.outcome = ("skipped", reason)

    def stopTest(self, test):
        super().stopTest(test)
        took = time.monotonic() - self.began
        self.cases.append((test.id().split(".", 1)[-1], took, *self.outcome))
        print(f"{self.outcome[0]:8} {took:6.1f} s  {self.cases[-1][0]}  {'' if self.outcome[0] == 'passed' else self.outcome[1]}",
              flush=True)


def write_report(cases):
    target = os.environ.get("GTEST_OUTPUT", "")
    if not target.startswith("xml:"):
        return
    suites = xml.Element("testsuites")
    suite = xml.SubElement(suites, "testsuite", name=options.name)
    for name, took, outcome, text in cases:
        case = xml.SubElement(suite, "testcase", classname=options.name, name=name, status="run", time=f"{took:.3f}")
        if outcome != "passed":
            xml.SubElement(case, "failure" if outcome == "failed" else "skipped", message=text)
    xml.ElementTree(suites).write(pathlib.Path(target[4:]) / f"{options.name}.xml")


def main(prepare=world.prepare_network):
    """Runs the cases of the calling module in namespaces that `prepare` furnishes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--build-dir", type=pathlib.Path, default=options.build_dir)
    parser.add_argument("cases", nargs="*")
    parser.parse_args(namespace=options)
    try:
        world.enter()
        prepare()
    except world.Skip as reason:
        print(f"SKIPPED: {reason}")
        sys.exit(77)
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    if options.cases:
        suite = unittest.TestSuite(test for group in suite for test in group
                                   if any(case in test.id() for case in options.cases))
    result = Result()
    suite.run(result)
    write_report(result.cases)
    outcomes = {case[2] for case in result.cases}
    if outcomes == {"skipped"}:
        print("SKIPPED: " + "; ".join(sorted({case[3] for case in result.cases})))
        sys.exit(77)
    sys.exit(0 if result.wasSuccessful() and result.cases else 1)


def program(name):
    """A program of this build; Skip when it is not built."""
    for part in ("cli", "agent/main", "agent/inspect/process", "agent/payload", "tests/harness"):
        path = options.build_dir / part / name
        if path.exists():
            return path
    raise world.Skip(f"{name} is not built")


def keylog_library():
    path = options.build_dir / "agent/keylog/libtidegate-keylog.so"
    if not path.exists():
        raise world.Skip(f"{path.name} is not built")
    return path
