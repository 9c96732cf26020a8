#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The table of docs/quality.md that says what shows each rule: every file of quality/ is in it, and
the tests and cases that it names are there."""
import json
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = ROOT / "tests" / "unit"


def table():
    text = (ROOT / "docs" / "quality.md").read_text()
    part = text[text.index("## What shows that it is so"):]
    lines = [l for l in part[:part.index("\n## ")].splitlines() if l.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


class Breadth(unittest.TestCase):
    def test_every_file_of_the_room(self):
        told = {name for row in table() for name in names(row[1])}
        self.assertEqual({p.name for p in (ROOT / "quality").glob("*.c")}, told)

    def test_every_test_is_there(self):
        for row in table():
            for part in row[2].split("; "):
                program, *functions = names(part)
                path, = UNIT.glob("*/%s.c" % program)
                text = path.read_text()
                for name in functions:
                    self.assertTrue(re.search(r"cmocka_unit_test\w*\(%s[,)]" % name, text),
                                    "%s has no test %s" % (program, name))

    def test_every_case_is_there(self):
        known = {json.loads(line)["op"] for path in (ROOT / "tests/data/vectors").glob("*.ndjson")
                 for line in path.read_text().splitlines()}
        told = {name for row in table() for name in names(row[3])}
        self.assertEqual(set(), told - known)


if __name__ == "__main__":
    unittest.main()
