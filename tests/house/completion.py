#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""What the shells complete: bash is asked, zsh reads its file; and each
command and option of `fjordctl --help` is in the manual page."""
import re
import subprocess
import sys
import unittest

ROOT, FJORDCTL = sys.argv.pop(1), sys.argv.pop(1)

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_fjordctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(*words):
    done = subprocess.run(["bash", "-c", ASK, "bash", ROOT + "/etc/completion/fjordctl.bash",
                           "fjordctl", *words], capture_output=True, text=True, check=True)
    return done.stdout.split()


def commands():
    said = subprocess.run([FJORDCTL, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^  ([a-z]+) ", said, re.M))


class Completion(unittest.TestCase):
    def test_commands(self):
        self.assertEqual(["maintenance"], complete("ma"))
        self.assertLessEqual(commands(), set(complete("")))
        self.assertEqual(["maintenance"], complete("-c", "some.yaml", "mai"))

    def test_arguments(self):
        self.assertEqual({"--since", "--set"}, set(complete("qc", "harbour/ph", "--s")))
        self.assertEqual(["on", "off"], [w for w in complete("maintenance", "sonde", "o")])
        self.assertEqual(["modbus"], complete("scan", "mod"))
        self.assertNotIn("all", complete("scan", "modbus", ""))    # the value of an option

    def test_files(self):
        self.assertIn(ROOT + "/LICENSE", complete("check", ROOT + "/LIC"))
        self.assertIn(ROOT + "/LICENSE", complete("--config", ROOT + "/LIC"))

    def test_zsh(self):
        file = ROOT + "/etc/completion/_fjordctl"
        subprocess.run(["zsh", "-n", file], check=True)

    def test_manual(self):
        with open(ROOT + "/docs/man/fjordctl.1", encoding="utf-8") as f:
            page = f.read()
        self.assertLessEqual(commands(), set(re.findall(r"^\\fB([a-z]+)\\fR", page, re.M)))


if __name__ == "__main__":
    unittest.main()
