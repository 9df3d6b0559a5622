#!/usr/bin/env python3
"""Runs the test modules (test_*.py, unittest) of a directory, two side by side.

    pysuite.py DIRECTORY [-j PROCESSES] [-k WORD]... [--first MODULE]...

A module that takes long begins first, so that it is not left over at the end. Each test is printed
as the sentence that it claims: the first line of its docstring, else its name. The last line is
"N passed, N failed, N skipped". The exit status is 0 only when nothing failed, nothing was skipped,
and there was a test at all. Each module runs in a process of its own, with the directory and
tests/support on the path; whatever a test prints appears when the module ends. What a module makes
for the others, too, it keeps in the directory that PYSUITE_SHARED names, which goes with the last.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SUPPORT = pathlib.Path(__file__).resolve().parent
COLOURS = {"ok": "32", "FAIL": "31", "skip": "33"}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("-j", type=int, default=2, dest="processes")
    parser.add_argument("-k", action="append", default=[], dest="words")
    parser.add_argument("--first", action="append", default=[])
    parser.add_argument("--module", help=argparse.SUPPRESS)
    options = parser.parse_args()

    if options.module:
        return run_module(options.directory, options.module, options.words)
    return run_directory(options)


# The parent: one child for each module, their results as they come.


def run_directory(options):
    modules = sorted((path.stem for path in options.directory.glob("test_*.py")),
                     key=lambda name: (name not in options.first, name))
    counts = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="pysuite-") as shared, \
            concurrent.futures.ThreadPoolExecutor(options.processes) as pool:
        os.chmod(shared, 0o755)
        for module_counts in pool.map(lambda name: run_child(options, name, shared), modules):
            counts += module_counts

    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 0 if counts["ok"] > 0 and counts["FAIL"] + counts["skip"] == 0 else 1


def run_child(options, module, shared):
    """Results come through a pipe of their own, so that a test may print what it likes."""
    results, child_end = os.pipe()
    command = [sys.executable, __file__, str(options.directory), "--module", module]
    for word in options.words:
        command += ["-k", word]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=[child_end],
        env=dict(os.environ, PYSUITE_RESULTS=str(child_end), PYSUITE_SHARED=shared,
                 PYTHONDONTWRITEBYTECODE="1"),
    )
    os.close(child_end)
    output = []
    reader = threading.Thread(target=lambda: output.append(child.stdout.read()))
    reader.start()

    counts = collections.Counter()
    with os.fdopen(results) as lines:
        for line in lines:
            result = json.loads(line)
            counts[result["verdict"]] += 1
            show(module, **result)
    reader.join()

    if child.wait() != 0:
        counts["FAIL"] += 1
        show(module, "FAIL", f"the module runs to its end (status {child.returncode})", 0, "")
    if output[0]:
        emit(f"--- output of {module}\n{output[0].rstrip()}\n---")
    return counts


def show(module, verdict, sentence, seconds, details):
    word = f"{verdict:4}"
    if sys.stdout.isatty():
        word = f"\033[{COLOURS[verdict]}m{word}\033[0m"
    lines = [f"{word}  {module.removeprefix('test_')}: {sentence}  ({seconds:.1f} s)"]
    lines += ["      " + line for line in details.rstrip().splitlines()]
    emit("\n".join(lines))


def emit(text):
    # One write, so that two modules' lines do not mix.
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


# The child: one module, each result as a line of JSON.


def run_module(directory, module, words):
    sys.path[:0] = [str(directory.resolve()), str(SUPPORT)]
    loader = unittest.TestLoader()
    if words:
        loader.testNamePatterns = [f"*{word}*" for word in words]
    suite = loader.loadTestsFromName(module)
    with os.fdopen(int(os.environ.pop("PYSUITE_RESULTS")), "w", buffering=1) as results:
        suite.run(Reporter(results))
    return 0


class Reporter(unittest.TestResult):
    """One verdict for each test; of several problems in one test (subtests, tear-down) the details
    are joined. What fails outside a test (setUpModule, an import) counts as a failed one."""

    def __init__(self, results):
        super().__init__()
        self.results = results
        self.started = None
        self.problems = []
        self.skipped_because = None

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()
        self.problems = []
        self.skipped_because = None

    def stopTest(self, test):
        super().stopTest(test)
        if self.problems:
            self.report("FAIL", test, "\n".join(self.problems))
        elif self.skipped_because is not None:
            self.report("skip", test, self.skipped_because)
        else:
            self.report("ok", test, "")
        self.started = None

    def addError(self, test, err):
        super().addError(test, err)
        self.add_problem(test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.add_problem(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            text = self._exc_info_to_string(err, test)
            self.add_problem(test, f"{subtest._subDescription()}\n{text}")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.add_problem(test, "it was expected to fail and did not")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if self.started is None:
            self.report("skip", test, reason)
        else:
            self.skipped_because = reason

    def add_problem(self, test, text):
        if self.started is None:
            self.report("FAIL", test, text)
        else:
            self.problems.append(text)

    def report(self, verdict, test, details):
        seconds = time.monotonic() - self.started if self.started else 0
        line = {
            "verdict": verdict,
            "sentence": sentence_of(test),
            "seconds": seconds,
            "details": details,
        }
        print(json.dumps(line), file=self.results)


def sentence_of(test):
    description = test.shortDescription()
    if description:
        return description
    name = getattr(test, "_testMethodName", str(test))
    return name.removeprefix("test_").replace("_", " ")


if __name__ == "__main__":
    sys.exit(main())
