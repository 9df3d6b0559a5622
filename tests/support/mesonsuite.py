#!/usr/bin/env python3
"""Runs one suite of `meson test` and counts its test cases.

    mesonsuite.py BUILD_DIRECTORY SUITE

Check's summary line ("100%: Checks: 12, Failures: 0, Errors: 0") says how many cases a program
has; a program without such a line is one case, judged by its exit status (77: skipped). The last
line is "N passed, N failed, N skipped".
"""

import json
import os
import pathlib
import re
import subprocess
import sys

SUMMARY = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.MULTILINE)


def main():
    build, suite = pathlib.Path(sys.argv[1]), sys.argv[2]
    log = build / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)

    processes = str(os.cpu_count() or 1)
    meson = ["meson", "test", "-C", str(build), "--suite", suite, "--num-processes", processes]
    run = subprocess.run(
        meson, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if not log.exists():
        print(f"{run.stdout}FAIL  meson runs tests of suite {suite}\n0 passed, 1 failed, 0 skipped")
        return 1

    passed = failed = skipped = 0
    for line in log.read_text().splitlines():
        program = json.loads(line)
        counts = cases_of(program)
        show(program, *counts)
        passed += counts[0]
        failed += counts[1]
        skipped += counts[2]
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed > 0 and failed + skipped == 0 else 1


def cases_of(program):
    summary = SUMMARY.search(program.get("stdout") or "")
    if program["result"] == "SKIP":
        return 0, 0, 1
    if not summary:
        return (1, 0, 0) if program["result"] == "OK" else (0, 1, 0)

    checks, failures, errors = (int(number) for number in summary.groups())
    bad = failures + errors
    if program["result"] != "OK" and bad == 0:
        bad = 1  # all cases passed, and then something else did not: a leak, say
    return max(checks - bad, 0), bad, 0


def show(program, passed, failed, skipped):
    good = failed + skipped == 0
    name = program["name"].split(" / ")[-1]
    print(f"{'ok  ' if good else 'FAIL'}  {name}: {passed} cases  ({program['duration']:.1f} s)")
    if not good:
        print((program.get("stdout") or "") + (program.get("stderr") or ""))


if __name__ == "__main__":
    sys.exit(main())
