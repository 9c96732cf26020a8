#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Service notices with the real daemon: told retained in three languages, by people and by rules,
referred to by readings and gaps, withdrawn, and still there after the daemon is killed."""
import unittest

from lib import config
from lib.accounts import gaps
from lib.bench import Scene
from lib.subscriber import retained


class Notices(Scene):
    topic = config.status_topic("notices")

    def setUp(self):
        super().setUp()
        self.counters(1)

    def told(self):
        message = self.subscriber.last(self.topic)
        return message.json["notices"] if message else None

    def add(self, *arguments):
        done = self.gateway.ctl("notice", "add", *arguments)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout.split()[1]

    def newest_notice(self):
        return max(self.subscriber.readings("c00"), key=lambda m: m.seq).reading.get("notice")

    def test_by_hand(self):
        self.gateway.start()
        self.await_readings(2)
        self.eventually(lambda: self.told() == [], "that there are none")
        planned = self.add("planned", "--station", "quay", "--from", "2126-07-01T10:00:00Z",
                           "--until", "2126-07-01T12:00:00Z")
        number = self.add("repair", "--device", "probe", "--nb", "Vi bytter føleren på kaia.")
        self.eventually(lambda: len(self.told()) == 2, "both notices")
        first, second = self.told()
        self.assertEqual(["planned", "operator", "2126-07-01T12:00:00.000Z"],
                         [first[k] for k in ("kind", "cause", "to")])
        self.assertEqual({"stations": ["quay"]}, first["affected"])
        self.assertIn("The quay", first["text"]["nn"])
        self.assertEqual("test-01:" + number, second["id"])
        self.assertEqual("Vi bytter føleren på kaia.", second["text"]["nb"])
        self.assertTrue(second["text"]["nn"] and second["text"]["en"])
        self.assertNotIn("to", second)
        self.eventually(lambda: self.newest_notice() == second["id"], "readings refer to it")
        self.assertIn(number, self.gateway.ctl("status").stdout)
        self.assertIn(number, self.gateway.ctl("notice", "list").stdout)

        self.gateway.kill()
        self.gateway.start()
        since = len(self.subscriber.readings())
        self.eventually(lambda: len(self.subscriber.readings()) > since + 2, "readings again")
        self.assertEqual(second["id"], self.newest_notice())
        self.assertEqual(2, len(retained(self, self.broker.port)[self.topic].json["notices"]))
        history = self.gateway.ctl("history", "quay/c00", "--json").stdout
        self.assertIn('"notice":"%s"' % second["id"], history)

        self.assertEqual(0, self.gateway.ctl("notice", "clear", number).returncode)
        self.eventually(lambda: [n["id"] for n in self.told()] == ["test-01:" + planned],
                        "it is withdrawn")
        self.eventually(lambda: self.newest_notice() is None, "readings without it")
        self.assertEqual(0, self.gateway.ctl("notice", "clear", "--all").returncode)
        self.eventually(lambda: self.told() == [], "none is left")
        self.assertEqual(0, self.gateway.stop())

    def test_what_is_wrong_is_said(self):
        self.gateway.start()
        self.await_readings(1)
        for arguments, why in [
                (["add", "faul"], "did you mean 'fault'"),
                (["add", "fault", "--device", "prob"], "no device 'prob'"),
                (["add", "fault", "--point", "c00"], "STATION/POINT"),
                (["add", "fault", "--until", "2020-01-01T00:00:00Z"], "ends before it begins"),
                (["add", "fault", "--en", "two\nlines"], "one line"),
                (["clear", "n7"], "no notice n7"),
                (["clear"], "id of a notice"),
                (["remove"], "added, listed or cleared")]:
            done = self.gateway.ctl("notice", *arguments)
            self.assertEqual(64, done.returncode, arguments)
            self.assertIn(why, done.stderr)
        self.assertEqual("no notices\n", self.gateway.ctl("notice", "list").stdout)

    def test_it_ends_by_itself(self):
        self.gateway.start()
        self.await_readings(1)
        self.eventually(lambda: self.told() == [], "that there are none")
        self.add("fault", "--for", "2s")
        self.eventually(lambda: any(m.json["notices"] for m in self.subscriber.messages(
            self.topic)), "it is told")
        self.eventually(lambda: self.told() == [], "it is over")

    def test_a_rule_tells_of_a_dead_device(self):
        self.config["notices"] = {"device_failing": "2s", "maintenance": True}
        self.gateway.start()
        self.await_readings(2)
        cell = self.server[1].cells.pop(("holding", 0))     # from now on an exception
        self.eventually(lambda: self.told(), "the failing device is told", 20)
        notice = self.told()[0]
        self.assertEqual(["fault", "device_failing"], [notice["kind"], notice["cause"]])
        self.assertEqual({"devices": ["probe"]}, notice["affected"])
        self.assertIn("ends by itself", self.gateway.ctl("notice", "clear", notice["id"]).stderr)
        self.server[1].cells["holding", 0] = cell
        self.eventually(lambda: self.told() == [], "it is withdrawn", 60)
        self.gateway.ctl("maintenance", "probe", "on", "--reason", "new lamp")
        self.eventually(lambda: self.told(), "maintenance is told")
        self.assertIn("new lamp", self.told()[0]["text"]["nb"])
        self.assertEqual(0, self.gateway.stop())
        found = [g.get("notice") for g in gaps(self.subscriber, "c00")]
        self.assertIn(notice["id"], found)

    def test_a_rule_tells_of_an_alarm(self):
        self.config["notices"] = {"alarm": True}
        self.config["devices"]["probe"]["points"]["c00"]["alarm"] = {"above": 0}
        self.gateway.start()
        self.eventually(lambda: self.told(), "the alarm is told")
        notice = self.told()[0]
        self.assertEqual(["alarm", "alarm"], [notice["kind"], notice["cause"]])
        self.assertEqual({"points": ["quay/c00"]}, notice["affected"])
        self.assertIn("er over grensen 0", notice["text"]["nb"])
        self.assertIn("er over grensa 0", notice["text"]["nn"])
        self.assertIn("is above the limit of 0", notice["text"]["en"])
        self.eventually(lambda: self.newest_notice() == notice["id"], "readings refer to it")
        del self.config["devices"]["probe"]["points"]["c00"]["alarm"]
        self.gateway.reload()
        self.eventually(lambda: self.told() == [], "it is withdrawn")
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
