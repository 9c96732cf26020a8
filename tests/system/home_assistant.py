#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Home Assistant's discovery message, used as it uses it: each sensor's topic is read through its
template (Jinja), and all are unavailable when the gateway dies."""
import unittest

import jinja2

from lib import config
from lib.bench import Scene
from lib.subscriber import retained

TOPIC = "homeassistant/device/%s/config" % config.GATEWAY


class HomeAssistant(Scene):
    def discovery(self):
        return self.subscriber.last(TOPIC)

    def render(self, template, message):
        return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(template).render(
            value=message.payload.decode(), value_json=message.json)

    def available(self):
        """As Home Assistant would say it; None while nothing is known."""
        (how,) = self.discovery().json["availability"]
        message = self.subscriber.last(how["topic"])
        state = self.render(how["value_template"], message) if message else None
        return {how["payload_available"]: True, how["payload_not_available"]: False}.get(state)

    def start(self):
        self.server[1].set("holding", 0, [194, 712])
        self.config["devices"]["probe"] = config.modbus_device("plc", 1, "200ms", {
            "water_temperature": {"table": "holding", "address": 0, "type": "u16", "scale": 0.1},
            "ph": {"table": "holding", "address": 1, "type": "u16", "scale": 0.01}})
        self.config["mqtt"]["main"].update(payload="home-assistant")
        self.gateway.start()
        self.await_readings(2, point="ph")
        self.eventually(self.discovery, "the discovery message")

    def test_sensors(self):
        self.start()
        message = self.discovery()
        self.assertTrue(message.retain)
        self.assertEqual(message.payload, retained(self, self.broker.port)[TOPIC].payload)
        components = message.json["components"]
        self.assertEqual(2, len(components))
        by_unit = {}
        for key, sensor in components.items():
            self.assertEqual((key, "sensor"), (sensor["unique_id"], sensor["platform"]))
            state = self.subscriber.last(sensor["state_topic"])
            by_unit[sensor.get("unit_of_measurement"), sensor["device_class"]] = \
                float(self.render(sensor["value_template"], state))
        self.assertEqual({("°C", "temperature"): 19.4, (None, "ph"): 7.12}, by_unit)

    def test_availability(self):
        self.start()
        self.eventually(lambda: self.available() is True, "available")
        self.gateway.kill()
        self.eventually(lambda: self.available() is False, "unavailable once it is dead")
        self.gateway.start()
        self.eventually(lambda: self.available() is True, "available again")
        self.assertEqual(0, self.gateway.stop())
        self.eventually(lambda: self.available() is False, "unavailable once it has ended")

    def discovered(self):
        message = retained(self, self.broker.port).get(TOPIC)
        return message and message.payload and message.json["components"]

    def test_cleared(self):
        """It goes when the payload leaves, while the gateway runs and while it does not, and a
        sensor goes with what `select` leaves out."""
        self.start()
        self.assertEqual(2, len(self.discovered()))
        self.config["mqtt"]["main"]["select"] = {"properties": ["ph"]}
        self.gateway.reload()
        self.eventually(lambda: len(self.discovered()) == 1, "one sensor")
        (sensor,) = self.discovered().values()
        self.assertEqual("ph", sensor["device_class"])
        self.eventually(lambda: not [t for t in retained(self, self.broker.port)
                                     if t.endswith("/water_temperature")], "its state is cleared")
        self.config["mqtt"]["main"]["payload"] = "json"
        self.gateway.reload()
        self.eventually(lambda: not self.discovered(), "discovery is cleared")
        self.config["mqtt"]["main"]["payload"] = "home-assistant"
        self.gateway.reload()
        self.eventually(self.discovered, "discovery again")
        self.gateway.kill()
        self.config["mqtt"]["main"]["payload"] = "json"
        self.gateway.start()
        self.eventually(lambda: not self.discovered(), "discovery is cleared at the start")

    def test_prefix_and_what_has_no_value(self):
        self.config["mqtt"]["main"]["home-assistant"] = {"prefix": "ha/discovery"}
        topic = TOPIC.replace("homeassistant", "ha/discovery")
        self.server[1].set("holding", 0, [194])
        self.config["devices"]["probe"] = config.modbus_device("plc", 1, "200ms", {
            "water_temperature": {"table": "holding", "address": 0, "type": "u16",
                                  "missing": [194]}})
        self.config["mqtt"]["main"].update(payload=["json", "home-assistant"])
        self.gateway.start()
        self.await_readings(1, point="water_temperature")
        self.eventually(lambda: self.subscriber.last(topic), "the discovery message")
        (sensor,) = self.subscriber.last(topic).json["components"].values()
        # Home Assistant takes this word for an unknown state
        self.assertEqual("None", self.render(sensor["value_template"],
                                             self.subscriber.last(sensor["state_topic"])))


if __name__ == "__main__":
    unittest.main()
