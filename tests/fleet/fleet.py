#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""fleet.py nats|rabbitmq [GATEWAYS]: a cluster of three brokers as in etc/fleet, whose nodes are
killed one after the other while gateways (50) publish and a consumer with a session listens.
Nothing that was measured is lost, and no id comes with two contents. Takes minutes; needs
FJORDGATE and FJORDCTL, and nats-server or rabbitmq-server."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import paho.mqtt.client as mqtt  # noqa: E402

from lib import config, wait  # noqa: E402
from lib.bench import SystemTest  # noqa: E402
from lib.gateway import Gateway  # noqa: E402
from lib.modbus import TcpServer  # noqa: E402

ETC = pathlib.Path(__file__).resolve().parents[2] / "etc/fleet"
ENGINE = sys.argv.pop(1) if len(sys.argv) > 1 else ""
GATEWAYS = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 50
UP_S, DOWN_S = 10, 10           # polls go on for so long while all nodes, and two nodes, are there
LAG_MAX_S = 60
UP_MAX_S = 300                  # a node on a busy machine


class Consumer:
    """A durable session that goes to the next door when one is shut."""

    def __init__(self, doors):
        self.doors, self.door = doors, 0
        self.lock, self.readings, self.conflicts = threading.Lock(), {}, []
        self.topics = set()
        self.repeats = self.connects = 0
        self.subscribed = threading.Event()
        self.ending = False
        self.client = mqtt.Client("fleet-consumer", clean_session=False, protocol=mqtt.MQTTv311)
        self.client.on_connect = self._connected
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = self._take
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ending:
            try:
                self.client.connect("127.0.0.1", self.doors[self.door], 10)
                self.client.loop_forever(retry_first_connection=False)
            except OSError:
                pass
            self.door = (self.door + 1) % len(self.doors)
            wait.wait_for(lambda: self.ending, 0.5)

    def _connected(self, client, _data, _flags, code):
        if code == 0:
            self.connects += 1
            client.subscribe(config.PREFIX + "/obs/#", 1)
        else:
            client.disconnect()

    def _take(self, _client, _data, message):
        reading = json.loads(message.payload)
        with self.lock:
            self.topics.add(message.topic)
            before = self.readings.setdefault(reading["id"], reading)
            self.repeats += before is not reading
            if before != reading:
                self.conflicts.append((before, reading))

    def heard(self):
        """The stations."""
        with self.lock:
            return {r["station"] for r in self.readings.values()}

    def missing(self, ids):
        with self.lock:
            return ids - self.readings.keys()

    def close(self):
        self.ending = True
        self.client.disconnect()
        self.thread.join(10)


def ports(*names):
    """For each of three nodes a port of each name, no two alike."""
    found = set()
    while len(found) < 3 * len(names):
        found.add(wait.free_port())
    return [{name: found.pop() for name in names} for _ in range(3)]


class Nats:
    def __init__(self, test):
        self.test, self.nodes = test, ports("client", "monitor", "cluster", "mqtt")
        routes = {"ROUTE_%d" % (i + 1): "nats-route://127.0.0.1:%d" % n["cluster"]
                  for i, n in enumerate(self.nodes)}
        for i, node in enumerate(self.nodes):
            node["env"] = dict(
                os.environ, NODE="n%d" % (i + 1), STORE=test.path("nats%d" % i), **routes,
                **{k.upper() + "_PORT": "127.0.0.1:%d" % node[k]
                   for k in ("client", "monitor", "cluster", "mqtt")})
            self.start(i)

    def start(self, i):
        node = self.nodes[i]
        node["process"] = self.test.spawn(
            [shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin"), "-c",
             ETC / "nats.conf"], "node%d.log" % i, env=node["env"])
        node["started"] = time.monotonic()

    def kill(self, i):
        self.test.end(self.nodes[i]["process"], signal.SIGKILL)

    def asked(self, i, what):
        """Its health, as it says itself."""
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/healthz%s"
                                        % (self.nodes[i]["monitor"], what), timeout=2) as answer:
                return answer.status == 200 and wait.listening(self.nodes[i]["mqtt"])
        except OSError:
            return False

    def healthy(self, i):
        """Of a subscription that was on a node as it died 2.9 may say for ever that it lags; where
        that is all, streams have two nodes of three without it, and it is not waited for."""
        node = self.nodes[i]
        if self.asked(i, ""):
            return True
        if time.monotonic() - node["started"] < LAG_MAX_S or not self.asked(
                i, "?js-server-only=true"):
            return False
        print("nats: node %d is up, and says that something lags" % i, flush=True)
        return True


class Rabbit:
    def __init__(self, test):
        self.test, self.nodes = test, ports("amqp", "dist", "mqtt")
        self.names = ["fleet%d-%d@localhost" % (i, os.getpid()) for i in range(3)]
        self.epmd = str(wait.free_port())
        # else the first node leaves one behind that outlives the test
        test.spawn([shutil.which("epmd"), "-port", self.epmd, "-address", "127.0.0.1"], "epmd.log")
        for i in range(3):
            self.configure(i)
            self.start(i)
            test.eventually(lambda i=i: self.healthy(i), "node %d is up" % i, UP_MAX_S)

    def configure(self, i):
        text = (ETC / "rabbitmq.conf").read_text()
        pairs = [("rabbit@broker%d" % (k + 1), name) for k, name in enumerate(self.names)]
        pairs += [("listeners.tcp.default = 5672",
                   "listeners.tcp.1 = 127.0.0.1:%d" % self.nodes[i]["amqp"]),
                  ("mqtt.listeners.tcp.default = 1883",
                   "mqtt.listeners.tcp.1 = 127.0.0.1:%d" % self.nodes[i]["mqtt"])]
        for theirs, ours in pairs:
            self.test.assertIn(theirs, text)
            text = text.replace(theirs, ours)
        os.makedirs(self.test.path("r%d" % i))
        home = self.test.path("home%d" % i)
        os.makedirs(home)
        with open(os.path.join(home, ".erlang.cookie"), "w") as f:
            f.write("fleetcookie")
        os.chmod(os.path.join(home, ".erlang.cookie"), 0o400)
        self.nodes[i]["env"] = dict(
            os.environ, HOME=home, ERL_EPMD_PORT=self.epmd, RABBITMQ_NODENAME=self.names[i],
            RABBITMQ_DIST_PORT=str(self.nodes[i]["dist"]), ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_MNESIA_BASE=self.test.path("r%d/mnesia" % i),
            RABBITMQ_LOG_BASE=self.test.path("r%d/log" % i),
            RABBITMQ_PID_FILE=self.test.path("r%d/pid" % i), RABBITMQ_SERVER_START_ARGS="",
            RABBITMQ_CONFIG_FILE=self.test.write("r%d/rabbitmq.conf" % i, text),
            RABBITMQ_ADVANCED_CONFIG_FILE=str(ETC / "rabbitmq-advanced.config"),
            RABBITMQ_CONF_ENV_FILE="/dev/null",
            RABBITMQ_ENABLED_PLUGINS_FILE=self.test.write("r%d/plugins" % i,
                                                          "[rabbitmq_mqtt].\n"))

    def program(self, name):
        """What Debian's wrappers start: they would change the user."""
        found = sorted(pathlib.Path("/usr/lib/rabbitmq/lib").glob("*/sbin/" + name))
        self.test.assertTrue(found, name)
        return found[-1]

    def start(self, i):
        process = self.test.spawn(
            [self.program("rabbitmq-server")], "node%d.log" % i, env=self.nodes[i]["env"])
        self.nodes[i]["process"] = process
        self.test.addCleanup(self.kill, i)

    def kill(self, i):
        """The Erlang machine is in the same process group as the script that started it."""
        process = self.nodes[i]["process"]
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    def healthy(self, i):
        if not wait.listening(self.nodes[i]["mqtt"]):
            return False
        try:
            done = self.test.run_program([self.program("rabbitmqctl"), "-n", self.names[i],
                                          "cluster_status", "--formatter", "json"], 100,
                                         env=self.nodes[i]["env"])
            running = json.loads(done.stdout[done.stdout.index("{"):])["running_nodes"]
        except (subprocess.TimeoutExpired, ValueError):
            return False
        return len(running) >= min(3, sum("process" in n for n in self.nodes))


class Fleet(SystemTest):
    def explain(self):
        """What the nodes said, each at its end."""
        logs = sorted(pathlib.Path(self.folder).glob("node*.log"))
        return "".join("\n%s:\n%s" % (log.name, log.read_text(errors="replace")[-2000:])
                       for log in logs)

    def retained_at(self, port, topics):
        """How many retained readings a consumer that comes now gets there."""
        seen = set()
        client = mqtt.Client("fleet-look-%d" % port, protocol=mqtt.MQTTv311)
        client.on_connect = lambda c, *_: [c.subscribe(topic, 1) for topic in topics]
        client.on_message = lambda _c, _d, m: m.retain and seen.add(m.topic)
        client.connect("127.0.0.1", port, 10)
        client.loop_start()
        wait.wait_for(lambda: len(seen) == GATEWAYS, 10)
        client.disconnect()
        client.loop_stop()
        return len(seen)

    def start_gateways(self, doors):
        self.server = TcpServer(self)
        self.gateways = []
        for i in range(GATEWAYS):
            self.server[1].count("holding", i)
            own = doors[i % 3:] + doors[:i % 3]         # each begins at another door
            settings = config.base(0, version="3.1.1", servers=[
                "mqtt://127.0.0.1:%d" % port for port in own])
            settings["gateway"]["id"] = settings["control"]["socket"] = "g%02d" % i
            settings["stations"] = {"s%02d" % i: {"title": "Station %d" % i}}
            settings["storage"]["file"] = "g%02d.db" % i
            settings["links"]["plc"] = {"driver": "modbus-tcp", "host": "127.0.0.1",
                                        "port": self.server.port}
            settings["devices"]["probe"] = config.modbus_device(
                "plc", 1, "1s", {"level": config.register(i)}) | {
                    "station": "s%02d" % i, "timeout": "10s"}
            self.gateways.append(Gateway(self, settings, "g%02d" % i).start())

    def stored(self):
        """The ids of all readings that gateways have in their stores: what was promised."""
        ids = set()
        for i, gateway in enumerate(self.gateways):
            done = gateway.ctl("history", "s%02d/level" % i, "--json", seconds=60)
            self.assertEqual(0, done.returncode, done.stderr)
            own = {json.loads(line)["id"] for line in done.stdout.splitlines()}
            self.assertTrue(own, gateway.tail())
            ids |= own
        return ids

    def test_nodes_are_killed(self):
        cluster = {"nats": Nats, "rabbitmq": Rabbit}[ENGINE](self)
        for i in range(3):
            self.eventually(lambda i=i: cluster.healthy(i), "node %d is healthy" % i,
                            UP_MAX_S)
        doors = [node["mqtt"] for node in cluster.nodes]
        self.consumer = Consumer(doors)
        self.addCleanup(self.consumer.close)
        self.assertTrue(self.consumer.subscribed.wait(60), "the consumer gets in")
        self.start_gateways(doors)
        self.eventually(lambda: len(self.consumer.heard()) == GATEWAYS, "every gateway is heard",
                        180)
        for i in range(3):
            self.go_on(UP_S)
            print("%s: node %d is killed" % (ENGINE, i), flush=True)
            cluster.kill(i)
            self.go_on(DOWN_S)
            cluster.start(i)
            self.eventually(lambda i=i: cluster.healthy(i), "node %d is back" % i,
                            UP_MAX_S)
        self.go_on(UP_S)
        stored = self.stored()
        wait.wait_for(lambda: not self.consumer.missing(stored), 120, 1)
        lost = self.consumer.missing(stored)
        print("%s: %d gateways, %d readings stored, %d lost, %d came twice, the consumer "
              "connected %d times" % (ENGINE, GATEWAYS, len(stored), len(lost),
                                      self.consumer.repeats, self.consumer.connects), flush=True)
        every = [config.PREFIX + "/obs/#"]
        # told, not judged: docs/fleet.md says what engines lack
        retained = [[self.retained_at(port, topics) for port in doors]
                    for topics in (every, sorted(self.consumer.topics))]
        print("%s: retained readings at each node, by a wildcard %s, topic by topic %s"
              % (ENGINE, *retained), flush=True)
        self.assertEqual(set(), lost)
        self.assertEqual([], self.consumer.conflicts)
        self.assertGreater(len(stored), GATEWAYS * 3 * DOWN_S / 2)
        for gateway in self.gateways:
            gateway.process.send_signal(signal.SIGTERM)
        for gateway in self.gateways:
            self.assertEqual(0, gateway.wait_exit(60))

    def go_on(self, seconds):
        """Until so many seconds' polls were answered."""
        before = self.server[1].last("holding", 0)
        self.eventually(lambda: self.server[1].last("holding", 0) >= before + seconds * 0.8,
                        "polls go on", 20 * seconds)


if __name__ == "__main__":
    if ENGINE not in ("nats", "rabbitmq"):
        sys.exit(__doc__)
    unittest.main()
