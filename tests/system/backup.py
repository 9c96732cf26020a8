#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A copy of the store, taken while the gateway runs, goes on on a second board: what no broker had
acknowledged comes, and no number comes twice."""
import copy
import json
import unittest

from lib.bench import Scene
from lib.gateway import Gateway


class Backup(Scene):
    def test_second_board(self):
        self.counters(2)
        self.gateway.start()
        self.await_value("c00", 3)
        self.broker.stop()
        polled = len(self.server[1].requests)
        self.eventually(lambda: len(self.server[1].requests) >= polled + 20, "polls go on")
        self.eventually(lambda: self.gateway.status()["destinations"][0]["backlog"] > 10,
                        "a backlog")
        self.assertEqual(0, self.gateway.ctl("backup", self.path("copy.db")).returncode)
        backlog = self.gateway.status()["destinations"][0]["backlog"]
        refused = self.gateway.ctl("restore", self.path("copy.db"))
        self.assertEqual(75, refused.returncode, "restored under a running gateway")
        self.assertIn("stop it first", refused.stderr)
        self.gateway.kill()             # the first board is dead

        settings = copy.deepcopy(self.config)
        settings["storage"]["file"] = "spare.db"
        settings["control"]["socket"] = "spare.sock"
        spare = Gateway(self, settings, "spare")
        spare._configure()
        done = spare.ctl("restore", self.path("copy.db"), "--json")
        self.assertEqual(0, done.returncode, done.stderr)
        told = json.loads(done.stdout)
        old = {m.reading["id"] for m in self.subscriber.readings()}
        self.broker.start()
        spare.start()
        self.eventually(lambda: spare.status().get("destinations", [{}])[0].get("connected"),
                        "the second board is connected", 30)
        self.await_sent(gateway=spare)
        self.await_readings(len(old) + min(backlog, 10))
        self.eventually(lambda: self.numbers()[-1] >= told["next_seq"], "new readings come", 20)
        contents = {}
        for message in self.subscriber.readings():
            reading = message.reading
            content = (reading["point"], reading["time"], reading["value"])
            self.assertEqual(contents.setdefault(reading["id"], content), content)
        replayed = [n for n in self.numbers() if n < told["next_seq"]
                    and "test-01:%d" % n not in old]
        self.assertGreater(len(replayed), 5, "what was not acknowledged did not come")
        self.assertEqual(0, spare.stop())

    def numbers(self):
        return sorted({m.seq for m in self.subscriber.readings()})

    def test_no_copy(self):
        self.gateway._configure()
        done = self.gateway.ctl("restore", self.path("nothing.db"))
        self.assertEqual(74, done.returncode)
        self.assertIn("nothing.db", done.stderr)


if __name__ == "__main__":
    unittest.main()
