#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""fjordctl backfill: a period comes once more, under the same ids and with the same content."""
import collections
import unittest

from lib.bench import Scene


class Backfill(Scene):
    def test_again(self):
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 10)
        before = {m.reading["id"]: (m.reading["time"], m.reading["value"])
                  for m in self.subscriber.readings()}
        answer = self.gateway.ctl_json("backfill", "main", "--since", "1h", "--until", "0s")
        self.assertEqual("main", answer["destination"])
        self.assertGreaterEqual(answer["queued"], len(before))

        def again():
            counts = collections.Counter(m.reading["id"] for m in self.subscriber.readings())
            return all(counts[i] >= 2 for i in before)
        self.eventually(again, "each comes again")
        for message in self.subscriber.readings():
            reading = message.reading
            if reading["id"] in before:
                self.assertEqual(before[reading["id"]], (reading["time"], reading["value"]))
        self.assertEqual(0, self.gateway.stop())

    def test_wrong(self):
        self.gateway.start()
        self.eventually(self.gateway.status, "the daemon answers")
        done = self.gateway.ctl("backfill", "mian", "--since", "1h", "--until", "0s")
        self.assertEqual(64, done.returncode)
        self.assertIn("no destination 'mian'; there is 'main'", done.stderr)
        self.assertEqual(64, self.gateway.ctl("backfill", "main", "--since", "1h").returncode)
        done = self.gateway.ctl("backfill", "main", "--since", "1h", "--until", "2h")
        self.assertEqual(64, done.returncode)
        self.assertIn("ends before it begins", done.stderr)
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
