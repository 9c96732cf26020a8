#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Ten units at 9600 baud, polled each second; one dies. The others keep their interval; the dead
one is asked for one register now and then, and is back with its first answer."""
import unittest

from lib import config
from lib.bench import Scene
from lib.line import PacedLine

DEAD = 5


class DeadOnABus(Scene):
    def device(self, name):
        return {d["name"]: d for d in self.gateway.status()["devices"]}[name]

    def intervals(self, since):
        """Times between two polls of the same living unit, shortest first."""
        last, found = {}, []
        for when, unit, _, _ in list(self.line.requests):
            if when < since or unit == DEAD:
                continue
            if unit in last:
                found.append(when - last[unit])
            last[unit] = when
        return sorted(found)

    def asked(self, since):
        return [r for r in list(self.line.requests) if r[1] == DEAD and r[0] > since]

    def test_one_dead_of_ten(self):
        self.line = PacedLine(self, range(1, 11))
        self.config["links"] = {"line": {
            "driver": "modbus-rtu", "device": self.line.device, "baud": 9600}}
        self.config["devices"] = {
            "d%d" % unit: config.modbus_device("line", unit, "1s", {
                "u%d_%d" % (unit, address): config.register(address)
                for address in (0, 10, 19)}, retries=2, timeout="1s")
            for unit in range(1, 11)}
        self.gateway.start()
        self.await_readings(3, point="u10_19")
        self.assertEqual((0, 20), self.line.requests[-1][2:], "20 registers, one request")

        self.line.silent.add(DEAD)
        self.eventually(lambda: self.device("d5")["state"] == "quarantined", "given up", 30)
        given_up = self.line.requests[-1][0]
        self.eventually(lambda: self.asked(given_up), "it is probed", 60)
        probe = self.asked(given_up)[0]
        self.eventually(lambda: self.line.requests[-1][0] > probe[0] + 4, "the others go on")
        self.assertEqual([probe], self.asked(given_up), "one attempt")
        self.assertEqual(1, probe[3], "of one register")
        self.assertGreater(probe[0] - given_up, 25)
        found = self.intervals(given_up)
        p99 = found[(len(found) * 99 + 99) // 100 - 1]
        mean = sum(found) / len(found)
        print("intervals of the others: %d, mean %.0f ms, 99 %% within %.0f ms"
              % (len(found), mean * 1000, p99 * 1000))
        # A busy machine polls late, and no less often; a dead unit that is asked at each turn would
        # take half a second of each second, and polls of the others would be left out.
        self.assertLess(mean, 1.1)
        status = self.device("d5")
        self.assertEqual("no_response", status["last_error"])
        self.assertEqual(1, status["probes"])
        link = self.gateway.status()["links"][0]
        self.assertLess(link["probes_in_vain_s"], 0.02 * (probe[0] + 4 - given_up))

        self.line.silent.clear()
        count = len(self.subscriber.readings(point="u5_0"))
        self.await_readings(count + 3, 60, point="u5_0")
        self.assertEqual("ok", self.device("d5")["state"])
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
