"""A drill's server is killed with its maker at random moments: the next sweep leaves nothing.

Half of the time the maker alone is killed, as kill -9 or the kernel's want of memory does it, half
of the time all of its processes at once, as the end of a systemd unit does. Namespaces of its own
(mounts and IPC) let the test see all shared memory that is left, and only that.
"""

import os
import random
import shutil
import signal
import subprocess
import time

import pgtest
import throwaway

KILLS = 40
SEED = int(os.environ.get("FAULT_SEED", "20261122"))
OWN_SPACE = "mount -t tmpfs tmpfs /dev/shm"


class Space:
    """Mount and IPC namespaces with an empty /dev/shm, in which a shell waits."""

    def __init__(self):
        self.process = pgtest.spawn(
            ["unshare", "--mount", "--ipc", "--propagation", "private", "sh", "-ec",
             OWN_SPACE + "\necho ready\nexec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError("could not set up namespaces")
        inside = f"/proc/{self.process.pid}"
        self.prefix = ["nsenter", f"--mount={inside}/ns/mnt", f"--ipc={inside}/ns/ipc",
                       f"--root={inside}/root", "--"]

    def shared_memory(self):
        script = "ls /dev/shm; ipcs -m | grep '^0x' || true; ipcs -s | grep '^0x' || true"
        return subprocess.run([*self.prefix, "sh", "-c", script], capture_output=True, text=True,
                              check=True, timeout=20).stdout.splitlines()


def setUpModule():
    for program in ("unshare", "nsenter", "ipcs"):
        if not shutil.which(program):
            raise RuntimeError(f"{program} is missing: install util-linux")


class Killed(pgtest.TestCase):
    seconds = 600

    def setUp(self):
        super().setUp()
        self.space = Space()
        self.addCleanup(pgtest.stop_process, self.space.process, signal.SIGKILL)
        self.site = throwaway.Site(self, prefix=self.space.prefix)

    def test_a_kill_at_any_moment_leaves_nothing_behind_after_the_next_sweep(self):
        whole = self.measure()
        broken, alone = [], 0
        for number in range(KILLS):
            dice = random.Random(f"{SEED} {number}")
            moment, everything = dice.uniform(0, whole), number % 2 == 0
            self.kill_after(moment, everything)
            alone += not self.site.directories()
            done = self.site.sweep()
            left = self.site.directories() + throwaway.processes(self.site.parent) + \
                self.space.shared_memory()
            if done.code != 0 or done.stderr or left:
                broken.append(f"killed {'all' if everything else 'the maker'} after"
                              f" {moment:.3f} s: {done} {left}")
        print(f"servers killed: {KILLS} within {whole:.1f} s, {alone} of them before or after"
              f" there was a directory (seed {SEED})", flush=True)
        self.assertEqual(broken, [], "\n".join(broken))
        self.assertLess(alone, KILLS // 2)

    def measure(self):
        """How long an undisturbed one takes from its start to its end."""
        begin = time.monotonic()
        server = self.site.start()
        server.stop()
        return time.monotonic() - begin

    def kill_after(self, seconds, everything):
        process = self.site.spawn()
        process.stdin.close()  # so that it stops as soon as it has started
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        victims = [process.pid]
        if everything:
            victims += [int(line.partition(":")[0])
                        for line in throwaway.processes(self.site.parent)]
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()
        process.stdout.close()
        process.stderr.close()
