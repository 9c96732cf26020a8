#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""tests/mutation/mutate.py makes the changes that it should, and each explanation of explained.txt
is of a change that there is. What the tests notice is tried by .ci/run."""
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "mutation"))
sys.dont_write_bytecode = True
import mutate  # noqa: E402

SOURCE = """/* a < b, 5 */
#include "x/7.h"
#define LIMIT 0.5
#define TWICE(x) ((x) * 2)
static const double table[] = {1, 2.5e3};

FG_PRINTF(1, 2)
static int f(int a, char *b)
{
	char room[64];

	return a <= 3 &&
		b[0] != '4' ? g("6 > 7", room) : a -
		a->x; /* 8 */
}
"""
CHANGES = {
    ("-", "0.5 -> 0.505"), ("-", "* -> /"), ("-", "2 -> 3"),
    ("table", "1 -> 2"), ("table", "2.5e3 -> 2525.0"),
    ("f", "<= -> <"), ("f", "<= -> >"), ("f", "3 -> 4"), ("f", "&& -> ||"), ("f", "0 -> 1"),
    ("f", "!= -> =="), ("f", "- -> +"),
}
BLOCKS = """# a comment
a.c f
> x < 1 ? 2 : 2
* < -> <=; 2 -> 3 (2)
> y
* 4 -> 5
It is so.

b.c -
> #define N 7
* 7 -> 8
Nobody
"""


def changes(text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "a.c"
        path.write_text(text)
        return list(mutate.mutants(str(path)))


class Mutation(unittest.TestCase):
    def test_changes(self):
        made = changes(SOURCE)
        self.assertEqual(CHANGES, {(m.holder, m.what) for m in made})
        self.assertEqual(len(CHANGES), len(made))
        for m in made:
            self.assertEqual(1, sum(a != b for a, b in zip(SOURCE.split("\n"),
                                                           m.text.split("\n"))))

    def test_which_of_a_line(self):
        made = changes("int f(int a)\n{\n\treturn a + a + a;\n}\n")
        self.assertEqual(["+ -> -", "+ -> - (2)"], [m.what for m in made])
        self.assertIn("a - a + a", made[0].text)
        self.assertIn("a + a - a", made[1].text)

    def test_lots_do_not_depend_on_places(self):
        line = "int f(int a)\n{\n\treturn a + 1;\n}\n"
        here, there = changes(line), changes("/* moved */\n\n" + line)
        self.assertEqual([mutate.lot(1, m) for m in here], [mutate.lot(1, m) for m in there])
        self.assertNotEqual(mutate.lot(1, here[0]), mutate.lot(2, here[0]))
        self.assertNotEqual(mutate.lot(1, here[0]), mutate.lot(1, here[1]))

    def test_blocks(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "explained.txt"
            path.write_text(BLOCKS)
            known = mutate.explained(str(path))
        self.assertEqual({
            ("a.c", "f", "x < 1 ? 2 : 2", "< -> <="): "It is so.",
            ("a.c", "f", "x < 1 ? 2 : 2", "2 -> 3 (2)"): "It is so.",
            ("a.c", "f", "y", "4 -> 5"): "It is so.",
            ("b.c", "-", "#define N 7", "7 -> 8"): "Nobody"}, known)

    def test_explanations_are_of_what_there_is(self):
        keys = {m.key() for p in sorted((ROOT / "quality").glob("*.c"))
                for m in mutate.mutants(str(p))}
        known = mutate.explained(str(ROOT / "tests" / "mutation" / "explained.txt"))
        self.assertGreater(len(known), 50)
        self.assertEqual([], [k for k in known if k not in keys])
        self.assertEqual([], [k for k, why in known.items() if not why.endswith(".")])


unittest.main()
