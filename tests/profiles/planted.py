#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""planted.py PROGRAM LIBRARY: the runner of profile cases finds what is wrong: cases with one
mistake each have to fail, and say so."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

HEAD = "made\ncase planted\n"
REST = "".join(f"expect water_temperature_{n} 0 Cel\n" for n in range(2, 9))
FULL = "holding 0: 00db 0000 0000 0000 0000 0000 0000 0000\n"
GOOD = HEAD + FULL + "expect water_temperature_1 21.9 Cel\n" + REST


class Planted(unittest.TestCase):
    def run_case(self, text, profile="r4dcb08"):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / f"{profile}.case"
            path.write_text(text)
            return subprocess.run([PROGRAM, LIBRARY, path], capture_output=True, text=True,
                                  check=False)

    def fails(self, text, saying, **more):
        r = self.run_case(text, **more)
        self.assertNotEqual(r.returncode, 0, text)
        self.assertIn(saying, r.stderr)

    def test_a_good_one_passes(self):
        r = self.run_case(GOOD)
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_another_value(self):
        self.fails(GOOD.replace("21.9", "21.91"), "expected 21.91 Cel")

    def test_rounding_is_asked_for(self):
        self.assertEqual(self.run_case(GOOD.replace("21.9", "~22")).returncode, 0)
        self.fails(GOOD.replace("21.9", "22"), "expected 22 Cel")

    def test_another_unit_quality_or_reason(self):
        self.fails(GOOD.replace("21.9 Cel", "21.9 K"), "expected 21.9 K")
        self.fails(GOOD.replace("21.9 Cel", "21.9 Cel qc=3"), "qc=3")
        self.fails(GOOD.replace("21.9 Cel", "null Cel qc=9 sentinel"), "expected null")

    def test_an_unknown_point(self):
        self.fails(GOOD + "expect water_temperature_9 0 Cel\n", "no point water_temperature_9")

    def test_a_point_that_nobody_expects(self):
        self.fails(GOOD.replace("expect water_temperature_8 0 Cel\n", ""),
                   "no case expects anything of water_temperature_8")

    def test_a_refused_request(self):
        self.fails(GOOD.replace(FULL, FULL + "refuse holding 3 1\n"), "refused")
        self.fails(GOOD.replace(FULL, FULL + "limit 4\n"), "refused")
        self.fails(GOOD.replace("holding 0:", "holding 1:"), "refused")
        self.fails(GOOD.replace(FULL, "holding 0: 00db\nholding 1:" + " 0000" * 7 + "\nexact\n"),
                   "refused")

    def test_a_command_that_does_not_come(self):
        self.fails(GOOD + "pdu 06 00 01 00 1f: 06 00 01 00 1f\n", "never sent")

    def test_a_profile_that_warns_or_does_not_load(self):
        self.fails(GOOD.replace(FULL, FULL + "device interval: never\n"), "without a word")
        self.fails(GOOD, "without a word", profile="no-such-profile")

    def test_a_file_that_is_no_case(self):
        self.fails("case x\n", "where do the numbers come from")
        self.fails(HEAD + "holding 0: 12345\n", "no register")
        self.fails(HEAD + "hold 0: 1234\n", "begins no line")


PROGRAM, LIBRARY = sys.argv[1:3]
unittest.main(argv=sys.argv[:1])
