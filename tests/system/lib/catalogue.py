# SPDX-License-Identifier: EUPL-1.2
"""A scene whose catalogue has one of everything."""
from lib import config


def settle(scene):
    """Water and air at one station, with a calibration, a derived point and an hourly mean."""
    scene.server[1].set("holding", 0, [184, 12, 7])
    devices = scene.config["devices"]
    devices["probe"] = config.modbus_device("plc", 1, "1s", {
        "water_temperature": {
            "table": "holding", "address": 0, "type": "u16", "scale": 0.1, "unit": "Cel",
            "calibration": [{"date": "2026-03-01", "raw": [0, 30], "reference": [0.1, 30.1]}]},
        "double": {"property": "x_double", "unit": "Cel", "expression": "water_temperature * 2"},
        "state": config.register(2, property="x_state"),
    })
    devices["air"] = config.modbus_device("plc", 1, "1s", {
        "pm25": {"table": "holding", "address": 1, "type": "u16", "unit": "ug/m3"}},
        domain="air", hourly={"pm25": True})
