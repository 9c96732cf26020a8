#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The service manager hears that all goes on; of a store or a link that does not, it hears too,
after the log has named it."""
import contextlib
import ctypes
import os
import socket
import time
import unittest

from lib.faults import Faults, StoreScene

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
PERIOD_S = 2


class Thread:
    """A thread of another process, held as if the kernel did not let it go on."""

    def __init__(self, pid, name):
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/comm" % (pid, task)) as f:
                if f.read().strip() == name:
                    self.tid = int(task)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                                     ctypes.c_void_p]

    def call(self, request):
        if self.libc.ptrace(request, self.tid, None, None) < 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    @contextlib.contextmanager
    def held(self):
        self.call(PTRACE_SEIZE)
        self.call(PTRACE_INTERRUPT)
        os.waitpid(self.tid, 0x40000000)        # __WALL
        try:
            yield
        finally:
            self.call(PTRACE_DETACH)


class Watchdog(StoreScene):
    def setUp(self):
        super().setUp()
        path = self.path("notify")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(path)
        self.manager.settimeout(1)
        for name, value in (("NOTIFY_SOCKET", path),
                            ("WATCHDOG_USEC", str(PERIOD_S * 1000000))):
            os.environ[name] = value
            self.addCleanup(os.environ.pop, name, None)

    def heard(self, seconds):
        """What is said to the manager, until it says nothing for that long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                yield self.manager.recv(4096).decode()

    def await_said(self, what, seconds=60):
        for said in self.heard(seconds):
            if said == what:
                return
        self.fail("not said within %d s: %s%s" % (seconds, what, self.explain()))

    def test_all_goes_on(self):
        self.gateway.start()
        self.await_said("READY=1")
        said = list(self.heard(5 * PERIOD_S + 3))
        self.assertEqual({"WATCHDOG=1"}, set(said))
        self.assertGreater(len(said), 5)
        self.assertEqual(0, self.gateway.stop())

    def test_not_for_us(self):
        os.environ["WATCHDOG_PID"] = "1"
        self.addCleanup(os.environ.pop, "WATCHDOG_PID", None)
        self.gateway.start()
        self.await_said("READY=1")
        self.assertEqual([], list(self.heard(2 * PERIOD_S)))
        self.assertEqual(0, self.gateway.stop())

    def test_store(self):
        faults = Faults(self, self.gateway, self.path("disk"))
        self.gateway.start()
        self.await_value("c00", 10)
        faults.set("flush_ms", 20 * PERIOD_S * 1000)
        self.await_said("WATCHDOG=trigger")
        self.assertEqual(1, self.gateway.log().count("store: at one piece of work for 10 s"))
        self.gateway.kill()

    def test_link(self):
        self.gateway.start()
        self.await_value("c00", 10)
        with Thread(self.gateway.process.pid, "plc").held():
            self.await_said("WATCHDOG=trigger")
        self.assertEqual(1, self.gateway.log().count("link 'plc': at one piece of work for 10 s"))
        self.await_said("WATCHDOG=1")           # it goes on after all
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
