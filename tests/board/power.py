#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Power cuts: a machine on a disk that keeps what was flushed and nothing more is killed again and
again, and its store looked at from outside each time. See tests/board/power, which prepares it."""
import argparse
import base64
import binascii
import glob
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import unittest

from disk import HONEST, LYING, Disk
from lib.accounts import account_end, check_sum
from lib.bench import Scene
from lib.wait import wait_for

HOST = "10.0.2.2"               # this side, as qemu's network of one machine calls it
POINTS, INTERVAL_S = 4, 1
BOOT_S = 400                    # without KVM, on a machine that does other things as well
READINGS = 1                    # a type of row
arguments = None


def varints(data):
    """The numbers that a record begins with."""
    number, shift = 0, 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number, shift = 0, 0


class Store:
    """What is in a store, by its description (storage/README.md) and not by its code."""

    def __init__(self, path):
        link = sqlite3.connect(path)
        self.integrity = [row[0] for row in link.execute("PRAGMA integrity_check")]
        self.numbers, self.readings, self.damaged, self.newest = set(), set(), [], 0
        for seq, record in link.execute("SELECT seq, record FROM reading ORDER BY seq"):
            seal = binascii.crc32(record[:-4]) ^ binascii.crc32(seq.to_bytes(8, "little"))
            head = varints(record)
            _, kind, era, _ = (next(head) for _ in range(4))
            if era & 1:
                next(head)
            numbers = range(seq, seq + (next(head) if kind != 4 else 1))
            if seal.to_bytes(4, "little") != record[-4:] or numbers[0] <= self.newest:
                self.damaged.append(seq)
            self.newest = numbers[-1]
            self.numbers.update(numbers)
            if kind == READINGS:
                self.readings.update(numbers)
        link.close()


class Machine:
    """One board, from its power being switched on to its being cut."""

    def __init__(self, test, disk):
        self.test, self.disk = test, disk
        self.boots, self.process, self.link = 0, None, None

    def on(self):
        self.boots += 1
        board, shell = arguments.board, self.test.path("shell%d" % self.boots)
        kernel, initrd = (glob.glob(board + "/boot/%s-*" % name)[0]
                          for name in ("vmlinuz", "initrd.img"))
        self.disk.attach()
        self.process = self.test.spawn([
            *arguments.emulator.split(), "-kernel", kernel, "-initrd", initrd,
            "-append", "root=/dev/vda rw quiet mitigations=off audit=0 panic=-1 console=%s "
            "systemd.unit=power.target" % arguments.console,
            "-blockdev", "driver=nbd,node-name=disk,server.type=unix,server.path="
            + self.disk.address,
            "-device", "virtio-blk-pci,drive=disk,write-cache=on",
            "-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net",
            "-chardev", "socket,id=shell,server=on,wait=off,path=" + shell,
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=shell,name=shell",
            "-serial", "file:" + self.test.path("console")], "qemu.log")
        self.test.eventually(lambda: os.path.exists(shell) or self.process.poll() is not None,
                             "qemu starts", 30)
        self.link = socket.socket(socket.AF_UNIX)
        self.link.connect(shell)

    def run(self, command, seconds=120):
        """On the board. Returns its status and what it said."""
        self.link.settimeout(seconds)
        self.link.sendall(command.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            more = self.link.recv(65536)
            if not more:
                raise ConnectionError("the machine is gone")
            answer += more
        status, said = answer.split(b" ", 1)
        return int(status), base64.b64decode(said).decode()

    def json(self, command):
        status, said = self.run(command)
        return json.loads(said) if status == 0 else None

    def cut(self, chance):
        self.process.kill()
        self.process.wait()
        self.link.close()
        return self.disk.cut(chance)

    def off(self):
        try:
            self.run("systemctl poweroff --no-block")
        except ConnectionError:
            pass                    # it was faster than its answer
        self.process.wait(BOOT_S)
        self.disk.cut(random.Random(0))

    def files(self, folder):
        """The gateway's files as they are on the disk, after the file system's own repair."""
        image = self.test.path("look")
        shutil.copyfile(self.disk.image, image)
        repaired = subprocess.run(["/sbin/e2fsck", "-p", image], capture_output=True, text=True)
        subprocess.run(["/sbin/debugfs", "-R", "rdump /var/lib/fjordgate " + folder, image],
                       capture_output=True, check=True)
        os.remove(image)
        return repaired


class PowerCuts(Scene):
    passed = failed = 0

    def check(self, what, good, why=""):
        type(self).passed += bool(good)
        type(self).failed += not good
        print("%s %s%s" % ("ok" if good else "not ok", what,
                           ": %s" % (why,) if why and not good else ""), flush=True)

    def setUp(self):
        super().setUp()
        self.counters(POINTS, interval="%ds" % INTERVAL_S, timeout="900ms")
        self.config["mqtt"]["main"].update(
            servers=["mqtt://%s:%d" % (HOST, self.broker.port)], insecure=True)
        self.config["links"]["plc"]["host"] = HOST
        self.config["storage"] = {"commit_interval": "200ms"}
        self.config["control"] = {}
        with open(arguments.board + "/etc/fjordgate/fjordgate.yaml", "w") as f:
            json.dump(self.config, f)
        image = self.path("disk")
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-E",
                        "lazy_itable_init=0,lazy_journal_init=0", "-d", arguments.board, image,
                        "1G"], check=True, stdout=subprocess.DEVNULL)
        self.disk = Disk(image, self.path("nbd"), LYING if arguments.lying else HONEST)
        self.addCleanup(self.disk.close)
        self.machine = Machine(self, self.disk)
        self.chance = random.Random(arguments.seed)
        self.committed = {}         # what the gateway showed of its store: {(point, value)}

    def explain(self):
        try:
            with open(self.path("console"), errors="replace") as f:
                return "\nthe console said:\n" + f.read()[-3000:]
        except OSError:
            return ""

    def polls(self):
        return len(self.server[1].requests)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        wait_for(lambda: time.monotonic() >= end, seconds + 60)

    def note_committed(self):
        """`history` reads the store itself, so it shows what is committed."""
        for point in range(POINTS):
            name = "c%02d" % point
            said = self.machine.run("fjordctl history quay/%s --since 1h --csv" % name)[1]
            for value in history_values(said):
                self.committed[name, value] = True

    def one_cut(self, number):
        """From power on to power off, and a look at what is left."""
        chance, polled = self.chance, self.polls()
        away = chance.random() < 0.4
        if away:
            self.broker.stop()
        self.machine.on()
        if chance.random() < 0.15:
            self.pause(chance.uniform(5, 60))
        else:
            self.eventually(lambda: self.polls() > polled + 2, "the sensor is polled", BOOT_S)
            self.pause(chance.uniform(0, 6))
            if away:
                self.note_committed()
                self.pause(chance.uniform(0, 2))
        kept, lost = self.machine.cut(chance)
        told = {m.seq for m in self.subscriber.readings()}
        if away:
            self.broker.start()
        print("cut %d%s: of %d sectors on their way the disk kept %d" % (
            number, ", no broker" if away else "", kept + lost, kept), flush=True)
        self.look("cut %d" % number, told)

    def look(self, when, told):
        folder = self.path("files%d" % self.machine.boots)
        os.mkdir(folder)
        repaired = self.machine.files(folder)
        self.check(when + ": the file system is sound", repaired.returncode < 4,
                   repaired.stdout[-300:])
        path = folder + "/fjordgate/readings.db"
        if not os.path.exists(path):
            self.check(when + ": there was no store yet, and nothing told",
                       not told and not self.committed)
            return None
        try:
            store = Store(path)
        except sqlite3.DatabaseError as e:
            self.check(when + ": the store can be read", False, e)
            return None
        self.check(when + ": the store is sound", store.integrity == ["ok"], store.integrity)
        self.check(when + ": each row is whole, and numbers rise", not store.damaged,
                   store.damaged[:9])
        missing = sorted(told - store.numbers)
        self.check(when + ": what was told is in it (%d)" % len(told), not missing, missing[:9])
        shutil.rmtree(folder)
        return store

    def test_cuts(self):
        for number in range(1, arguments.cuts + 1):
            self.one_cut(number)
            self.check("cut %d: a number has one content" % number, not self.two_contents())
        self.last_life()

    def two_contents(self):
        contents, different = {}, []
        for message in self.subscriber.readings():
            content = dict(message.reading)
            if contents.setdefault(message.reading["id"], content) != content:
                different.append((contents[message.reading["id"]], content))
        return different

    def last_life(self):
        """Everything is sent, then sent once more, and the gateway ends as it should."""
        polled = self.polls()
        self.machine.on()
        self.eventually(lambda: self.polls() > polled + 10, "the sensor is polled", BOOT_S)
        self.eventually(lambda: self.backlog() == 0, "the backlog is sent", BOOT_S)
        status, said = self.machine.run("fjordctl backfill main --since 24h --until 0s")
        self.check("the whole store is sent once more", status == 0, said)
        self.eventually(lambda: self.backlog() == 0, "it is sent", BOOT_S)
        status, said = self.machine.run("systemctl stop fjordgate; systemctl is-failed fjordgate")
        self.check("the gateway ends as it should", said.strip() == "inactive", said)
        ended = time.time()
        wait_for(lambda: account_end(self.subscriber) >= ended - 30, 60)
        self.machine.off()
        told = {m.seq for m in self.subscriber.readings()}
        store = self.look("at the end", told)
        if not store:
            return
        self.check("all that is stored was told (%d)" % len(store.readings),
                   not store.readings - told, sorted(store.readings - told)[:9])
        self.check("what was sent again was the same", not self.two_contents(),
                   self.two_contents()[:2])
        values = {(m.topic.rsplit("/", 1)[1], m.json["value"])
                  for m in self.subscriber.readings()}
        lost = sorted(set(self.committed) - values)
        self.check("what the gateway showed as stored was told (%d)" % len(self.committed),
                   self.committed and not lost, lost[:9])
        for point in ("c%02d" % p for p in range(POINTS)):
            try:
                check_sum(self, self.subscriber, point, INTERVAL_S, 20 + 4 * arguments.cuts)
                self.check("the sum is right for " + point, True)
            except AssertionError as e:
                self.check("the sum is right for " + point, False, e)

    def backlog(self):
        status = self.machine.json("fjordctl status --json")
        destinations = status["destinations"] if status else []
        return sum(d["backlog"] for d in destinations) if destinations else None


def history_values(csv):
    lines = [line.split(",") for line in csv.splitlines() if "," in line]
    if not lines or "value" not in lines[0]:
        return []
    column = lines[0].index("value")
    return [float(line[column]) for line in lines[1:] if line[column]]


def main():
    global arguments
    parser = argparse.ArgumentParser()
    for name, kind in (("cuts", int), ("seed", int), ("board", str), ("console", str),
                       ("emulator", str)):
        parser.add_argument("--" + name, type=kind)
    parser.add_argument("--lying", action="store_true")
    arguments = parser.parse_args()
    result = unittest.TextTestRunner(stream=sys.stdout).run(PowerCuts("test_cuts"))
    failed = PowerCuts.failed + len(result.errors) + len(result.failures)
    print("%d passed, %d failed" % (PowerCuts.passed, failed))
    return 0 if failed == 0 and PowerCuts.passed else 1


if __name__ == "__main__":
    sys.exit(main())
