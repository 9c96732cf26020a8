#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Who may ask and who may change: control.group and control.read_group, as users of those groups.
And debug lines that are switched at run time, by who may."""
import grp
import json
import os
import re
import socket
import sys
import unittest

from lib.bench import Scene
from lib.gateway import PROGRAMS

USER = 61234


def some_groups():
    """Two groups of this machine that root is not in; any will do."""
    names = [g for g in grp.getgrall() if g.gr_gid not in (0, USER, *os.getgroups())]
    return names[0], names[1]


class Groups(Scene):
    @unittest.skipIf(os.getuid(), "other users can be had only as root")
    def test_two_groups(self):
        operators, readers = some_groups()
        self.counters(1)
        self.config["control"].update(group=operators.gr_name, read_group=readers.gr_name)
        self.gateway.start()
        self.await_value("c00", 1)

        def ask(group, *arguments):
            return self.run_program(
                ["setpriv", "--reuid", USER, "--regid", USER,
                 *(["--groups", group.gr_gid] if group else ["--clear-groups"]),
                 PROGRAMS["fjordctl"], "--socket", self.path("control.sock"), *arguments])

        changes = (["maintenance", "probe", "on"], ["maintenance", "probe", "off"],
                   ["notice", "add", "fault"], ["debug", "none"],
                   ["backfill", "main", "--since", "1h", "--until", "0s"])
        looks = (["status"], ["read", "probe"], ["notice", "list"], ["debug"],
                 ["calibration", "probe/c00"], ["history", "quay/c00"])
        for command in looks:
            for group in (operators, readers):
                done = ask(group, *command)
                self.assertEqual(0, done.returncode, (command, group.gr_name, done.stderr))
        for command in looks + changes:
            done = ask(None, *command)
            self.assertEqual(77, done.returncode, (command, done.stderr))
            self.assertIn("needs group '%s', or '%s', which may also change" % (
                readers.gr_name, operators.gr_name), done.stderr)
        for command in changes:
            done = ask(readers, *command)
            self.assertEqual(77, done.returncode, (command, done.stderr))
            self.assertIn("it needs group '%s'" % operators.gr_name, done.stderr)
            done = ask(operators, *command)
            self.assertEqual(0, done.returncode, (command, done.stderr))
        # with one group the socket's mode keeps others away, and whose it is is told
        del self.config["control"]["read_group"]
        self.gateway.reload()
        self.eventually(lambda: ask(readers, "status").returncode == 77, "the reload is done")
        self.assertIn("it needs group '%s'" % operators.gr_name, ask(readers, "status").stderr)
        self.assertEqual(0, ask(operators, "status").returncode)
        # a group that is none leaves the socket to nobody, not to the group before
        self.config["control"]["group"] = "no-such-group"
        self.gateway.reload()
        self.eventually(lambda: ask(operators, "status").returncode == 77, "the reload is done")
        self.assertIn("there is no group 'no-such-group'", self.gateway.log())

    @unittest.skipIf(os.getuid(), "other users can be had only as root")
    def test_strangers_take_no_place(self):
        operators, readers = some_groups()
        self.counters(1)
        self.config["control"].update(group=operators.gr_name, read_group=readers.gr_name)
        self.gateway.start()
        self.await_value("c00", 1)
        held = self.spawn(
            ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", sys.executable, "-c",
             "import socket, sys, time\n"
             "held = [socket.socket(socket.AF_UNIX) for _ in range(100)]\n"
             "for s in held: s.connect(sys.argv[1])\n"
             "print('held', flush=True)\n"
             "time.sleep(60)", self.path("control.sock")], "held.log")
        self.eventually(lambda: "held" in open(self.path("held.log")).read(), "a hundred strangers")
        self.assertEqual(0, self.gateway.ctl("status").returncode)
        self.end(held)

    def test_clients_that_never_ask(self):
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 1)
        held = [socket.socket(socket.AF_UNIX) for _ in range(32)]
        for s in held:
            self.addCleanup(s.close)
            s.connect(self.path("control.sock"))
        refused = self.gateway.ctl("status")
        self.assertEqual(75, refused.returncode, refused.stderr)
        self.assertIn("32 clients are connected already", refused.stderr)
        self.eventually(lambda: self.gateway.ctl("status").returncode == 0, "they are ended", 20)

    def test_debug(self):
        self.counters(1)
        self.config["mqtt"]["main"].update(
            username="town", password_file=self.write("password", "so-secret\n"))
        self.gateway.start()
        self.await_value("c00", 2)
        self.assertNotIn("debug:", self.gateway.log())
        self.assertNotIn("debug", self.gateway.status())
        self.assertIn("no debug lines", self.gateway.ctl("debug").stdout)
        wrong = self.gateway.ctl("debug", "modbus,nonsense")
        self.assertEqual(64, wrong.returncode)
        self.assertIn("schedule, modbus", wrong.stderr)
        self.assertEqual(64, self.gateway.ctl("debug", "modbus", "--for", "25h").returncode)

        told = self.gateway.ctl("debug", "modbus,spool,mqtt,schedule")
        self.assertEqual(0, told.returncode, told.stderr)
        self.assertIn("schedule,modbus,spool,mqtt are logged for 10 min", told.stdout)
        for line in ("modbus plc/probe > ", "modbus plc/probe < ", "mqtt main > PUBLISH",
                     "mqtt main < PUBACK", "spool: commit", "device 'probe': poll"):
            self.eventually(lambda: line in self.gateway.log(), "the log has '%s'" % line)
        debug = self.gateway.status()["debug"]
        self.assertEqual("schedule,modbus,spool,mqtt", debug["topics"])
        self.assertLess(debug["left_s"], 600.001)
        self.assertIn("debug   schedule,modbus,spool,mqtt", self.gateway.ctl("status").stdout)

        # none ends it; what follows is quiet
        self.assertIn("no debug lines", self.gateway.ctl("debug", "none").stdout)
        self.assertIn("debug: off again (as asked)", self.gateway.log())
        quiet = len(re.findall("debug: modbus", self.gateway.log()))
        value = self.server[1].last("holding", 0)
        self.await_value("c00", value + 3)
        self.assertLessEqual(len(re.findall("debug: modbus", self.gateway.log())), quiet + 1)
        # and so does its time
        self.assertEqual(0, self.gateway.ctl("debug", "mqtt", "--for", "1s").returncode)
        self.eventually(lambda: "debug: off again (its time is over)" in self.gateway.log(),
                        "it ends by itself")
        self.assertNotIn("debug", self.gateway.status())
        self.broker.kill()
        self.gateway.ctl("debug", "mqtt")
        self.broker.start()
        self.eventually(lambda: "mqtt main > CONNECT" in self.gateway.log() and
                        "mqtt main < CONNACK" in self.gateway.log(), "a new connection", 30)
        self.assertNotIn("so-secret", self.gateway.log())

    def test_the_trace_is_a_replay(self):
        """The frames of the log, put below a head, are a test that passes."""
        self.counters(2)
        self.gateway.start()
        self.await_value("c00", 1)
        self.gateway.ctl("debug", "modbus")
        self.eventually(lambda: self.gateway.log().count("plc/probe < ") > 1, "frames")
        self.gateway.ctl("debug", "none")
        frames = re.findall(r"modbus plc/probe ([<>!] .*)", self.gateway.log())
        first = frames.index(next(f for f in frames if f.startswith(">")))
        sent, heard = frames[first:first + 2]
        registers = bytes.fromhex(heard[2:])[9:]
        file = self.write("trace.txt", "\n".join([
            "# from the log of a gateway", "link: {driver: modbus-tcp}",
            "device: {unit_id: 1, timeout: 1s, retries: 0}", "points:",
            *("  x_c%d: {table: holding, address: %d, type: u16, unit: \"1\"}" % (i, i)
              for i in range(2)), "---", sent, heard,
            *("= x_c%d %d 1 qc=2" % (i, int.from_bytes(registers[2 * i:2 * i + 2], "big"))
              for i in range(2))]) + "\n")
        done = self.run_program([os.environ["REPLAY"], file])
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
