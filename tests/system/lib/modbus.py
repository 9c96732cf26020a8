# SPDX-License-Identifier: EUPL-1.2
"""Modbus servers made with pymodbus, so that the other side of the wire is not our own code."""
import asyncio
import logging
import os
import struct
import threading
import time

from pymodbus.datastore import ModbusServerContext
from pymodbus.interfaces import IModbusSlaveContext
from pymodbus.server.async_io import ModbusSerialServer, ModbusTcpServer
from pymodbus.transaction import ModbusRtuFramer

from lib import wait

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
logging.getLogger("asyncio").setLevel(logging.CRITICAL)
TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}


def words(fmt, value, order="ABCD"):
    """The registers of a number, high word first, or in one of the other orders."""
    raw = struct.pack(">" + fmt, value)
    pairs = [raw[i:i + 2] for i in range(0, len(raw), 2)]
    if order in ("CDAB", "DCBA"):
        pairs.reverse()
    if order in ("BADC", "DCBA"):
        pairs = [p[::-1] for p in pairs]
    return [int.from_bytes(p, "big") for p in pairs]


class Unit(IModbusSlaveContext):
    """One unit id. What is not set answers with exception 2."""

    def __init__(self):
        self.cells = {}             # (table, address): a number, or a list that counts reads
        self.delay_s = 0
        self.requests = []          # (time, table, address, count); "write" as the table for writes
        self.given = []           # (time, table, address, value) of the counting ones
        self.on_request = None      # called before each answer

    def set(self, table, address, values):
        for i, value in enumerate(values):
            self.cells[table, address + i] = value

    def count(self, table, address):
        """The first read gives 1, the next 2 and so on."""
        self.cells[table, address] = [0]

    def served(self, table, address, until):
        """The values that were given out before a time."""
        return {v for at, t, a, v in list(self.given)
                if (t, a) == (table, address) and at < until}

    def times(self, table, address):
        """{value: when it was given out}."""
        return {v: at for at, t, a, v in list(self.given) if (t, a) == (table, address)}

    def last(self, table, address):
        """The newest value that was given out; 0 before the first."""
        return max(self.times(table, address), default=0)

    # What pymodbus calls.

    def validate(self, function, address, count=1):
        table = TABLES.get(function)
        if table is None:
            self.requests.append((time.time(), "write", address, count))
        return all((table, a) in self.cells for a in range(address, address + count))

    def getValues(self, function, address, count=1):
        self.requests.append((time.time(), TABLES[function], address, count))
        if self.on_request:
            self.on_request()
        time.sleep(self.delay_s)
        return [self._read(TABLES[function], a) for a in range(address, address + count)]

    def _read(self, table, address):
        cell = self.cells[table, address]
        if not isinstance(cell, list):
            return cell
        cell[0] += 1
        self.given.append((time.time(), table, address, cell[0]))
        return cell[0]

    def setValues(self, function, address, values):
        raise AssertionError("validate() lets no write through")


class Server:
    """Serves units in a thread of its own."""

    def __init__(self, test, units):
        self.test, self.units = test, {n: Unit() for n in units}
        self._context = ModbusServerContext(slaves=dict(self.units), single=False)
        self._loop = self._thread = self._server = None
        test.addCleanup(self.stop)

    def __getitem__(self, unit):
        return self.units[unit]

    def silence(self, unit):
        """From now on that unit does not answer."""
        self._context._slaves.pop(unit, None)

    def revive(self, unit):
        self._context._slaves[unit] = self.units[unit]

    def start(self):
        ready = threading.Event()

        async def serve():
            self._server = await self._make()
            asyncio.get_running_loop().call_later(0.05, ready.set)
            await self._server.serve_forever()

        def body():
            asyncio.set_event_loop(self._loop)
            try:
                self._loop.run_until_complete(serve())
            except (asyncio.CancelledError, RuntimeError):
                pass

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=body, daemon=True)
        self._thread.start()
        self.test.assertTrue(ready.wait(10 * wait.PATIENCE), "the Modbus server did not start")

    def stop(self):
        if not self._thread or not self._thread.is_alive():
            return

        async def halt():
            self._close()
            for task in asyncio.all_tasks():
                task.cancel()
        asyncio.run_coroutine_threadsafe(halt(), self._loop)
        self._thread.join(5)

    def writes(self):
        return [r for u in self.units.values() for r in u.requests if r[1] == "write"]


class TcpServer(Server):
    def __init__(self, test, units=(1,)):
        super().__init__(test, units)
        self.port = wait.free_port()
        self.start()

    async def _make(self):
        return ModbusTcpServer(self._context, address=("127.0.0.1", self.port),
                               allow_reuse_address=True, ignore_missing_slaves=True)

    def _close(self):
        for handler in list(self._server.active_connections.values()):
            handler.transport.abort()
        self._server.server.close()


class RtuTcpServer(TcpServer):
    """A serial server as its peers see it: RTU frames over TCP."""

    async def _make(self):
        return ModbusTcpServer(self._context, framer=ModbusRtuFramer,
                               address=("127.0.0.1", self.port), allow_reuse_address=True,
                               ignore_missing_slaves=True)


class RtuServer(Server):
    """At one end of a pty pair that socat makes; the gateway opens `device`, the other end."""

    def __init__(self, test, units=(1,), baud=19200, name="tty"):
        super().__init__(test, units)
        self.device, self._far = test.path(name + "-near"), test.path(name + "-far")
        self._baud = baud
        test.spawn(["socat", "pty,raw,echo=0,link=" + self.device,
                    "pty,raw,echo=0,link=" + self._far], "socat.log")
        test.eventually(lambda: os.path.exists(self.device) and os.path.exists(self._far),
                        "socat makes a pair of ptys")
        self.start()

    async def _make(self):
        server = ModbusSerialServer(self._context, framer=ModbusRtuFramer, port=self._far,
                                    baudrate=self._baud, ignore_missing_slaves=True)
        await server.start()
        return server

    def _close(self):
        asyncio.ensure_future(self._server.shutdown())
