# SPDX-License-Identifier: EUPL-1.2
"""CoAP messages (RFC 7252) taken apart and put together, and a server that devices push to: by
hand, so that neither side of a test is judged by the library that it is made with."""
import random
import socket
import struct
import threading

CON, NON, ACK, RST = range(4)
OBSERVE, URI_PATH, CONTENT_FORMAT, MAX_AGE, BLOCK2, BLOCK1 = 6, 11, 12, 14, 23, 27


class Message:
    def __init__(self, kind, code, mid, token=b"", options=(), payload=b""):
        self.kind, self.code, self.mid, self.token = kind, code, mid, token
        self.options, self.payload = list(options), payload

    @classmethod
    def parse(cls, data):
        if len(data) < 4 or data[0] >> 6 != 1 or data[0] & 15 > 8:
            raise ValueError("no CoAP message")
        length = data[0] & 15
        message = cls(data[0] >> 4 & 3, data[1], int.from_bytes(data[2:4], "big"),
                      data[4:4 + length])
        at, number = 4 + length, 0
        while at < len(data) and data[at] != 0xff:
            delta, size = data[at] >> 4, data[at] & 15
            at += 1
            delta, at = cls._extended(data, delta, at)
            size, at = cls._extended(data, size, at)
            number += delta
            message.options.append((number, data[at:at + size]))
            at += size
        message.payload = data[at + 1:]
        return message

    @staticmethod
    def _extended(data, nibble, at):
        if nibble == 13:
            return data[at] + 13, at + 1
        if nibble == 14:
            return int.from_bytes(data[at:at + 2], "big") + 269, at + 2
        return nibble, at

    def option(self, number):
        """The first of that number as a whole number; None where there is none."""
        for n, value in self.options:
            if n == number:
                return int.from_bytes(value, "big")
        return None

    @property
    def path(self):
        return "/" + "/".join(v.decode() for n, v in self.options if n == URI_PATH)

    def bytes(self):
        out = struct.pack("!BBH", 0x40 | self.kind << 4 | len(self.token), self.code, self.mid)
        out += self.token
        last = 0
        for number, value in sorted(self.options, key=lambda o: o[0]):
            delta, number, last = number - last, number, number
            head = [n if n < 13 else 13 if n < 269 else 14 for n in (delta, len(value))]
            out += bytes([head[0] << 4 | head[1]])
            for nibble, n in zip(head, (delta, len(value))):
                if nibble == 13:
                    out += bytes([n - 13])
                elif nibble == 14:
                    out += (n - 269).to_bytes(2, "big")
            out += value
        return out + (b"\xff" + self.payload if self.payload else b"")


def number(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


class PushServer:
    """Takes POST and PUT, block-wise ones too, on a UDP port of loopback. `lose`: the part of its
    answers that gets lost; `refuse`: of the requests that get 5.03. Each request is answered anew
    under the same message id with what it was answered first, as RFC 7252 wants it."""

    def __init__(self, test, lose=0.0, refuse=0.0, seed=1):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.lose, self.refuse, self.random = lose, refuse, random.Random(seed)
        self.lock = threading.Lock()
        self.taken = []                 # (content format, payload, message) that had a 2.04
        self.datagrams = 0
        self.repeated = 0               # under an id that was answered already
        self.answers = {}               # by peer and message id
        self.bodies = {}                # of block-wise requests, by peer and path
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        test.addCleanup(self.close)

    def close(self):
        self.running = False
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()

    def _run(self):
        while self.running:
            data, peer = self.socket.recvfrom(65536)
            try:
                message = Message.parse(data)
            except ValueError:
                continue
            with self.lock:
                answer = self._answer(message, peer)
                lost = self.random.random() < self.lose
            if answer and not lost:
                self.socket.sendto(answer.bytes(), peer)

    def _answer(self, message, peer):
        if message.code not in (2, 3) or message.kind not in (CON, NON):
            return None
        self.datagrams += 1
        key = peer, message.mid
        if key in self.answers:
            self.repeated += 1
            return self.answers[key]
        code, options = self._take(message, peer)
        kind = ACK if message.kind == CON else NON
        self.answers[key] = Message(kind, code, message.mid, message.token, options)
        return self.answers[key]

    def _take(self, message, peer):
        block = message.option(BLOCK1)
        body = self.bodies.setdefault((peer, message.path), b"")
        if self.random.random() < self.refuse:
            return 5 << 5 | 3, [(MAX_AGE, number(0))]
        if block is not None:
            if block >> 4 == 0:
                body = b""
            body += message.payload
            self.bodies[peer, message.path] = body
            if block & 8:
                return 2 << 5 | 31, [(BLOCK1, number(block))]
        else:
            body = message.payload
        self.taken.append((message.option(CONTENT_FORMAT), body, message))
        return 2 << 5 | 4, [] if block is None else [(BLOCK1, number(block))]


class LateServer:
    """Observed on a UDP port of loopback. Each answer to a registration is lost but for what rides
    on its first notification, a confirmable message that is repeated every 100 ms until it is
    acknowledged; then nothing more comes."""

    def __init__(self, test, value=b"7"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.value, self.waiting = value, None
        self.acknowledged = threading.Event()
        self.reset = False
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        test.addCleanup(self.close)

    def close(self):
        self.running = False
        self.thread.join()
        self.socket.close()

    def _run(self):
        while self.running:
            try:
                self._take(*self.socket.recvfrom(65536))
            except socket.timeout:
                pass
            if self.waiting:
                self.socket.sendto(*self.waiting)

    def _take(self, data, peer):
        message = Message.parse(data)
        if message.code == 1 and not self.waiting and not self.acknowledged.is_set():
            options = [(OBSERVE, number(3)), (CONTENT_FORMAT, b""), (MAX_AGE, number(60))]
            self.waiting = Message(CON, 2 << 5 | 5, 0x7001, message.token, options,
                                   self.value).bytes(), peer
        elif message.kind in (ACK, RST) and message.mid == 0x7001:
            self.reset |= message.kind == RST
            self.waiting = None
            self.acknowledged.set()
