#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The disk of tests/board/power keeps what was flushed, and of the rest what chance wants; one that
lies keeps nothing for sure."""
import os
import pathlib
import random
import socket
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "board"))
import disk  # noqa: E402

SIZE, BLOCK = 1 << 20, disk.SECTOR
READ, WRITE, LEAVE, FLUSH = range(4)


class Machine:
    """What qemu says, as far as the test needs it."""

    def __init__(self, address):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.settimeout(20)
        self.link.connect(address)
        self.take(18)
        self.link.sendall(struct.pack(">I", 3))
        self.option(3)                                      # one that it does not know
        assert self.reply() == (3, 0x80000001, b"")
        self.option(7, struct.pack(">IH", 0, 0))
        _, kind, data = self.reply()
        assert kind == 3
        self.size = struct.unpack(">HQH", data)[1]
        assert self.reply()[1] == 1

    def take(self, count):
        data = b""
        while len(data) < count:
            more = self.link.recv(count - len(data))
            assert more
            data += more
        return data

    def option(self, number, data=b""):
        self.link.sendall(struct.pack(">QII", 0x49484156454F5054, number, len(data)) + data)

    def reply(self):
        _, option, kind, length = struct.unpack(">QIII", self.take(20))
        return option, kind, self.take(length)

    def ask(self, kind, offset=0, length=0, data=b""):
        self.link.sendall(struct.pack(">IHHQQI", 0x25609513, 0, kind, 77, offset,
                                      length or len(data)) + data)
        if kind == LEAVE:
            return None
        assert struct.unpack(">IIQ", self.take(16)) == (0x67446698, 0, 77)
        return self.take(length) if kind == READ else None

    def write(self, block, letter):
        self.ask(WRITE, block * BLOCK, data=letter * BLOCK)

    def cut(self):
        self.link.close()


class PowerCut(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.image, self.address = folder.name + "/image", folder.name + "/nbd"
        with open(self.image, "wb") as f:
            f.truncate(SIZE)

    def on(self, kind=disk.HONEST):
        self.disk = disk.Disk(self.image, self.address, kind)
        self.addCleanup(self.disk.close)
        return self.again()

    def again(self):
        self.disk.attach()
        return Machine(self.address)

    def durable(self, block):
        with open(self.image, "rb") as f:
            f.seek(block * BLOCK)
            return f.read(BLOCK)[:1]

    def test_what_was_flushed_stays(self):
        machine = self.on()
        self.assertEqual(SIZE, machine.size)
        for block in range(20):
            machine.write(block, b"a")
        machine.ask(FLUSH)
        for block in range(20):
            machine.write(block, b"b")
        self.assertEqual(b"b" * BLOCK, machine.ask(READ, 5 * BLOCK, BLOCK))
        machine.cut()
        kept, lost = self.disk.cut(random.Random(1))
        self.assertEqual(20, kept + lost)
        after = [self.durable(b) for b in range(20)]
        self.assertEqual((kept, lost), (after.count(b"b"), after.count(b"a")))
        seen = self.again()
        self.assertEqual(after, [seen.ask(READ, b * BLOCK, BLOCK)[:1] for b in range(20)])
        seen.cut()

    def test_chance_loses_all_or_some(self):
        machine, outcomes = self.on(), set()
        for seed in range(12):
            for block in range(8):
                machine.write(block, b"%d" % (seed % 10))
            machine.cut()
            kept, lost = self.disk.cut(random.Random(seed))
            self.assertEqual(8, kept + lost)
            outcomes.add((kept > 0, lost > 0))
            machine = self.again()
        machine.cut()
        self.assertLessEqual({(False, True), (True, True)}, outcomes)

    def test_shut_down(self):
        machine = self.on()
        machine.write(3, b"z")
        machine.ask(LEAVE)
        machine.cut()
        self.assertEqual((0, 0), self.disk.cut(random.Random(1)))
        self.assertEqual(b"z", self.durable(3))

    def test_a_lie(self):
        machine = self.on(disk.LYING)
        for block in range(64):
            machine.write(block, b"a")
        machine.ask(FLUSH)
        machine.cut()
        _, lost = self.disk.cut(random.Random(2))
        self.assertGreater(lost, 0)
        self.assertEqual(lost, [self.durable(b) for b in range(64)].count(b"\0"))


if __name__ == "__main__":
    unittest.main()
