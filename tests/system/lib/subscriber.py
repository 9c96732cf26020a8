# SPDX-License-Identifier: EUPL-1.2
"""A consumer with a durable session: it sees every message, and the retain flag as published."""
import datetime
import json
import os
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from lib.wait import PATIENCE


def epoch(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Message:
    def __init__(self, message):
        self.at = time.time()
        self.topic, self.payload = message.topic, message.payload
        self.qos, self.retain, self.dup = message.qos, bool(message.retain), bool(message.dup)
        self.properties = message.properties
        try:
            self.json = json.loads(self.payload)
        except ValueError:
            self.json = None

    @property
    def reading(self):
        return self.json

    @property
    def age(self):
        """Seconds from measurement to arrival."""
        return self.at - epoch(self.json["time"])

    @property
    def seq(self):
        return int(self.json["id"].rsplit(":", 1)[1])


class Subscriber:
    def __init__(self, test, port, topic="#", durable=True, user=None, password=None):
        self._lock, self._messages = threading.Lock(), []
        subscribed = threading.Event()
        self.client = client = mqtt.Client("watch-" + os.urandom(4).hex(), protocol=mqtt.MQTTv5)
        if user:
            client.username_pw_set(user, password)
        client.on_connect = lambda *_: client.subscribe(
            topic, options=SubscribeOptions(
                qos=1, retainAsPublished=True,
                retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB))
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = self._take
        client.reconnect_delay_set(1, 1)
        session = Properties(PacketTypes.CONNECT)
        if durable:
            session.SessionExpiryInterval = 3600
        client.connect("127.0.0.1", port, 30, clean_start=not durable, properties=session)
        client.loop_start()
        test.addCleanup(self.close)
        test.assertTrue(subscribed.wait(10 * PATIENCE), "the subscriber got no SUBACK")

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def _take(self, _client, _data, message):
        with self._lock:
            self._messages.append(Message(message))

    def messages(self, part="", since=0):
        with self._lock:
            return [m for m in self._messages if part in m.topic and m.at >= since]

    def readings(self, point=None, device=None, since=0, prefix=""):
        """What clears a retained topic (an empty payload) is none."""
        return [m for m in self.messages("/obs/", since)
                if m.payload and m.topic.startswith(prefix)
                and (point is None or m.topic.endswith("/" + point))
                and (device is None or m.json["device"] == device)]

    def values(self, point):
        return {m.json["value"] for m in self.readings(point)}

    def newest(self, point):
        """The highest number that a counting point had."""
        return max(v for v in self.values(point) if v is not None)

    def last(self, topic):
        """The newest message of exactly this topic, or None."""
        found = [m for m in self.messages(topic) if m.topic == topic]
        return found[-1] if found else None

    def state(self, topic):
        """The `state` that a status topic has now."""
        message = self.last(topic)
        return message.json.get("state") if message else None


def retained(test, port):
    """What a late consumer gets: {topic: message}. A mark published after the subscription comes
    behind all of it."""
    late = Subscriber(test, port, durable=False)
    late.client.publish("mark", os.urandom(4).hex(), 1)
    test.eventually(lambda: late.messages("mark"), "the mark comes back")
    late.close()
    return {m.topic: m for m in late.messages() if m.retain}
