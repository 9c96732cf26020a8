#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""bugs.py SIMULATION_PLANTED [BUG…]: each mistake of base/plant.h is planted in turn, and seeds run
until the checker sees it. A mistake that stays unseen fails this test. A seed that fails without
one as well has seen nothing: it is named, and the search goes on. Prints which seed saw what, when.

HINTS are seeds that saw it once, tried first; where they no longer do, the search goes on."""
import concurrent.futures
import re
import subprocess
import sys
import threading
import time

DAYS = 12
BUDGET_S = 40  # for one mistake, on one processor
FAULT = re.compile(r"seed \d+: (\d{4}-\d\d-\d\d)T\S+Z: (S\d+): (.*)")
HINTS = {  # seed, days
    "skip-fsync": (1, 12), "commit-early": (1, 12), "reuse-seq": (1, 12),
    "restamp-twice": (14, 12), "split-loses": (1, 12), "drop-account": (17, 50),
    "thin-untold": (22, 50), "newest-untold": (6025, 20), "expire-owed": (13, 20),
    "lost-is-acked": (1, 12), "sent-is-acked": (1, 12), "retain-all": (1, 12),
    "refused-untold": (3, 12), "hour-twice": (1, 12), "untimed-sent": (4, 12),
    "estimate-is-true": (3, 12), "uncorrected": (16, 12), "wrong-era": (4, 12),
    "delivery-leaks": (7, 12), "suspend-untold": (1001, 12), "off-twice": (2001, 12),
    "full-is-sent": (4001, 20), "stale-page": (5001, 12),
    "suppressed-twice": (1, 12), "pace-uncounted": (1, 12), "spike-untold": (20, 12),
    "tests-forget": (9, 12), "work-forgotten": (9, 20),
}
# What the simulated world cannot show, or not yet, and why. They are tried all the same by name.
OUT_OF_SIGHT = {
    "drop-then-tell": "a power cut has to come between two commits of a full store",
    "poll-forgotten": "one regular time at a stop: as many as a start may be off",
    "slot-lost": "one regular time, and the probe before it is one too many",
    "row-first": "a cut while the disk is full, at a full hour",
    "replaces-first": "a poll told in part by a clock that proves wrong",
}


class Simulation:
    def __init__(self, program):
        self.program = program
        self.controls, self.lock = {}, threading.Lock()

    def bugs(self):
        lines = subprocess.run([self.program, "--bugs"], capture_output=True, text=True,
                               check=True).stdout.splitlines()
        return [line.split("\t")[0] for line in lines]

    def run(self, seed, days, bug=None):
        """The first fault as (day, invariant, text), or None."""
        command = [self.program, "--first", str(seed), "--seeds", "1", "--days", str(days),
                   "--jobs", "1"]
        done = subprocess.run(command + (["--bug", bug] if bug else []), capture_output=True,
                              text=True, errors="replace")
        if done.returncode == 0:
            return None
        found = FAULT.search(done.stdout)
        if found:
            return found.groups()
        died = re.search(r"died of signal \d+", done.stdout)
        if died:
            return "", "-", died.group()
        raise RuntimeError("%s: %s" % (" ".join(command), done.stdout + done.stderr))

    def clean(self, seed, days):
        """Whether the seed passes without a mistake."""
        with self.lock:
            mine = (seed, days) not in self.controls
            known = self.controls.setdefault((seed, days), concurrent.futures.Future())
        if mine:
            known.set_result(self.run(seed, days))
        return known.result() is None


def seeds(bug):
    hint = HINTS.get(bug, (1, DAYS))
    yield hint
    kind = hint[0] // 1000 * 1000
    yield from ((seed, hint[1]) for seed in range(kind + 1, kind + 1000) if seed != hint[0])


def look(simulation, bug):
    began, tried, dirty = time.monotonic(), 0, []
    for seed, days in seeds(bug):
        if tried and time.monotonic() - began > BUDGET_S:
            break
        tried += 1
        fault = simulation.run(seed, days, bug)
        if not fault:
            continue
        if simulation.clean(seed, days):
            return bug, seed, fault, tried, dirty
        dirty.append((seed, days))
    return bug, None, None, tried, dirty


def main():
    simulation = Simulation(sys.argv[1])
    bugs = sys.argv[2:] or [b for b in simulation.bugs() if b not in OUT_OF_SIGHT]
    unseen, dirty = [], set()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for bug, seed, fault, tried, bad in pool.map(lambda b: look(simulation, b), bugs):
            dirty.update(bad)
            if fault:
                print("%-17s seed %-3d %s %s %s" % (bug, seed, *fault), flush=True)
            else:
                print("%-17s UNSEEN in %d seeds" % (bug, tried), flush=True)
                unseen.append(bug)
    for bug, why in OUT_OF_SIGHT.items():
        print("%-17s not looked for: %s" % (bug, why))
    if dirty:
        print("seeds that fail without a mistake: %s" % sorted(dirty))
    print("%d of %d mistakes seen" % (len(bugs) - len(unseen), len(bugs)))
    return 1 if unseen or (len(bugs) < 10 and not sys.argv[2:]) else 0


if __name__ == "__main__":
    sys.exit(main())
