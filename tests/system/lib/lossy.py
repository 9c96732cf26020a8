# SPDX-License-Identifier: EUPL-1.2
"""A bad network: two namespaces, `here` (that of the test) and one more, joined by two TAP devices
with an emulator in between that loses, delays, doubles and reorders UDP datagrams, writes them down
and captures them for tshark. It needs root; where it cannot be had the test is skipped, loudly."""
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import threading
import time

from lib.wait import reserve

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 0x0002, 0x1000
UDP = 17


def ip(*argv):
    subprocess.run(["ip", *argv], capture_output=True, text=True, check=True)


class Datagram:
    """One that went in; `arrived`: when it first came out, or None."""

    def __init__(self, side, frame):
        self.side, self.sent, self.arrived = side, time.monotonic(), None
        head = 14 + (frame[14] & 15) * 4
        self.source, self.target = struct.unpack("!HH", frame[head:head + 4])
        self.payload = frame[head + 8:head + struct.unpack("!H", frame[head + 4:head + 6])[0]]


class LossyNetwork:
    """here 10.77.N.1 <-> there 10.77.N.2. All parameters may be changed while it runs."""

    def __init__(self, test, loss=0.3, delay=0.25, jitter=0.25, double=0.05, seed=1):
        self.loss, self.delay, self.jitter, self.double = loss, delay, jitter, double
        self.random, self.lock = random.Random(seed), threading.Lock()
        self.datagrams, self.queue, self.count = [], [], 0
        self.name = "fgl%d" % os.getpid()
        n = next(n for n in range(1, 250) if reserve(n))
        self.here, self.there = "10.77.%d.1" % n, "10.77.%d.2" % n
        self.fds, self.thread = [], None
        self.wake, self.stop = os.pipe()
        self.pcap = open(test.path("lossy.pcap"), "wb")
        self.pcap.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        test.addCleanup(self.close)
        try:
            self._open()
        except (OSError, subprocess.CalledProcessError) as e:
            why = (getattr(e, "stderr", "") or str(e)).strip()
            print("SKIPPED: no TAP devices and namespaces here:", why, file=sys.stderr)
            test.skipTest("no TAP devices and namespaces: " + why)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _open(self):
        for side in "ab":
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            self.fds.append(fd)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", (self.name + side).encode(),
                                                   IFF_TAP | IFF_NO_PI))
        ip("netns", "add", self.name)
        ip("link", "set", self.name + "b", "netns", self.name)
        ip("addr", "add", self.here + "/24", "dev", self.name + "a")
        ip("link", "set", self.name + "a", "up")
        ip("-n", self.name, "addr", "add", self.there + "/24", "dev", self.name + "b")
        ip("-n", self.name, "link", "set", self.name + "b", "up")
        ip("-n", self.name, "link", "set", "lo", "up")

    def close(self):
        if self.thread:
            os.write(self.stop, b"x")
            self.thread.join()
        for fd in (*self.fds, self.wake, self.stop):
            os.close(fd)
        self.pcap.close()
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)

    def inside(self):
        """What goes before a command to run it there."""
        return ["ip", "netns", "exec", self.name]

    def heal(self):
        self.loss = self.delay = self.jitter = self.double = 0

    def seen(self):
        with self.lock:
            return list(self.datagrams)

    def _capture(self, frame):
        now = time.time()
        self.pcap.write(struct.pack("=IIII", int(now), int(now % 1 * 1e6), len(frame), len(frame)))
        self.pcap.write(frame)

    def _take(self, side):
        try:
            frame = os.read(self.fds[side], 65536)
        except BlockingIOError:
            return
        if frame[12:14] != b"\x08\x00" or frame[23] != UDP:
            self._push(0, 1 - side, frame, None)        # ARP and the like pass
            return
        datagram = Datagram(side, frame)
        self._capture(frame)
        with self.lock:
            self.datagrams.append(datagram)
        if self.random.random() < self.loss:
            return
        for _ in range(1 + (self.random.random() < self.double)):
            late = self.delay + self.random.uniform(-self.jitter, self.jitter)
            self._push(max(late, 0), 1 - side, frame, datagram)

    def _push(self, late, side, frame, datagram):
        self.count += 1
        heapq.heappush(self.queue, (time.monotonic() + late, self.count, side, frame, datagram))

    def _run(self):
        while True:
            wait = max(self.queue[0][0] - time.monotonic(), 0) if self.queue else None
            ready, _, _ = select.select([*self.fds, self.wake], [], [], wait)
            if self.wake in ready:
                return
            for side, fd in enumerate(self.fds):
                if fd in ready:
                    self._take(side)
            while self.queue and self.queue[0][0] <= time.monotonic():
                _, _, side, frame, datagram = heapq.heappop(self.queue)
                try:
                    os.write(self.fds[side], frame)
                except OSError:
                    continue
                if datagram and datagram.arrived is None:
                    datagram.arrived = time.monotonic()

    def malformed(self, test, *options):
        """What tshark finds wrong with the messages. Option 292 is Request-Tag, which it does not
        know."""
        self.pcap.flush()
        done = test.run_program(["tshark", "-r", self.pcap.name, *options, "-Y",
                                 "_ws.malformed || _ws.expert.severity >= 6291456", "-T", "fields",
                                 "-e", "frame.number", "-e", "_ws.expert.message"], 60)
        test.assertEqual(0, done.returncode, done.stderr)
        return [line for line in done.stdout.splitlines()
                if "Invalid Option Number 292" not in line]
