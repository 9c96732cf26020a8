#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""latest.py HOST PORT PREFIX: keeps the newest reading of every point and prints what changes.

What is retained is the newest reading of each point, so a consumer who only wants to know how
things are needs no session and no memory. Needs python3-paho-mqtt."""
import json
import sys

import paho.mqtt.client as mqtt

GOOD = (1, 2)         # passed the tests, or nobody tested; 3 suspect, 4 bad, 9 missing


def main(host="localhost", port="1883", prefix="drammen"):
    newest, notices = {}, {}

    def on_connect(client, *_):
        client.subscribe([(prefix + "/obs/#", 1), (prefix + "/gateways/+/status", 1),
                          (prefix + "/gateways/+/notices", 1)])

    def on_message(_client, _data, message):
        if not message.payload:
            return                                  # the point is gone
        told = json.loads(message.payload)
        if message.topic.endswith("/notices"):
            for notice in told["notices"]:
                notices[notice["id"]] = notice["text"]["en"]
        elif message.topic.endswith("/status"):
            print("gateway %(gateway)s is %(state)s" % told, flush=True)
        else:
            take(told, message.topic)

    def take(reading, topic):
        # What a broker kept for us, or a gateway sends after an outage, may be older.
        if topic in newest and newest[topic]["time"] > reading["time"]:
            return
        newest[topic] = reading
        value = reading["value"] if reading["qc"] in GOOD else "-"
        print(reading["time"], topic[len(prefix) + 1:], value, reading["unit"],
              "qc=%d" % reading["qc"], reading.get("reason", ""),
              notices.get(reading.get("notice"), ""), flush=True)

    client = mqtt.Client(protocol=mqtt.MQTTv5)
    client.on_connect, client.on_message = on_connect, on_message
    client.connect(host, int(port))
    client.loop_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
