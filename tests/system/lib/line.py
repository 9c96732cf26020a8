# SPDX-License-Identifier: EUPL-1.2
"""A serial line with its real speed: units on a pty whose bytes take the time that they take at a
baud rate. Holding registers hold their address."""
import os
import select
import struct
import threading
import time
import tty


def crc(frame):
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class PacedLine:
    def __init__(self, test, units, baud=9600, turn_s=0.01):
        self._master, self._slave = os.openpty()  # the slave stays open: no end of file between
        tty.setraw(self._slave)
        self.device = os.ttyname(self._slave)
        self.silent = set()
        self.requests = []  # (when, unit, address, count)
        self._units, self._turn, self._char = set(units), turn_s, 10 / baud
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        test.addCleanup(self._end)

    def _end(self):
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def _serve(self):
        got = b""
        while not self._stop.is_set():
            if not select.select([self._master], [], [], 0.05)[0]:
                got = b""  # silence: what was begun is over
                continue
            got += os.read(self._master, 256)
            if len(got) >= 8:
                self._answer(time.monotonic(), got[:8])
                got = b""

    def _answer(self, now, frame):
        unit, function, address, count = struct.unpack(">BBHH", frame[:6])
        if crc(frame[:6]) != frame[6:] or function != 3:
            return
        self.requests.append((now, unit, address, count))
        if unit not in self._units or unit in self.silent:
            return
        answer = struct.pack(">BBB%dH" % count, unit, 3, 2 * count,
                             *range(address, address + count))
        answer += crc(answer)
        over = now + (8 + len(answer)) * self._char + self._turn
        time.sleep(max(0.0, over - time.monotonic()))
        os.write(self._master, answer)
