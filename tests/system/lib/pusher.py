# SPDX-License-Identifier: EUPL-1.2
"""A sensor that sends by itself, over UDP or over a DTLS session of openssl's s_client."""
import json
import os
import random
import select
import socket
import subprocess
import time

from lib.coap import ACK, BLOCK1, CON, CONTENT_FORMAT, URI_PATH, Message, number

POST, CHANGED = 2, 0x44
SENML = 110


class Sensor:
    """By hand, so that no library under test judges it."""

    def __init__(self, port, seconds=1.0, session=None):
        self.socket = session
        if not session:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.connect(("127.0.0.1", port))
            self.socket.settimeout(seconds)
        self.mid = random.randrange(1 << 16)

    def message(self, pack, path="buoy"):
        self.mid = (self.mid + 1) & 0xffff
        return Message(CON, POST, self.mid, self.mid.to_bytes(2, "big"), [
            (URI_PATH, path.encode()), (CONTENT_FORMAT, bytes([SENML]))],
            json.dumps(pack).encode())

    def blocks(self, pack, szx=2):
        """Of one message, each as a request of its own."""
        whole, size = json.dumps(pack).encode(), 16 << szx
        for at in range(0, len(whole), size):
            message, more = self.message(None), at + size < len(whole)
            option = at // size << 4 | more << 3 | szx
            message.options.append((BLOCK1, number(option)))
            message.payload = whole[at:at + size]
            yield message, option

    def send(self, message):
        self.socket.send(message.bytes())

    def answer(self, token):
        """To the message of that token, or None. One that comes by itself is acknowledged."""
        while True:
            try:
                answer = Message.parse(self.socket.recv(2048))
            except socket.timeout:
                return None
            except ConnectionError:
                time.sleep(0.1)
                return None
            if answer.kind == CON:
                self.socket.send(Message(ACK, 0, answer.mid).bytes())
            if answer.code and answer.token == token:
                return answer

    def post(self, message, tries=30):
        """Until there is an answer; what it is."""
        for _ in range(tries):
            try:
                self.send(message)
            except ConnectionError:
                time.sleep(0.1)
                continue
            answer = self.answer(message.token)
            if answer:
                return answer
        return None


class Session:
    """A DTLS session that stays open, in the place of a socket: each write of s_client's input is
    a record, each read of its output one message."""

    def __init__(self, port, identity, key, local):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-dtls1_2", "-quiet", "-psk_identity", identity, "-psk", key,
             "-bind", "127.0.0.1:%d" % local, "-connect", "127.0.0.1:%d" % port],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self.seconds = 1.0

    def send(self, data):
        self.process.stdin.write(data)

    def recv(self, size):
        if not select.select([self.process.stdout], [], [], self.seconds)[0]:
            raise socket.timeout
        data = os.read(self.process.stdout.fileno(), size)
        if not data:
            raise ConnectionError("the session has ended")
        return data

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
