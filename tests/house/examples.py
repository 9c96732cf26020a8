#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Every whole configuration that a page of docs/ shows, or that lies in etc/, loads without a
fault."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FJORDCTL = sys.argv.pop(1)
EXAMPLE = re.compile(r"^```yaml\n(gateway:.*?)^```", re.S | re.M)


class Examples(unittest.TestCase):
    def test_push(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "push.yaml"
            path.write_text((ROOT / "etc" / "push.yaml").read_text())
            keys = pathlib.Path(folder) / "push.keys"
            keys.write_text("buoy:00112233445566778899\nlogger:99887766554433221100\n")
            keys.chmod(0o600)
            done = subprocess.run([FJORDCTL, "check", str(path)], capture_output=True, text=True)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            self.assertNotIn("warning", done.stdout + done.stderr)

    def test_older(self):
        """What was written for an older release still loads."""
        older = sorted((ROOT / "tests/data/config/older").glob("*.yaml"))
        self.assertGreaterEqual(len(older), 2)
        for path in older:
            with self.subTest(path.name):
                done = subprocess.run([FJORDCTL, "check", "--no-files", str(path)],
                                      capture_output=True, text=True)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_quality(self):
        examples = EXAMPLE.findall((ROOT / "docs" / "quality.md").read_text())
        self.assertGreaterEqual(len(examples), 2)
        for example in examples:
            with self.subTest(example[:200]), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "fjordgate.yaml"
                path.write_text(example)
                done = subprocess.run([FJORDCTL, "check", str(path)], capture_output=True,
                                      text=True)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
