#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""rooms.py BUILD: with the compile flags of each room, headers of the rooms below are found and
headers of the others are not."""
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEES = {
    "base": set(),
    "model": {"base"},
    "protocol": {"model", "base"},
    "quality": {"model", "base"},
    "storage": {"model", "base"},
    "drivers": {"protocol", "model", "base"},
    "web": {"model", "base"},
    "gateway": {"drivers", "storage", "quality", "protocol", "web", "model", "base"},
}


HEADER = {
    "base": "base/log.h", "model": "model/point.h", "protocol": "protocol/encode.h",
    "quality": "quality/quality.h", "storage": "storage/spool.h", "drivers": "drivers/driver.h",
    "web": "web/view.h", "gateway": "gateway/core.h",
}


class Rooms(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(BUILD, "compile_commands.json")) as f:
            self.commands = json.load(f)

    def flags(self, room):
        """The compiler and the include folders and definitions of one file of the room."""
        for command in self.commands:
            if pathlib.Path(command["file"]).parent == ROOT / room:
                words = shlex.split(command["command"])
                return [w for w in words[:1] + words[1:] if not w.endswith((".c", ".o"))
                        and w not in ("-c", "-o", "-Werror")], command["directory"]
        self.fail("no file of %s/ in compile_commands.json" % room)

    def compiles(self, room, header):
        flags, folder = self.flags(room)
        with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
            source.write('#include "%s"\n' % header)
            source.flush()
            done = subprocess.run(flags + ["-fsyntax-only", source.name], cwd=folder,
                                  capture_output=True, text=True)
        return done

    def test_doors(self):
        for room, sees in SEES.items():
            for other, header in HEADER.items():
                with self.subTest(room=room, header=header):
                    done = self.compiles(room, header)
                    if other == room or other in sees:
                        self.assertEqual(0, done.returncode, done.stderr)
                    else:
                        self.assertNotEqual(0, done.returncode, "it compiles")
                        self.assertIn("%s: No such file" % header, done.stderr.replace(
                            "'%s' file not found" % header, "%s: No such file" % header))


BUILD = sys.argv.pop(1)
unittest.main()
