#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Every command in the code blocks of the guides for technicians, operators and consumers is run
against a live gateway with stations, devices and destinations of the same names. What cannot run
here is looked at in another way, told below with its reason; a block that is neither is a fault.
Commands within the text are checked against the tables of fjordctl."""
import datetime
import json
import os
import pathlib
import re
import shlex
import subprocess
import unittest

from lib import certificates, config, wait
from lib.bench import SystemTest
from lib.broker import Broker
from lib.gateway import PROGRAMS, Gateway
from lib.modbus import RtuServer, words

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDES = ("technician.md", "operations.md", "consumers.md")
RUN = {"fjordctl", "mosquitto_sub"}
# What is not run here. Programs that change the machine, or need its service manager: what they
# name is looked for in the tree.
LOOKED_AT = {
    "apt": "installs on the machine; tests/board does it in a virtual one",
    "systemctl": "needs systemd; tests/board does it",
    "cmake": "needs the release build; tests/board and .ci/run install",
    "systemd-sysusers": "makes users on the machine; tests/board does it",
    "journalctl": "needs a journal; its options are tried on an empty one",
}
# Blocks that are no commands, by their first words.
OTHER = {"ok    gateway": "output of doctor", "/dev/ttyUSB0 is in use": "output of probe",
         "scheduled  =": "a formula"}


def blocks(text):
    """(line, [lines]) of each indented block; lists and fenced blocks are none."""
    block, start, fenced, before = [], 0, False, ""
    for number, line in enumerate(text.split("\n") + [""], 1):
        fenced ^= line.startswith("```")
        if not fenced and line.startswith("    ") and (block or not before.strip()):
            start = start or number
            block.append(line[4:])
        elif not line.strip() and block:
            block.append("")
        elif block:
            yield start, [b for b in block if b]
            block, start = [], 0
        before = line


def commands(name):
    """(place, command) of all blocks; a block is a dialogue with prompts, or commands alone."""
    for line, block in blocks((ROOT / "docs" / name).read_text()):
        dialogue = any(b.startswith("$ ") for b in block)
        if not dialogue and any(block[0].startswith(head) for head in OTHER):
            continue
        for i, text in enumerate(block):
            if dialogue and not text.startswith("$ "):
                continue
            for part in re.sub(r"\s{2,}# .*", "", text.removeprefix("$ ")).split(" && "):
                yield "%s:%d" % (name, line + i), shlex.split(part)


class Commands(SystemTest):
    def setUp(self):
        super().setUp()
        self.broker = Broker(self)
        self.broker.start()
        self.bus = RtuServer(self, units=(3, 5))
        self.free = RtuServer(self, units=(3, 7), name="free")
        self.bus[3].set("input", 0, [1, 2])
        self.bus[5].set("holding", 0, [70] * 8)
        for unit in (3, 7):
            self.free[unit].set("input", 0, words("f", 14.2, "CDAB"))
            self.free[unit].set("holding", 0, [1, 2])
        settings = config.base(self.broker.port)
        settings["stations"] = {"bragernes": {"title": "Bragernes"}}
        settings["mqtt"] = {"town": config.broker(self.broker.port, prefix="drammen")}
        settings["links"] = {"rs485": {"driver": "modbus-rtu", "device": self.bus.device,
                                       "baud": 19200}}
        point = {"table": "holding", "type": "u16"}
        settings["devices"] = {"weir-sonde": {
            "station": "bragernes", "domain": "bathing", "link": "rs485", "unit_id": 5,
            "interval": "500ms", "points": {
                "water_temperature": {**point, "address": 0, "scale": 0.2, "unit": "Cel"},
                "ph": {**point, "address": 1, "scale": 0.1, "unit": "[pH]"}}}}
        self.gateway = Gateway(self, settings)
        self.sensor_port = wait.free_port()
        os.mkdir(self.path("pki"))

    def start(self):
        self.gateway.start()
        self.eventually(lambda: self.gateway.status().get("totals", {}).get("acknowledged", 0) > 4,
                        "readings arrive", 20)
        self.write("sim.yaml", json.dumps({
            "endpoints": {"air": {"kind": "coap", "listen": "127.0.0.1:%d" % self.sensor_port}},
            "devices": {"air": {"endpoint": "air", "points": {"pm25": {"path": "/sensors"}}}}}))
        self.spawn([PROGRAMS["fjordsim"], "-c", self.path("sim.yaml")], "sim.log")
        self.eventually(lambda: "ready" in pathlib.Path(self.path("sim.log")).read_text(),
                        "fjordsim is ready")
        folder = certificates.make(self, "pki")
        self.tls_port = wait.free_port()
        self.write("tls.conf", "\n".join([
            "listener %d 127.0.0.1" % self.tls_port, "user root", "allow_anonymous true",
            "cafile %s/ca.pem" % folder, "certfile %s/broker.pem" % folder,
            "keyfile %s/broker.key" % folder, "connection onward",
            "address 127.0.0.1:%d" % self.broker.port, "topic # in 1"]) + "\n")
        self.spawn(["/usr/sbin/mosquitto", "-c", self.path("tls.conf")], "tls.log")
        self.eventually(lambda: wait.listening(self.tls_port), "a broker with TLS")

    def notice(self):
        """The number of a notice that can be cleared."""
        done = self.gateway.ctl("notice", "list", "--json")
        numbers = re.findall(r"n\d{6,}", done.stdout)
        self.assertTrue(numbers, done.stdout + done.stderr)
        return numbers[-1]

    def here(self, argv):
        """The command with what there is here in the place of what there is in the field."""
        ahead = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2)
        changes = [
            (r"/dev/ttyUSB0(\?baud=9600)?", lambda _: self.free.device + "?baud=19200"),
            (r"/etc/fjordgate/fjordgate.yaml|^FILE$", lambda _: self.gateway.file),
            (r"/mnt/usb", lambda _: self.folder), (r"^eth0$", lambda _: "lo"),
            (r"coap://192\.0\.2\.17", lambda _: "coap://127.0.0.1:%d" % self.sensor_port),
            (r"^n\d{9}$", lambda _: self.notice())]
        if argv[1:3] == ["notice", "add"] or "--next" in argv:
            changes.append((r"^2026-\S+$", lambda _: ahead.strftime("%Y-%m-%dT%H:%M:%SZ")))
        for pattern, make in changes:
            argv = [re.sub(pattern, make, word) if re.search(pattern, word) else word
                    for word in argv]
        return argv

    # ---- each kind ----

    def run_fjordctl(self, argv):
        words_ = self.here(argv)[1:]
        if "-c" not in words_:
            words_ = ["-c", self.gateway.file, *words_]
        if "restore" in words_:                 # a gateway must not be running
            self.assertEqual(0, self.gateway.stop())
        done = self.run_program([PROGRAMS["fjordctl"], *words_], 90,
                                env=dict(os.environ, NO_COLOR="1"))
        if "restore" in words_:
            self.gateway.start()
            self.eventually(self.gateway.status, "it runs again")
        expected = {0}
        if "doctor" in words_:
            expected = {0, 1}                   # a clock that nobody sets is a warning here
        if "scan" in words_ and "coap" in words_:
            expected = {0, 75}                  # loopback has no multicast everywhere
        self.assertIn(done.returncode, expected, done.stdout + done.stderr)
        self.assertTrue(done.stdout or done.returncode)

    def run_mosquitto_sub(self, argv):
        words_ = []
        for word in argv[1:]:
            words_.append({"BROKER": "localhost", "8883": str(self.tls_port),
                           "/etc/ssl/certs/ca-certificates.crt": self.path("pki/ca.pem")}
                          .get(word, word))
        if "-p" not in words_:
            words_ += ["-p", str(self.broker.port)]
        done = self.run_program(["mosquitto_sub", *words_, "-C", "1", "-W", "20"], 30)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn('"station":"bragernes"', done.stdout)

    def look_at(self, argv):
        program, text = argv[0], " ".join(argv)
        if program == "apt":
            version = (ROOT / "packaging/debian/changelog").read_text().split("(")[1].split(")")[0]
            self.assertIn("fjordgate_%s" % version.split("-")[0], text)
        elif program == "systemctl":
            self.assertTrue((ROOT / "systemd/fjordgate.service").exists())
            self.assertRegex(text, r"^systemctl (start|enable --now|reload|restart) fjordgate$")
        elif program == "cmake":
            self.assertEqual("release", pathlib.Path(argv[2]).name)
            self.assertIn('"release"', (ROOT / "CMakePresets.json").read_text())
        elif program == "systemd-sysusers":
            self.assertTrue((ROOT / "systemd/fjordgate.sysusers").exists())
        elif program == "systemd-tmpfiles":
            self.assertTrue((ROOT / "systemd/fjordgate.tmpfiles").exists())
        else:
            os.makedirs(self.path("empty"), exist_ok=True)
            words_ = [word for word in argv[1:] if word != "-f"]
            done = self.run_program(["journalctl", "-D", self.path("empty"), "--no-pager", *words_])
            self.assertNotRegex(done.stderr, "(?i)invalid|unrecognized|failed to (parse|add)")
            self.assertIn(done.returncode, (0, 1), done.stderr)

    # ---- all ----

    def test_blocks(self):
        self.start()
        seen = 0
        for guide in GUIDES:
            for place, argv in commands(guide):
                argv = argv[1:] if argv[0] == "sudo" else argv
                with self.subTest(place + ": " + " ".join(argv)):
                    seen += 1
                    if argv[0] == "fjordctl":
                        self.run_fjordctl(argv)
                    elif argv[0] == "mosquitto_sub":
                        self.run_mosquitto_sub(argv)
                    else:
                        self.assertIn(argv[0], {*LOOKED_AT, "systemd-tmpfiles"},
                                      "neither run nor looked at")
                        self.look_at(argv)
        self.assertGreater(seen, 30)

    def test_drop_ins(self):
        """What the guide puts into conf.d goes with what the rest of a configuration is."""
        text = (ROOT / "docs/operations.md").read_text()
        found = re.findall(r"```yaml\n# conf\.d/(\S+)\n(.*?)```", text, re.S)
        self.assertTrue(found)
        os.mkdir(self.path("conf.d"))
        self.gateway._configure()
        for name, content in found:
            self.write("conf.d/" + name, content)
        done = self.gateway.ctl("check", self.gateway.file, "--effective")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stdout, r"gateway\.id = .*drammen-07.*10-place\.yaml")

    def test_commands_within_the_text(self):
        """Each has a command and options that there are."""
        said = subprocess.run([PROGRAMS["fjordctl"], "--help"], capture_output=True, text=True,
                              check=True).stdout
        known = set(re.findall(r"^  ([a-z]+) ", said, re.M))
        options = set(re.findall(r'OPTION\(\w+, \w+, [^,]+, "([a-z-]+)"',
                                 (ROOT / "tools/fjordctl/options.def").read_text()))
        seen = 0
        for guide in GUIDES:
            for text in re.findall(r"`fjordctl ([^`]+)`", (ROOT / "docs" / guide).read_text()):
                words_ = re.sub(r"-c \S+ ", "", text).split()
                with self.subTest(guide + ": fjordctl " + text):
                    seen += 1
                    self.assertIn(words_[0], known)
                    for option in re.findall(r"--([a-z-]+)", text):
                        self.assertIn(option, options)
        self.assertGreater(seen, 20)


if __name__ == "__main__":
    unittest.main()
