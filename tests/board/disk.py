#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A disk that keeps what was flushed, and nothing more: an NBD server on a UNIX socket over an
image in a file. What was written and not flushed lies in a cache, as in the memory of a card or a
drive; when the power goes (cut()), any part of it may be lost, in any order."""
import os
import shutil
import socket
import struct
import threading

SECTOR = 4096                                   # what is written whole or not at all
OPTION_MAGIC, REPLY_MAGIC = 0x49484156454F5054, 0x3E889045565A9
REQUEST_MAGIC, ANSWER_MAGIC = 0x25609513, 0x67446698
OPTION_ABORT, OPTION_GO = 2, 7
REPLY_ACK, REPLY_INFO, REPLY_UNSUPPORTED = 1, 3, 0x80000001
READ, WRITE, LEAVE, FLUSH = range(4)
FLAGS_FLUSH, EINVAL = 1 | 4, 22
HONEST, LYING = "honest", "lying"


class Disk:
    """`image` is what is durable; `image`.seen is what the machine sees. A lying disk says that it
    has flushed and has not: what a test with it does not notice, it would never notice."""

    def __init__(self, image, address, kind=HONEST):
        self.image, self.address, self.kind = image, address, kind
        self.pending = []                       # (offset, bytes) in the order of writing
        self.writes = self.flushes = 0
        self.seen = image + ".seen"
        shutil.copyfile(image, self.seen)
        self._durable, self._now = os.open(image, os.O_RDWR), os.open(self.seen, os.O_RDWR)
        self.size = os.fstat(self._durable).st_size
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen(1)
        self._thread = None

    def attach(self):
        """Serves one machine, in a thread, until its power is cut or it is shut down."""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def cut(self, chance):
        """After the machine is gone: the cache loses what chance wants. Returns how many sectors
        were kept and lost."""
        self._thread.join()
        way = chance.choice(("nothing", "prefix", "any"))
        sectors = [(at, data[i:i + SECTOR]) for offset, data in self.pending
                   for i in range(0, len(data), SECTOR) for at in (offset + i,)]
        prefix = chance.randrange(len(sectors) + 1)
        kept = 0
        for i, (at, data) in enumerate(sectors):
            if (way == "prefix" and i < prefix) or (way == "any" and chance.random() < 0.5):
                os.pwrite(self._durable, data, at)
                kept += 1
        for offset, data in self.pending:
            os.pwrite(self._now, os.pread(self._durable, len(data), offset), offset)
        self.pending.clear()
        return kept, len(sectors) - kept

    def close(self):
        self._listener.close()
        os.close(self._durable)
        os.close(self._now)

    def _serve(self):
        link, _ = self._listener.accept()
        with link:
            try:
                if self._agree(link):
                    while self._request(link):
                        pass
            except (ConnectionError, EOFError):
                pass

    @staticmethod
    def _take(link, count):
        data = bytearray()
        while len(data) < count:
            more = link.recv(min(count - len(data), 1 << 20))
            if not more:
                raise EOFError
            data += more
        return bytes(data)

    def _agree(self, link):
        link.sendall(b"NBDMAGIC" + struct.pack(">QH", OPTION_MAGIC, 3))
        self._take(link, 4)
        while True:
            magic, option, length = struct.unpack(">QII", self._take(link, 16))
            assert magic == OPTION_MAGIC
            self._take(link, length)

            def reply(kind, data=b"", option=option):
                link.sendall(struct.pack(">QIII", REPLY_MAGIC, option, kind, len(data)) + data)
            if option == OPTION_GO:
                reply(REPLY_INFO, struct.pack(">HQH", 0, self.size, FLAGS_FLUSH))
                reply(REPLY_ACK)
                return True
            reply(REPLY_ACK if option == OPTION_ABORT else REPLY_UNSUPPORTED)
            if option == OPTION_ABORT:
                return False

    def _request(self, link):
        magic, _, kind, handle, offset, length = struct.unpack(
            ">IHHQQI", self._take(link, 28))
        assert magic == REQUEST_MAGIC
        data, error = b"", 0
        if kind == READ:
            data = os.pread(self._now, length, offset)
        elif kind == WRITE:
            written = self._take(link, length)
            os.pwrite(self._now, written, offset)
            self.pending.append((offset, written))
            self.writes += 1
        elif kind == FLUSH:
            self._flush()
        elif kind == LEAVE:
            self._flush(shut_down=True)
            return False
        else:
            error = EINVAL
        link.sendall(struct.pack(">IIQ", ANSWER_MAGIC, error, handle) + data)
        return True

    def _flush(self, shut_down=False):
        self.flushes += 1
        if self.kind == HONEST or shut_down:
            for offset, data in self.pending:
                os.pwrite(self._durable, data, offset)
            self.pending.clear()
