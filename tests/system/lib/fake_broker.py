# SPDX-License-Identifier: EUPL-1.2
"""A broker of a few lines that a test can make behave as no real one would. As it stands it takes
and acknowledges everything; a subclass says otherwise."""
import socket
import threading

from lib import wait

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = (
    1, 2, 3, 4, 8, 9, 12, 13, 14)


def number(n):
    """A variable byte integer."""
    out = b""
    while True:
        out += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            return out


def text(s):
    data = s.encode()
    return len(data).to_bytes(2, "big") + data


def packet(kind, body=b"", flags=0):
    return bytes([kind << 4 | flags]) + number(len(body)) + body


def property_u16(kind, value):
    return bytes([kind]) + value.to_bytes(2, "big")


def property_u32(kind, value):
    return bytes([kind]) + value.to_bytes(4, "big")


RECEIVE_MAXIMUM, MAXIMUM_PACKET_SIZE, MAXIMUM_QOS, RETAIN_AVAILABLE = 0x21, 0x27, 0x24, 0x25
REASON_STRING, SERVER_REFERENCE = 0x1f, 0x1c


class Message:
    def __init__(self, flags, body, version):
        size = int.from_bytes(body[:2], "big")
        self.topic, at = body[2:2 + size].decode(), 2 + size
        self.qos, self.retain, self.dup = flags >> 1 & 3, bool(flags & 1), bool(flags & 8)
        self.mid = int.from_bytes(body[at:at + 2], "big") if self.qos else None
        at += 2 if self.qos else 0
        if version == 5:
            shift = length = 0
            while True:
                length |= (body[at] & 127) << shift
                shift, at = shift + 7, at + 1
                if body[at - 1] < 128:
                    break
            at += length
        self.payload, self.size = body[at:], len(body) + 2


class Client(threading.Thread):
    def __init__(self, broker, connection):
        super().__init__(daemon=True)
        self.broker, self.connection, self.version = broker, connection, 5
        self.start()

    def send(self, data):
        try:
            self.connection.sendall(data)
        except OSError:
            pass

    def close(self):
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.connection.close()

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.connection.recv(n - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def run(self):
        try:
            while True:
                head, length, shift = self.read(1)[0], 0, 0
                while True:
                    byte = self.read(1)[0]
                    length |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                self.broker.take(self, head >> 4, head & 15, self.read(length))
        except OSError:
            pass
        self.connection.close()
        self.broker.gone(self)


class FakeBroker:
    # bytes of the CONNACK: reason code, properties
    refusal, properties = 0, b""

    def __init__(self, test, port=None):
        self.test, self.port = test, port or wait.free_port()
        self.connects, self.messages, self.clients = 0, [], []
        self.listener = None
        test.addCleanup(self.stop)

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()
        return self

    def stop(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        for client in list(self.clients):
            client.close()

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.clients.append(Client(self, connection))

    def gone(self, client):
        if client in self.clients:
            self.clients.remove(client)

    def take(self, client, kind, flags, body):
        if kind == CONNECT:
            self.connects += 1
            client.version = body[6]
            self.on_connect(client, body)
        elif kind == PUBLISH:
            self.on_publish(client, Message(flags, body, client.version))
        elif kind == SUBSCRIBE:
            self.on_subscribe(client, body[:2])
        elif kind == PINGREQ:
            client.send(packet(PINGRESP))
        elif kind == DISCONNECT:
            client.close()

    def on_connect(self, client, body):
        properties = number(len(self.properties)) + self.properties if client.version == 5 else b""
        client.send(packet(CONNACK, bytes([0, self.refusal]) + properties))

    def on_subscribe(self, client, mid):
        client.send(packet(SUBACK, mid + (b"\0" if client.version == 5 else b"") + b"\1"))

    def on_publish(self, client, message):
        self.messages.append(message)
        self.acknowledge(client, message.mid)

    def acknowledge(self, client, mid, code=0):
        client.send(packet(PUBACK, mid.to_bytes(2, "big") + (bytes([code, 0]) if code else b"")))

    def publish(self, client, topic, payload, flags=0):
        client.send(packet(PUBLISH, text(topic) + (b"\0" if client.version == 5 else b"") + payload,
                           flags))

    def readings(self):
        return [m for m in self.messages if "/obs/" in m.topic]
