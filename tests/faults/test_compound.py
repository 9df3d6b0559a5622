"""A second fault while a run deals with the first: the same promises hold.

A sample, drawn with a seed (FAULT_SEED): a first fault among all calls of a clean run, and a second
among the calls that a run with the first one makes after it, by preference soon after, which is
where it cleans up. The second call fails, or the run is killed there. The next run's part is done
once for each state that a pair leaves behind, as in test_sweep.py.
"""

import os
import queue
import random

import pgbackup
import pgtest
import strace
import worksite
from strace import Fault

PAIRS = 200
SOON = 20
SEED = int(os.environ.get("FAULT_SEED", "20261122"))
ERRORS = ("EIO", "ENOSPC")

SERVERS = worksite.Servers()


def setUpModule():
    strace.require()
    SERVERS.start()


class Compound(pgtest.TestCase):
    seconds = 900

    def test_a_fault_while_cleaning_up_after_a_fault_breaks_no_promise(self):
        sites = worksite.crew(SERVERS)
        self.broken, self.tried, self.states = [], 0, worksite.States()
        firsts = self.first_faults(sites[0])
        tasks = queue.SimpleQueue()
        for number in range(PAIRS):
            dice = random.Random(f"{SEED} {number}")
            tasks.put((dice.choice(firsts), dice))

        worksite.side_by_side(sites, tasks, self.try_pair)

        print(f"compound faults tried: {self.tried} (seed {SEED});"
              f" states left behind, each followed by a run: {len(self.states.seen)}", flush=True)
        self.assertGreater(self.tried, PAIRS // 2)
        self.assertEqual(self.broken, [], worksite.tell(self.broken))

    def first_faults(self, site):
        start_up = strace.start_up(pgbackup.BINARY, site.log, site.env)
        outcome = site.traced_run(trace=strace.FILES_AND_SOCKETS, STALL_TIMEOUT_SECONDS="30")
        self.assertEqual(outcome.code, 0, outcome.stderr)
        return [(call.name, call.number) for call in outcome.calls
                if call.name not in strace.NOT_SWEPT and call.number > start_up.get(call.name, 0)]

    def try_pair(self, site, task):
        (name, number), dice = task
        faults = self.with_second(site, Fault(name, number, dice.choice(ERRORS)), dice)
        if not faults:
            return
        site.reset()
        outcome = site.traced_run(*faults)
        found = site.broken_after_fault(outcome)
        if self.states.is_new(site.remains()):
            found += site.broken_after_next_run()
        self.tried += 1
        if found:
            self.broken.append(worksite.story(faults, outcome, found))

    def with_second(self, site, first, dice):
        """The pair of faults, or None where nothing follows the first one."""
        site.reset()
        calls = site.traced_run(first, trace=strace.FILES_AND_SOCKETS).calls
        met = [i for i, call in enumerate(calls) if call.text.endswith("(INJECTED)")]
        later = [call for call in calls[met[0] + 1:] if call.pid == calls[0].pid
                 and call.name not in strace.NOT_SWEPT] if met else []
        if not later:
            return None
        second = dice.choice(later[:SOON] if dice.random() < 0.7 else later)
        if second.name == first.name:  # one expression for both, and so one kind of failure
            step = second.number - first.number
            both = f"{first.number}..{second.number}+{step}" if step > 0 else None
            return [first._replace(number=both)] if both else None
        return [first, Fault(second.name, second.number, dice.choice(ERRORS + ("SIGKILL",)))]
