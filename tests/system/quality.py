#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Quality tests with a memory: a spike goes out as an ordinary reading and is corrected when the
next one shows what it was, once and only then, through kill -9, an orderly restart and a reload;
what does not move stays flat over all of them."""
import json
import unittest

from lib import config
from lib.bench import Scene

SUSPECT, FAIL = 5, 20
HIGH, STILL = 0, 1          # registers


def spike(before, value, after):
    """QARTOD test 6, differential, as ioos_qc has it."""
    if None in (before, value, after):
        return 2
    up, down = value - before, after - value
    height = min(abs(up), abs(down)) if up * down < 0 else 0
    return 4 if height > FAIL else 3 if height > SUSPECT else 1


class Quality(Scene):
    def setUp(self):
        super().setUp()
        self.polls = 0
        unit = self.server[1]
        unit.on_request = self.next_values
        self.next_values()
        self.config["devices"]["probe"] = config.modbus_device("plc", 1, "200ms", {
            "high": config.register(HIGH, qc={
                "spike": {"suspect": SUSPECT, "fail": FAIL, "method": "differential"}}),
            "still": config.register(STILL, qc={
                "flat_line": {"tolerance": 0.5, "suspect": "3s", "fail": "60s"}}),
        })

    def next_values(self):
        """Up and down a little; each 7th value is a spike, small and large in turn."""
        self.polls += 1
        value = 100 + self.polls % 3
        if self.polls % 7 == 0:
            value += 12 if self.polls % 14 else 60
        self.server[1].set("holding", HIGH, [value, 7])

    def series(self, point):
        """Readings in order, without corrections; and the corrections by what they replace."""
        readings, corrections = {}, {}
        for message in self.subscriber.readings(point):
            reading = message.reading
            if "replaces" in reading:
                corrections.setdefault(reading["replaces"], []).append((message, reading))
            else:
                readings[message.seq] = reading
        return [readings[seq] for seq in sorted(readings)], corrections

    def more(self, count=12):
        """So many further readings arrive."""
        have = len(self.series("high")[0])
        self.eventually(lambda: len(self.series("high")[0]) >= have + count, "readings go on", 30)

    def check(self):
        readings, corrections = self.series("high")
        values = [r["value"] for r in readings]
        expected = {}
        for i in range(1, len(values) - 1):
            verdict = spike(*values[i - 1:i + 2])
            if verdict in (3, 4):
                expected[readings[i]["id"]] = (verdict, readings[i])
        # of those that have just come the correction may be on its way
        newest = {r["id"] for r in readings[-3:]}
        got = {identity: set(r["id"] for _, r in c) for identity, c in corrections.items()}
        self.assertTrue(all(len(ids) == 1 for ids in got.values()), "corrected twice: %r" % got)
        self.assertEqual([], [i for i in got if i not in expected], "corrected without a reason")
        self.assertEqual([], [i for i in expected if i not in got and i not in newest],
                         "spikes that nobody told of")
        for identity, found in corrections.items():
            message, reading = found[0]
            verdict, first = expected[identity]
            self.assertIn(first["qc"], (1, 2))
            self.assertEqual(verdict, reading["qc"])
            self.assertEqual({"spike": verdict}, reading["qc_tests"])
            self.assertEqual((first["time"], first["value"]), (reading["time"], reading["value"]))
            self.assertFalse(message.retain, "a newer reading was retained already")
        return len(expected)

    def await_corrections(self):
        def told():
            readings, corrections = self.series("high")
            values = [r["value"] for r in readings]
            return all(readings[i]["id"] in corrections for i in range(1, len(values) - 2)
                       if spike(*values[i - 1:i + 2]) in (3, 4))
        self.eventually(told, "each spike is corrected", 20)

    def test_through_everything(self):
        self.gateway.start()
        self.more(20)
        for _ in range(3):
            self.gateway.kill()
            self.gateway.start()
            self.more()
        self.assertEqual(0, self.gateway.stop())
        self.gateway.start()
        self.more()
        self.config["devices"]["probe"]["title"] = "Changed"
        self.gateway.reload()
        self.more()
        self.gateway.reload()
        self.more()
        self.await_corrections()
        self.assertGreater(self.check(), 5)
        self.check_still()
        counts = self.gateway.status()["quality"]
        self.assertGreater(counts["corrected"], 0)
        self.assertEqual(0, counts["not_told"])
        self.check_history()
        self.check_replay()
        self.check_other_thresholds()
        self.check_picture()
        self.assertEqual(0, self.gateway.stop())

    def check_still(self):
        """Once it is flat, it stays so: nothing was forgotten."""
        flags = [r["qc"] for r in self.series("still")[0] if r["qc"] != 9]
        self.assertEqual([1] * 15, flags[:15])
        self.assertEqual({3}, set(flags[16:]))

    def check_history(self):
        """Of a reading and its correction, history has the correction alone."""
        done = self.gateway.ctl("history", "quay/high", "--since", "1h", "--json")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        replaced = {r["replaces"] for r in lines if "replaces" in r}
        self.assertGreater(len(replaced), 5)
        self.assertEqual([], [r["id"] for r in lines if r["id"] in replaced])

    def replay(self, *more, point="high"):
        return self.gateway.ctl_json("qc", "quay/" + point, "--since", "1h", *more)

    def check_replay(self):
        """With the thresholds in force, each verdict is the one that was told."""
        found = self.replay()
        self.assertEqual({"suspect": SUSPECT, "fail": FAIL, "method": "differential"},
                         found["now"]["spike"])
        self.assertGreater(found["tests"]["spike"]["told"]["4"], 2)
        different = [r for r in found["flagged"] if r["told"] != r["now"]]
        # the newest may have been judged after it was told
        self.assertLessEqual(len(different), 1, different)
        still = self.replay(point="still")
        self.assertEqual({"tolerance": 0.5, "suspect": "3s", "fail": "1m"},
                         still["now"]["flat_line"])
        self.assertGreater(still["tests"]["flat_line"]["now"]["3"], 10)

    def check_other_thresholds(self):
        found = self.replay("--set", "spike.suspect=15")
        counts = found["tests"]["spike"]
        self.assertEqual(15, found["set"]["spike"]["suspect"])
        self.assertEqual(0, counts["set"]["3"])
        self.assertEqual(counts["now"]["4"], counts["set"]["4"])
        self.assertEqual(counts["now"]["3"], found["no_longer_flagged"])
        self.assertEqual(0, found["newly_flagged"])
        self.assertGreater(found["no_longer_flagged"], 2)
        found = self.replay("--set", "spike=off", "--set", "gross_range={fail: [0, 150]}")
        self.assertNotIn("spike", found["set"])
        self.assertEqual({"fail": [0, 150]}, found["set"]["gross_range"])
        self.assertEqual({r["value"] > 150 for r in found["flagged"]
                          if r["change"] != "no_longer_flagged"}, {True})
        for setting, fault in (
                ("spike.suspct=1", "unknown key 'suspct'; did you mean 'suspect'?"),
                ("spik.suspect=1", "unknown key 'spik'; did you mean 'spike'?"),
                ("spike.fail=1", "qc.spike.fail: is below suspect"),
                ("gross_range={fail: [0, 10], suspect: [-1, 5]}", "is not within fail"),
                ("flat_line={tolerance: 1, suspect: 300d}", "at most 20000"),
                ("spike", "is not TEST.KEY=VALUE")):
            done = self.gateway.ctl("qc", "quay/high", "--set", setting)
            self.assertEqual(64, done.returncode, setting)
            self.assertIn(fault, done.stderr)
        unknown = self.gateway.ctl("qc", "quay/hihg")
        self.assertEqual(64, unknown.returncode)
        self.assertIn("no point 'quay/hihg'", unknown.stderr)

    def check_picture(self):
        done = self.gateway.ctl("qc", "quay/high", "--since", "1h", "--set", "spike.suspect=15")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        rows = [line for line in done.stdout.splitlines() if line[10:11] == "|"]
        self.assertEqual(16, len(rows))
        self.assertLessEqual(max(len(row) for row in rows), 80)
        marks = set("".join(row[11:] for row in rows))
        self.assertLessEqual({".", "S", "o"}, marks)
        self.assertNotIn("s", marks)
        self.assertIn("no longer flagged: ", done.stdout)
        self.assertNotIn("\033", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
