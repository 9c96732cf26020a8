#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The tables of docs/security.md: each threat has a defence, and what is named as showing it is a
test of this build; its parts are in that test's file."""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = sys.argv.pop(1)


def rows():
    """(threat, defence, shown by) of all tables that have these columns."""
    shown = False
    for line in (ROOT / "docs" / "security.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| threat"):
            shown = True
        elif not line.startswith("|"):
            shown = False
        elif shown and not line.startswith("|---"):
            yield cells


def source(test):
    if test.startswith("system_"):
        return ROOT / "tests" / "system" / (test[len("system_"):] + ".py")
    return next(ROOT.glob("tests/unit/*/%s.c" % test), None)


class Security(unittest.TestCase):
    def test_each_threat_is_answered(self):
        tests = subprocess.run(["ctest", "--test-dir", BUILD, "-N"], capture_output=True, text=True,
                               check=True).stdout
        known = set(re.findall(r"Test +#\d+: (\S+)", tests))
        count = 0
        for threat, defence, shown in rows():
            self.assertTrue(threat and defence, threat)
            for part in shown.split("; "):
                names = re.findall(r"`([^`]+)`", part)
                if not names:
                    self.assertTrue((ROOT / part.split()[-1].rstrip("/")).exists(), part)
                    continue
                self.assertIn(names[0], known, threat)
                for name in names[1:]:
                    if name != "systemd units":
                        self.assertRegex(source(names[0]).read_text(), r"\b%s\b" % name, threat)
                count += 1
        self.assertGreater(count, 30)


if __name__ == "__main__":
    unittest.main()
