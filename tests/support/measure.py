"""What a command took: time, processors, memory."""

import os
import subprocess
import time


class Measured:
    """A command that has ended: its exit code, seconds on the wall, seconds of CPU (with that of
    the children it has waited for), and the most memory that it itself had, in bytes."""

    def __init__(self, argv, **options):
        began = time.monotonic()
        process = subprocess.Popen(argv, **options)
        self.peak = 0
        try:
            while not self._ended(process):
                self.peak = max(self.peak, memory_peak(process.pid))
                time.sleep(0.01)
        finally:
            if process.returncode is None:  # a test's time is up
                process.kill()
                process.wait()
        self.seconds = time.monotonic() - began

    def _ended(self, process):
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.code = process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu = usage.ru_utime + usage.ru_stime
        return True


def memory_peak(pid):
    """The kernel's own high-water mark of a process. What the kernel tells of one that has ended
    would count its children, too, and what was there before it began."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0
