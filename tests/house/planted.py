#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""planted.py PROGRAM… -- PLANTED: no PROGRAM has anything of the mistakes of base/plant.h in it,
neither their switch nor their names; PLANTED has both, so that looking for them means something."""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = re.findall(r'X\([A-Z_]+, "([a-z-]+)"', (ROOT / "base/plant.h").read_text())


def symbols(program):
    return subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout


def names_in(program):
    data = pathlib.Path(program).read_bytes()
    return [n for n in NAMES if b"\0" + n.encode() + b"\0" in data]


class Planted(unittest.TestCase):
    def test_there_are_some(self):
        self.assertGreaterEqual(len(NAMES), 12)
        self.assertEqual(len(NAMES), len(set(NAMES)))

    def test_not_in_what_is_released(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                self.assertNotIn("fg_plant", symbols(program))
                self.assertEqual([], names_in(program))

    def test_in_the_simulation_of_mistakes(self):
        self.assertIn("fg_plant_bug", symbols(PLANTED))
        self.assertEqual(NAMES, names_in(PLANTED))

    def test_each_is_planted_somewhere(self):
        text = "".join(p.read_text() for room in ("storage", "gateway")
                       for p in sorted((ROOT / room).glob("*.c")))
        header = (ROOT / "base/plant.h").read_text()
        for constant in re.findall(r'X\(([A-Z_]+), "', header):
            with self.subTest(constant=constant):
                self.assertIn("FG_PLANT_%s)" % constant, text)


*PROGRAMS, _, PLANTED = sys.argv[1:]
del sys.argv[1:]
unittest.main()
