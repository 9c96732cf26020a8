#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""vectors.py FJORDCTL FILE LEAST: `fjordctl compute` answers every case of a file of
conformance cases as it says, and there are at least LEAST of them."""
import json
import math
import subprocess
import sys
import unittest

TOLD_AFTER = ("expected", "arrival", "error", "tags", "tol", "tol_rel", "source", "why")


def answers(lines):
    done = subprocess.run([PROGRAM, "compute"], input="".join(l + "\n" for l in lines),
                          capture_output=True, text=True, timeout=100)
    return done.returncode, [json.loads(l) for l in done.stdout.splitlines()]


def same(want, got, tol, rel):
    if isinstance(want, bool) or isinstance(got, bool) or want is None or got is None:
        return want is got
    if isinstance(want, (int, float)) and isinstance(got, (int, float)):
        return math.isclose(want, got, rel_tol=1e-12, abs_tol=max(tol + rel * abs(want), 1e-12))
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(same(a, b, tol, rel) for a, b in zip(want, got))
    if isinstance(want, dict) and isinstance(got, dict):
        return all(k in got and same(v, got[k], tol, rel) for k, v in want.items())
    return want == got


def wrong(case, answer):
    """What of an answer is not as the case says; None where all is."""
    if case["id"] != answer.get("id"):
        return "id: not %s but %s" % (case["id"], answer.get("id"))
    if case.get("error"):
        return None if answer.get("error") else "no error: %s" % answer
    if "error" in answer:
        return "error: %s" % answer
    tol, rel = case.get("tol", 0), case.get("tol_rel", 0)
    for told, key in (("expected", "result"), ("arrival", "arrival")):
        if told in case and not same(case[told], answer.get(key), tol, rel):
            return "%s: not %s but %s" % (key, case[told], answer.get(key))
    return None


class Vectors(unittest.TestCase):
    def setUp(self):
        with open(FILE, encoding="utf-8") as f:
            self.cases = [json.loads(line) for line in f]

    def test_all(self):
        self.assertGreaterEqual(len(self.cases), LEAST)
        code, got = answers([json.dumps({k: v for k, v in c.items() if k not in TOLD_AFTER})
                             for c in self.cases])
        self.assertEqual((0, len(self.cases)), (code, len(got)))
        for case, answer in zip(self.cases, got):
            with self.subTest(case["id"], op=case["op"]):
                self.check(case, answer)

    def check(self, case, answer):
        self.assertIsNone(wrong(case, answer))


if __name__ == "__main__":
    PROGRAM, FILE, LEAST = sys.argv[1], sys.argv[2], int(sys.argv[3])
    del sys.argv[1:]
    unittest.main()
