"""pg-backup under strace: which system calls it makes, and what it does when some of them fail.

strace counts the calls of each name in each process from 1. Children are followed up to their exec
and then let go (-b execve): what fails is always a call of ours, never one of pg_dump's.
"""

import collections
import os
import re
import shutil
import signal
import subprocess

FILES_AND_SOCKETS = "%file,%desc,%network"
NOT_SWEPT = {"mmap"}  # memory, though it may take a descriptor
STDERR = re.compile(r"\w+\(2, ")

Call = collections.namedtuple("Call", "pid name number text")
Fault = collections.namedtuple("Fault", "name number how")  # how: "EIO", "ENOSPC", "SIGKILL"


def require():
    if not shutil.which("strace"):
        raise RuntimeError("strace is missing: install it (./dev setup does)")


class Outcome:
    """How a traced run ended."""

    def __init__(self, code, stdout, stderr, log):
        self.code = code  # negative: killed by that signal; None: it did not end
        self.stdout = stdout
        self.stderr = stderr
        self.calls = parse(log)
        self.hits = [line.split(maxsplit=1)[1] for line in log.splitlines()
                     if line.endswith("(INJECTED)") or "+++ killed by SIGKILL +++" in line]

    @property
    def was_killed(self):
        return self.code == -signal.SIGKILL

    @property
    def stderr_failed(self):
        """The fault met what would have told of it."""
        return any(STDERR.match(hit) for hit in self.hits)


def parse(log):
    """The calls in the order in which they began, but for the execve of strace itself, which it
    does not count either."""
    seen = collections.Counter()
    calls = []
    for line in re.sub(r"\A\d+ +execve\(.*\n", "", log).splitlines():
        match = re.match(r"(\d+)\s+((\w+)\(.*)", line)
        if match:
            pid, text, name = int(match[1]), match[2], match[3]
            seen[pid, name] += 1
            calls.append(Call(pid, name, seen[pid, name], text))
    return calls


def run(command, log, faults=(), trace=None, timeout=45, **options):
    """Runs a command with the faults; only the calls named by `trace` are in the outcome."""
    trace = trace or ",".join(sorted({fault.name for fault in faults}))
    argv = ["strace", "-f", "-b", "execve", "-o", log, "-e", "trace=" + trace]
    for fault in faults:
        argv += ["-e", "inject=" + describe(fault)]
    process = subprocess.Popen([*argv, "--", *command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True, **options)
    try:
        stdout, stderr = process.communicate(timeout=timeout)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        code = None
    with open(log, encoding="utf-8", errors="replace") as f:
        return Outcome(code, stdout.decode(errors="replace"), stderr.decode(errors="replace"),
                       f.read())


def describe(fault):
    what = "signal=SIGKILL" if fault.how == "SIGKILL" else "error=" + fault.how
    return f"{fault.name}:{what}:when={fault.number}"


def count(calls):
    """{name: the highest number that any process reached}"""
    highest = {}
    for call in calls:
        if call.name not in NOT_SWEPT:
            highest[call.name] = max(call.number, highest.get(call.name, 0))
    return highest


def start_up(binary, log, env):
    """{name: calls before main()}: all that --version does, but for its words on stdout."""
    outcome = run([binary, "--version"], log, trace=FILES_AND_SOCKETS, env=env)
    if outcome.code != 0:
        raise AssertionError(f"--version ended with {outcome.code}: {outcome.stderr}")
    return count(call for call in outcome.calls if not re.match(r"\w+\(1, ", call.text))
