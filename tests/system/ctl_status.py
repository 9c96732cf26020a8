#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""fjordctl status says first what is wrong, fits the screen that it is on, and is coloured only
there."""
import fcntl
import os
import pty
import struct
import subprocess
import termios
import unittest

from lib import config, wait
from lib.bench import Scene
from lib.gateway import PROGRAMS


class Status(Scene):
    def on_terminal(self, *arguments, rows=24, columns=80, **environment):
        """What a terminal of that size is written."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        process = subprocess.Popen(
            [PROGRAMS["fjordctl"], "-c", self.gateway.file, "status", *arguments],
            stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE,
            env={**env, **environment})
        os.close(slave)
        text = b""
        while True:
            try:
                chunk = os.read(master, 65536)
            except OSError:             # the other end is closed
                break
            if not chunk:
                break
            text += chunk
        os.close(master)
        self.assertEqual(b"", process.stderr.read())
        process.stderr.close()
        self.assertEqual(0, process.wait())
        return text.decode().replace("\r\n", "\n")

    def test_all_is_well(self):
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 2)
        self.eventually(lambda: self.gateway.status()["devices"][0]["state"] == "ok", "it is well")
        lines = self.gateway.ctl("status").stdout.splitlines()
        self.assertEqual("all is well: 1 devices, 1 destinations", lines[0])
        screen = self.on_terminal()
        self.assertTrue(screen.startswith("\033[1;32mall is well\033[0m: "), screen)
        self.assertNotIn("\033", self.on_terminal(NO_COLOR="1"))

    def test_much_is_wrong(self):
        self.counters(1)
        self.config["links"]["gone"] = {"driver": "modbus-tcp", "host": "127.0.0.1",
                                        "port": wait.free_port()}
        for i in range(30):
            self.config["devices"]["gone%02d" % i] = config.modbus_device(
                "gone", i + 1, "1s", {"g%02d" % i: config.register(0)}, timeout="100ms")
            self.config["devices"]["mute%02d" % i] = config.modbus_device(
                "plc", i + 101, "1s", {"m%02d" % i: config.register(0)}, timeout="100ms")
        self.config["mqtt"]["away"] = config.broker(wait.free_port())
        self.gateway.start()
        self.await_value("c00", 2)
        self.eventually(lambda: len([d for d in self.gateway.status()["devices"]
                                     if d["state"] in ("failing", "quarantined")]) == 60,
                        "all others fail", 60)
        whole = self.gateway.ctl("status").stdout
        first, *wrong = whole.split("\n\n")[0].splitlines()
        self.assertEqual("32 things are wrong:", first)
        self.assertRegex(wrong[0], "destination 'away': not connected; [0-9]+ readings wait, for ")
        self.assertEqual("  link 'gone': down, with 30 devices", wrong[1])
        self.assertEqual(30, len([line for line in wrong if "device 'mute" in line]))
        self.assertNotIn("device 'gone", whole)
        for rows, columns in ((24, 80), (15, 60), (50, 132)):
            screen = self.on_terminal(rows=rows, columns=columns, NO_COLOR="1")
            lines = screen.splitlines()
            self.assertLess(len(lines), rows, screen)
            self.assertLessEqual(max(map(len, lines)), columns, screen)
            self.assertEqual("32 things are wrong:", lines[0])
            self.assertIn("more\n", screen)
            self.assertRegex(screen, r"\d+ more devices, \d+ of them not well")
        # no line is wasted where there is more to show
        self.assertEqual(49, len(self.on_terminal(rows=50).splitlines()))
        self.assertEqual(whole.splitlines()[0],
                         self.on_terminal("--all", NO_COLOR="1").splitlines()[0])
        self.assertIn("LAST ERROR", self.on_terminal("--all"))


if __name__ == "__main__":
    unittest.main()
