#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The systemd units: a call that a filter names is named as 32-bit boards make it as well, where a
time has 64 bits and the call another number."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What the C library calls instead, where time_t has more bits than a register.
WIDE = {"clock_adjtime": "clock_adjtime64", "adjtimex": "clock_adjtime64",
        "clock_gettime": "clock_gettime64", "clock_settime": "clock_settime64",
        "clock_getres": "clock_getres_time64", "clock_nanosleep": "clock_nanosleep_time64",
        "timerfd_gettime": "timerfd_gettime64", "timerfd_settime": "timerfd_settime64",
        "timer_gettime": "timer_gettime64", "timer_settime": "timer_settime64",
        "utimensat": "utimensat_time64", "pselect6": "pselect6_time64", "ppoll": "ppoll_time64",
        "recvmmsg": "recvmmsg_time64", "futex": "futex_time64"}


def lacking(text):
    """[(filter, call)] of the filters in a unit that allow or forbid one kind alone."""
    found = []
    for line in re.findall(r"^SystemCallFilter=~?(.*)$", text, re.M):
        named = line.split()
        found += [(line, WIDE[name]) for name in named
                  if name in WIDE and WIDE[name] not in named]
    return found


class Units(unittest.TestCase):
    def test_filters(self):
        units = sorted((ROOT / "systemd").glob("*.service"))
        self.assertGreaterEqual(len(units), 2)
        for unit in units:
            self.assertEqual(lacking(unit.read_text()), [], unit.name)

    def test_what_is_lacking_is_told(self):
        self.assertEqual(lacking("SystemCallFilter=@clock\nSystemCallFilter=~adjtimex read\n"),
                         [("adjtimex read", "clock_adjtime64")])


if __name__ == "__main__":
    unittest.main()
