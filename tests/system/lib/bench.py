# SPDX-License-Identifier: EUPL-1.2
"""What every system test has: a folder of its own, processes that end with it, waiting for
conditions, and the common scene of a broker, a subscriber, a Modbus server and the gateway."""
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from lib import config
from lib.broker import Broker
from lib.gateway import Gateway
from lib.modbus import TcpServer
from lib.subscriber import Subscriber
from lib.wait import PATIENCE, wait_for

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class SystemTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="fjordgate-test-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(self._remove)

    def _remove(self):
        if os.environ.get("FJORDGATE_TEST_KEEP"):
            print("kept:", self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def spawn(self, argv, log, **more):
        """A process that does not outlive the test; its output is appended to the file `log`."""
        with open(self.path(log), "ab") as out:
            process = subprocess.Popen(
                [str(a) for a in argv], stdin=more.pop("stdin", subprocess.DEVNULL),
                stdout=out, stderr=out,
                cwd=self.folder, start_new_session=True,
                preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL), **more)
        self.addCleanup(self.end, process, signal.SIGKILL)
        return process

    @staticmethod
    def end(process, number=signal.SIGTERM, seconds=15):
        """Ends it and returns its status; None where it had to be killed."""
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(seconds * PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return None
        return process.returncode

    def run_program(self, argv, seconds=20, **more):
        return subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=seconds * PATIENCE,
                              **more)

    def eventually(self, condition, what, seconds=10):
        value = wait_for(condition, seconds)
        if not value:
            self.fail("not within %g s: %s%s" % (seconds * PATIENCE, what, self.explain()))
        return value

    def await_stored(self, seconds=10, gateway=None, more=lambda status, upto: True):
        """Until all that has a number now is stored, and `more`. What is measured meanwhile may
        wait: a busy machine never has a moment in which nothing waits."""
        gateway = gateway or self.gateway
        upto = self.eventually(lambda: gateway.status().get("store"), "a status")["next_seq"]

        def stored():
            status = gateway.status()
            store = status.get("store", {"next_seq": 0, "waiting_for_commit": 0})
            return store["next_seq"] - store["waiting_for_commit"] >= upto and more(status, upto)
        self.eventually(stored, "all below %d" % upto, seconds)

    def await_sent(self, seconds=30, gateway=None):
        """Until all that has a number now is stored, and acknowledged by every destination."""
        self.await_stored(seconds, gateway, lambda status, upto: all(
            d["connected"] and d.get("oldest_unsent_seq", upto) >= upto
            for d in status["destinations"]))

    def explain(self):
        """What helps to understand a failure."""
        gateway = getattr(self, "gateway", None)
        return "\nthe gateway said:\n" + gateway.tail() if gateway else ""


class Scene(SystemTest):
    """A broker with a subscriber that misses nothing, a Modbus TCP server on link `plc`, and a
    configuration that joins them. The gateway is started by the test."""

    units = (1,)

    def setUp(self):
        super().setUp()
        self.broker = Broker(self)
        self.broker.start()
        self.subscriber = Subscriber(self, self.broker.port)
        self.server = TcpServer(self, self.units)
        self.config = config.base(self.broker.port)
        self.config["links"]["plc"] = {
            "driver": "modbus-tcp", "host": "127.0.0.1", "port": self.server.port}
        self.gateway = Gateway(self, self.config)

    def counters(self, count, unit=1, interval="200ms", device="probe", **more):
        """A device whose points c00… count their own reads from 1."""
        for address in range(count):
            self.server[unit].count("holding", address)
        self.config["devices"][device] = config.modbus_device(
            "plc", unit, interval, {"c%02d" % a: config.register(a) for a in range(count)}, **more)

    def await_readings(self, count=1, seconds=15, **filters):
        self.eventually(lambda: len(self.subscriber.readings(**filters)) >= count,
                        "%d readings %s" % (count, filters or ""), seconds)
        return self.subscriber.readings(**filters)

    def await_value(self, point, value, seconds=15):
        self.eventually(lambda: value in self.subscriber.values(point),
                        "%s = %s" % (point, value), seconds)

    def assert_complete(self, count, until, unit=1):
        """Every value that the server gave out before `until` arrives, and no id comes with two
        contents."""
        def missing():
            return {"c%02d" % a: served for a in range(count)
                    if (served := self.server[unit].served("holding", a, until)
                        - self.subscriber.values("c%02d" % a))}
        self.assertTrue(self.server[unit].served("holding", 0, until))
        wait_for(lambda: not missing(), 10)
        self.assertEqual({}, missing(), "values that never came")
        contents = {}
        for message in self.subscriber.readings():
            reading = message.reading
            content = {k: v for k, v in reading.items() if k != "id"}
            self.assertEqual(contents.setdefault(reading["id"], content), content)
