#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The kernel finds an error in the file system of the store and makes it read-only (EROFS), which
no remount of a mounted one undoes: polling goes on, live readings come with `stored: false`. After
a stop, a check of the file system and a start everything goes on. The sum holds, but that what
could not be stored before the stop is in the gap of the stop, too."""
import os
import subprocess
import time
import unittest

from lib.faults import StoreScene

SIZE = 16 << 20


class DiskReadOnly(StoreScene):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("NOT TESTED: only root may mount a file system on a loop device")
        with open(self.path("image"), "wb") as f:
            f.truncate(SIZE)
        self.root("mkfs.ext4", "-q", self.path("image"))
        self.loop = self.root("losetup", "-f", "--show", self.path("image")).strip()
        self.addCleanup(self.release)
        # only the daemon sees it mounted, so it is unmounted when the daemon has ended
        self.gateway.prefix = ["unshare", "-m", "sh", "-c",
                               'mount -o errors=remount-ro "$0" "$1" && shift && exec "$@"',
                               self.loop, self.path("disk")]

    def root(self, *command):
        done = self.run_program(command, env=dict(
            os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
        if done.returncode:
            self.fail("%s: %s" % (command[0], done.stderr))
        return done.stdout

    def release(self):
        self.end(self.gateway.process)
        self.root("losetup", "-d", self.loop)

    def repair(self):
        """0: nothing was wrong; 1: mended."""
        return subprocess.run(["/sbin/e2fsck", "-f", "-p", self.loop],
                              stdout=subprocess.DEVNULL).returncode

    def test_read_only(self):
        self.gateway.start()
        self.await_value("c00", 10)
        self.assertEqual([], self.unstored())

        with open("/sys/fs/ext4/%s/trigger_fs_error" % os.path.basename(self.loop), "w") as f:
            f.write("1")
        failing = time.time()
        self.eventually(lambda: self.store().get("writable") is False, "the status says so", 20)
        self.assertIn("Read-only file system", self.store()["error"])
        self.assert_live_unstored(failing)
        self.assert_contents()
        self.assertEqual(0, self.gateway.stop())
        self.assertIn("is lost", self.gateway.tail(4))
        lost = {m.json["id"] for m in self.unstored()}

        self.eventually(lambda: self.repair() in (0, 1), "the file system is free and mended")
        self.gateway.start()
        self.eventually(lambda: self.store().get("writable"), "it is well", 20)
        self.assert_healed()
        self.assertFalse(lost & {m.json["id"] for m in self.subscriber.readings()
                                 if "stored" not in m.json}, "a number is given twice")
        reasons = self.stop_and_check_sums(counted_twice=lost)
        self.assertEqual({"gateway_off"}, reasons - {"overrun"})
        self.assert_few_overruns()


if __name__ == "__main__":
    unittest.main()
