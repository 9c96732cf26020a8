#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The program that alone may ask the kernel of the clock: what it says is what the kernel says, to
each who asks, and also after somebody has gone away without listening."""
import ctypes
import os
import socket
import unittest

from lib.bench import SystemTest

TIME_ERROR, STA_UNSYNC = 5, 0x40


class Timex(ctypes.Structure):
    _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
                ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
                ("rest", ctypes.c_char * 256)]


def kernel_says():
    timex = Timex()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    return b"0" if state in (-1, TIME_ERROR) or timex.status & STA_UNSYNC else b"1"


class ClockWitness(SystemTest):
    def ask(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.path("clock.sock"))
            return s.recv(8), s.recv(8)

    def test_answers(self):
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.path("clock.sock"))
            listening.listen()
            program = self.spawn([os.environ["FJORDGATE_CLOCK"]], "clock.log", stdin=listening)
            for _ in range(3):
                self.assertEqual((kernel_says(), b""), self.ask())
            for _ in range(20):
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(self.path("clock.sock"))
            self.assertEqual((kernel_says(), b""), self.ask())
            self.assertIsNone(program.poll())

    def test_without_a_socket(self):
        program = self.spawn([os.environ["FJORDGATE_CLOCK"]], "clock.log")
        self.assertEqual(71, program.wait(10))
        with open(self.path("clock.log")) as log:
            self.assertIn("must be a listening socket", log.read())


if __name__ == "__main__":
    unittest.main()
