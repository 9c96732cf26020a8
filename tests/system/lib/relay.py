# SPDX-License-Identifier: EUPL-1.2
"""A bad stretch of network between a CoAP client and its server: a relay of datagrams that loses
some, delays each by another time, so that they overtake each other, and remembers all."""
import heapq
import random
import selectors
import socket
import threading
import time

CON, NON, ACK, RST = range(4)


class Message:
    """What a datagram of CoAP says, as far as tests ask."""

    def __init__(self, data):
        self.data = data
        self.type = data[0] >> 4 & 3
        self.code = data[1]
        self.mid = int.from_bytes(data[2:4], "big")
        tkl = data[0] & 15
        self.token = data[4:4 + tkl]
        self.options, self.payload = {}, b""
        at, number = 4 + tkl, 0
        while at < len(data) and data[at] != 0xff:
            delta, length = data[at] >> 4, data[at] & 15
            at += 1
            if delta == 13:
                delta, at = 13 + data[at], at + 1
            if length == 13:
                length, at = 13 + data[at], at + 1
            number += delta
            self.options[number] = data[at:at + length]
            at += length
        if at < len(data):
            self.payload = data[at + 1:]


class Relay:
    def __init__(self, test, server_port, loss, delay_s, seed=1):
        self.loss, self.delay_s, self.random = loss, delay_s, random.Random(seed)
        self.server = ("127.0.0.1", server_port)
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.backs, self.queue, self.count = {}, [], 0
        self.from_client, self.from_server = [], []     # (client, Message), lost ones too
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.front, selectors.EVENT_READ)
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        test.addCleanup(self.stop)

    def stop(self):
        self.running = False
        self.thread.join()
        for s in [self.front, *self.backs.values()]:
            s.close()

    def _pass_on(self, send):
        if self.random.random() < self.loss:
            return
        self.count += 1
        heapq.heappush(self.queue, (time.monotonic() + self.random.uniform(0, self.delay_s),
                                    self.count, send))

    def _back(self, client):
        if client not in self.backs:
            back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            back.connect(self.server)
            self.backs[client] = back
            self.selector.register(back, selectors.EVENT_READ, client)
        return self.backs[client]

    def _take(self, key):
        try:
            if key.fileobj is self.front:
                data, client = self.front.recvfrom(2048)
                self.from_client.append((client, Message(data)))
                back = self._back(client)
                self._pass_on(lambda: back.send(data))
            else:
                data, client = key.fileobj.recv(2048), key.data
                self.from_server.append((client, Message(data)))
                self._pass_on(lambda: self.front.sendto(data, client))
        except OSError:
            pass                                        # nobody listens there any more

    def _run(self):
        while self.running:
            for key, _ in self.selector.select(0.01):
                self._take(key)
            while self.queue and self.queue[0][0] <= time.monotonic():
                try:
                    heapq.heappop(self.queue)[2]()
                except OSError:
                    pass
