#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The web server of the real daemon: health, metrics, status; where it listens and where not; what
it refuses; and that clients who do not read cost no poll."""
import http.client
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import unittest

from lib import config, wait, web
from lib.bench import Scene
from lib.faults import Faults
from lib.peers import MODULES


class Web(Scene):
    units = (1,)

    def setUp(self):
        super().setUp()
        self.server[1].set("holding", 0, [194, 72])
        self.config["devices"]["probe"] = config.modbus_device(
            "plc", 1, "200ms", {
                "water_temperature": {"table": "holding", "address": 0, "type": "i16",
                                      "scale": 0.1, "unit": "Cel"},
                "ph": {"table": "holding", "address": 1, "type": "i16", "scale": 0.1,
                       "qc": {"gross_range": {"fail": [0, 14], "suspect": [8, 9]}}}})
        self.port = wait.free_port()
        self.config["http"] = {"listen": self.port, "rate_limit": "0/s"}

    def start(self):
        self.gateway.start()
        self.eventually(lambda: wait.listening(self.port), "a listening port", 60)
        self.eventually(lambda: web.get(self.port, "/api/status").status == 200, "a view")
        self.eventually(lambda: self.probe()["polls"] > 2, "polls")

    def probe(self):
        return web.get(self.port, "/api/status").json["devices"][0]


class Http(Web):
    def test_off_unless_asked_for(self):
        del self.config["http"]
        self.gateway.start()
        self.eventually(lambda: self.gateway.status().get("devices"), "a status")
        self.assertFalse(wait.listening(self.port))
        self.assertNotIn("http", self.gateway.status())

    def test_loopback_alone(self):
        """A port alone is the machine's own."""
        self.start()
        lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        addresses = {line.split()[1] for line in lines
                     if line.split()[3] == "0A" and line.split()[1].endswith(":%04X" % self.port)}
        self.assertEqual({"0100007F:%04X" % self.port}, addresses)
        self.assertIn("http    127.0.0.1:%d\n" % self.port, self.gateway.ctl("status").stdout)

    def test_health(self):
        self.start()
        answer = web.get(self.port, "/healthz")
        self.assertEqual((200, {"status": "ok"}), (answer.status, answer.json))
        self.assertEqual("no-store", answer.headers["Cache-Control"])
        self.server.stop()
        answer = self.eventually(
            lambda: (lambda a: a if a.status == 503 else None)(web.get(self.port, "/healthz")),
            "health that fails", 40)
        self.assertEqual({"status": "failing", "reasons": ["all links are down"]}, answer.json)

    def test_status(self):
        self.start()
        answer = web.get(self.port, "/api/status")
        self.assertEqual("application/json", answer.headers["Content-Type"])
        self.assertEqual("*", answer.headers["Access-Control-Allow-Origin"])
        self.assertEqual(set(self.gateway.status()), set(answer.json))
        again = web.get(self.port, "/api/status", method="HEAD")
        self.assertEqual((200, b""), (again.status, again.body))

    def test_metrics(self):
        self.start()
        self.eventually(lambda: self.main("acknowledged") > 4, "acknowledgements")
        answer = self.eventually(self.scrape_with_readings, "readings in the metrics")
        self.assertEqual("text/plain; version=0.0.4; charset=utf-8",
                         answer.headers["Content-Type"])
        found = web.metrics(answer.text)
        point = [("device", "probe"), ("domain", "water"), ("station", "quay")]
        self.assertEqual(19.4, found["fjordgate_reading_value", *sorted(point + [
            ("point", "water_temperature"), ("property", "water_temperature"),
            ("unit", "Cel")])])
        self.assertEqual(3, found["fjordgate_reading_qc", *sorted(point + [("point", "ph")])])
        self.assertEqual(1, found["fjordgate_link_up", ("driver", "modbus-tcp"), ("link", "plc")])
        self.assertEqual(1, found["fjordgate_destination_connected", ("destination", "main")])
        self.assertEqual(1, found["fjordgate_clock_trusted",])
        self.assertEqual(1, found["fjordgate_store_writable",])
        for name in ("fjordgate_device_polls_total", "fjordgate_device_answers_total"):
            self.assertGreater(found[name, ("device", "probe")], 2)
        self.assertGreater(found["fjordgate_readings_total", ("qc", "3")], 2)
        self.assertGreater(found["fjordgate_destination_acknowledged_readings_total",
                                 ("destination", "main")], 4)

    def test_promtool(self):
        """Prometheus' own check of names and texts; the format is checked above."""
        tool = shutil.which("promtool", path="%s:%s" % (MODULES.parent, os.environ["PATH"]))
        if not tool:
            print("SKIPPED: promtool is not installed (tools/peers does that)", file=sys.stderr)
            self.skipTest("no promtool")
        self.start()
        answer = self.eventually(self.scrape_with_readings, "readings in the metrics")
        done = subprocess.run([tool, "check", "metrics"], input=answer.body, capture_output=True,
                              timeout=60)
        self.assertEqual((0, b""), (done.returncode, done.stdout + done.stderr))

    def test_documents_name_what_there_is(self):
        """Each family stands in docs/http.md, and rules for alerts ask for none that is not."""
        self.start()
        text = self.eventually(self.scrape_with_readings, "readings in the metrics").text
        families = set(re.findall(r"^# TYPE fjordgate_(\w+)", text, re.M))
        docs = pathlib.Path(__file__).resolve().parents[2] / "docs"
        table = (docs / "http.md").read_text().split("## /metrics")[1].split("## /api")[0]
        told = set()
        for row in table.splitlines():
            names = re.findall(r"`(\w+)`", row)
            told |= {n if not n.startswith("_") else names[0].split("_")[0] + n for n in names}
        self.assertEqual(set(), families - told)
        rules = (docs / "operations.md").read_text().split("### Alerts")[1].split("\n## ")[0]
        asked = set(re.findall(r"fjordgate_(\w+)", rules))
        self.assertGreater(len(asked), 5)
        self.assertEqual(set(), asked - families)

    def scrape_with_readings(self):
        answer = web.get(self.port, "/metrics")
        return answer if "\nfjordgate_reading_value{" in answer.text else None

    def test_unchanged(self):
        """The tag of a document is that of its bytes."""
        self.start()
        first = web.get(self.port, "/metrics")
        tag = first.headers["ETag"]

        def same():
            answer = web.get(self.port, "/metrics", If_None_Match='"x", W/%s' % tag)
            return answer.status == 304 and not answer.body and answer.headers["ETag"] == tag
        def other():
            return web.get(self.port, "/metrics", If_None_Match=tag).status == 200
        self.assertTrue(same() or other())
        self.eventually(other, "another document")
        tag = web.get(self.port, "/metrics").headers["ETag"]
        self.eventually(lambda: self.asked_twice("/metrics"), "the same document twice")

    def test_unchanged_page(self):
        """A cache learns from a 304 what it would from the page: by what it varies."""
        self.start()

        def unchanged():
            tag = web.get(self.port, "/").headers["ETag"]
            answer = web.get(self.port, "/", If_None_Match=tag)
            return answer if answer.status == 304 else None
        answer = self.eventually(unchanged, "the same page twice")
        self.assertEqual(("Accept-Language", "no-cache"),
                         (answer.headers["Vary"], answer.headers["Cache-Control"]))

    def asked_twice(self, path):
        tag = web.get(self.port, path).headers["ETag"]
        return web.get(self.port, path, If_None_Match=tag).status == 304

    def test_refusals(self):
        self.start()
        for method, path, status in (
                ("GET", "/nothing", 404), ("GET", "/..%2f..%2fetc/passwd", 404),
                ("POST", "/api/status", 405), ("DELETE", "/", 405), ("PUT", "/metrics", 405)):
            answer = web.get(self.port, path, method=method)
            self.assertEqual(status, answer.status, (method, path))
            self.assertIn("error", answer.json)
            self.assertEqual("nosniff", answer.headers["X-Content-Type-Options"])
        answer = web.get(self.port, "/api/status", method="OPTIONS", Origin="https://x.example")
        self.assertEqual((204, "GET, HEAD, OPTIONS"), (
            answer.status, answer.headers["Access-Control-Allow-Methods"]))
        long = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        long.putrequest("GET", "/api/status")
        long.putheader("X-Long", "x" * 40000)
        long.endheaders()
        self.assertEqual(431, long.getresponse().status)
        long.close()
        with socket.create_connection(("127.0.0.1", self.port), 20) as s:
            s.sendall(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
            s.shutdown(socket.SHUT_WR)
            while s.recv(4096):
                pass
        self.assertEqual(200, web.get(self.port, "/healthz").status)

    def test_rate_limit(self):
        self.config["http"]["rate_limit"] = "1/s"
        self.gateway.start()
        self.eventually(lambda: wait.listening(self.port), "a listening port", 60)
        seen = [web.get(self.port, "/api/status") for _ in range(120)]
        refused = [a for a in seen if a.status == 429]
        self.assertGreater(len(refused), 10)
        self.assertEqual("2", refused[0].headers["Retry-After"])
        self.assertLess(web.get(self.port, "/healthz").status, 504)
        self.assertNotEqual(429, web.get(self.port, "/healthz").status)

    def test_reload(self):
        self.start()
        old, self.port = self.port, wait.free_port()
        self.config["http"]["listen"] = "127.0.0.1:%d" % self.port
        self.gateway.reload()
        self.eventually(lambda: wait.listening(self.port), "the other port")
        self.assertFalse(wait.listening(old))
        self.eventually(lambda: web.get(self.port, "/metrics").status == 200, "metrics there")
        del self.config["http"]
        self.gateway.reload()
        self.eventually(lambda: not wait.listening(self.port), "no port")
        self.assertEqual(0, self.gateway.stop())

    def hang(self):
        """The web server's thread is in a read of the store that does not come back."""
        os.mkdir(self.path("disk"))
        self.config["storage"]["file"] = self.path("disk/readings.db")
        Faults(self, self.gateway, self.path("disk"))
        self.gateway.prefix.append("FG_FAULTS_HANG=" + self.path("hangs"))
        self.start()
        self.await_readings(3)
        self.write("hangs", "")
        path = "/api/readings?point=%s/ph" % config.STATION
        stuck = web.ask_slowly(self.port, path)
        self.addCleanup(stuck.close)
        time.sleep(1)
        return path

    def test_a_read_that_hangs(self):
        """A disk that keeps a read of the server's holds up neither a reload nor a poll."""
        path = self.hang()
        old, self.port = self.port, wait.free_port()
        self.config["http"]["listen"] = "127.0.0.1:%d" % self.port
        self.gateway.reload()
        self.eventually(lambda: "still under way" in self.gateway.log(), "the read is told")
        before = self.gateway.status()["devices"][0]
        after = self.eventually(
            lambda: (lambda d: d if d["polls"] >= before["polls"] + 15 else None)(
                self.gateway.status()["devices"][0]), "fifteen polls more", 30)
        self.assertEqual(before["overruns"], after["overruns"])
        self.assertFalse(wait.listening(self.port))
        os.unlink(self.path("hangs"))
        self.eventually(lambda: wait.listening(self.port), "the other port")
        self.assertFalse(wait.listening(old))
        self.eventually(lambda: web.get(self.port, path).status == 200, "readings")
        self.assertEqual(0, self.gateway.stop())

    def test_a_read_that_hangs_at_the_end(self):
        self.hang()
        self.assertEqual(0, self.gateway.stop())
        self.assertIn("a thread does not end", self.gateway.log())

    def test_port_in_use(self):
        """Measuring goes on, and the port is taken once it is free."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", self.port))
            other.listen()
            self.gateway.start()
            self.eventually(lambda: "error" in self.gateway.status().get("http", {}), "an error")
            self.eventually(lambda: self.gateway.status()["devices"][0]["polls"] > 1, "polls")
        self.eventually(lambda: wait.listening(self.port), "the port", 20)
        self.eventually(lambda: "error" not in self.gateway.status()["http"], "no error")
        self.assertEqual(1, self.gateway.log().count("cannot listen"))

    def main(self, key):
        return web.get(self.port, "/api/status").json["destinations"][0][key]

    def test_slow_clients(self):
        """A hundred who do not read: polls go on, and somebody else is answered."""
        self.start()
        slow = [web.ask_slowly(self.port, path) for path in ["/api/status", "/metrics"] * 50]
        for s in slow:
            self.addCleanup(s.close)
        self.eventually(lambda: web.metrics(web.get(self.port, "/metrics").text)[
            "fjordgate_http_connections",] > 100, "a hundred connections in the metrics")
        before = self.gateway.status()["devices"][0]
        after = self.eventually(
            lambda: (lambda d: d if d["polls"] >= before["polls"] + 15 else None)(
                self.gateway.status()["devices"][0]), "fifteen polls more", 30)
        self.assertEqual(before["failures"], after["failures"])
        # a busy machine leaves some out by itself
        self.assertLessEqual(after["overruns"] - before["overruns"],
                             (after["polls"] - before["polls"]) / 5)
        self.assertEqual(200, web.get(self.port, "/healthz").status)
        answered = web.metrics(web.get(self.port, "/metrics").text)[
            "fjordgate_http_requests_total", ("code", "2xx")]
        self.assertLess(answered, 100 * web.ASKED, "nobody was slow")
        self.assertEqual(0, self.gateway.stop())

    def test_trickling_clients(self):
        """Who sends a byte now and then has half a minute for a request, like everybody."""
        self.start()
        trickles = [socket.create_connection(("127.0.0.1", self.port), 20) for _ in range(100)]
        for s in trickles:
            self.addCleanup(s.close)
            s.setblocking(False)
        reader = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.addCleanup(reader.close)

        def left():
            reader.request("GET", "/healthz")  # a connection that is used lives on
            answer = reader.getresponse()
            answer.read()
            self.assertEqual(200, answer.status)
            open_ones = 0
            for s in trickles:
                try:
                    s.send(b"x")
                    open_ones += s.recv(1000) != b""
                except BlockingIOError:
                    open_ones += 1
                except OSError:
                    pass
            time.sleep(1)
            return open_ones

        for s in trickles:
            s.send(b"GET / HTTP/1.1\r\nX-Half:")
        self.assertEqual(100, left())
        first = reader.sock
        self.eventually(lambda: left() == 0, "they are sent away", 45)
        self.assertIs(first, reader.sock)
        self.assertEqual(0, self.gateway.stop())

    def test_all_connections_of_one(self):
        """Who opens as many connections as he can does not keep others from having one."""
        self.start()
        for _ in range(140):
            s = socket.create_connection(("127.0.0.1", self.port), 20)
            self.addCleanup(s.close)
            s.send(b"GET / HTTP/1.1\r\nX-Half:")
        other = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=10, source_address=("127.0.0.2", 0))
        self.addCleanup(other.close)
        other.request("GET", "/healthz")
        self.assertEqual(200, other.getresponse().status)


class Large(Web):
    def large(self):
        """Long documents: as many devices as a configuration may have, none of which answers."""
        ports = sorted({wait.free_port() for _ in range(40)})[:16]
        for i, port in enumerate(ports):
            self.config["links"]["far%d" % i] = {
                "driver": "modbus-tcp", "host": "127.0.0.1", "port": port}
        for i in range(4000):
            self.config["devices"]["far-%d" % i] = config.modbus_device(
                "far%d" % (i // 250), i % 240 + 1, "60s", {
                    "far%d_%d" % (i, k): config.register(k) for k in range(2)})

    def test_long_documents(self):
        """All fit beside one another while nobody is slow."""
        self.large()
        self.start()
        for path in ["/metrics", "/api/stations", "/api/status", "/", "/page.css"] * 2:
            self.assertEqual(200, web.get(self.port, path).status, path)

    def test_health_beside_slow_clients(self):
        """Who holds all memory for documents does not keep others from asking how the gateway
        is; nor from anything once the connections are gone."""
        self.large()
        self.start()
        slow = []
        while web.get(self.port, "/api/stations").status == 200:
            self.assertLess(len(slow), 60, "there is always room")
            slow.append(web.ask_slowly(self.port, "/api/stations"))
            time.sleep(0.3)
        self.assertIn("status", web.get(self.port, "/healthz").json)
        for s in slow:
            s.close()
        self.eventually(lambda: web.get(self.port, "/api/stations").status == 200, "room", 20)


if __name__ == "__main__":
    unittest.main()
