# SPDX-License-Identifier: EUPL-1.2
"""One daemon under test and its configuration."""
import json
import os
import re
import signal

from lib.wait import PATIENCE

PROGRAMS = {name: os.environ.get(name.upper(), name)
            for name in ("fjordgate", "fjordctl", "fjordsim")}
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")


class Gateway:
    def __init__(self, test, settings, name="gateway"):
        """`settings` is written anew at each start() and reload()."""
        self.test, self.settings, self.name = test, settings, name
        self.file, self.log_file = test.path(name + ".yaml"), test.path(name + ".log")
        self.process = None
        self.prefix = []            # a command that starts the daemon
        test.addCleanup(self._check_log)

    def _check_log(self):
        found = SANITIZER.search(self.log())
        self.test.assertIsNone(found, "in the log of the gateway:\n" + self.tail(60))

    def _configure(self):
        with open(self.file, "w") as f:
            if isinstance(self.settings, str):
                f.write(self.settings)
            else:
                json.dump(self.settings, f, indent=1)

    def start(self):
        self._configure()
        self.process = self.test.spawn([*self.prefix, PROGRAMS["fjordgate"], "-c", self.file],
                                       self.name + ".log")
        return self

    def alive(self):
        return self.process.poll() is None

    def wait_exit(self, seconds=15):
        return self.process.wait(seconds * PATIENCE)

    def stop(self):
        """SIGTERM; the exit status."""
        return self.test.end(self.process, signal.SIGTERM)

    def kill(self):
        self.test.end(self.process, signal.SIGKILL)

    def reload(self):
        """Does not wait until it is done."""
        self._configure()
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        try:
            with open(self.log_file, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def tail(self, lines=15):
        return "\n".join(self.log().splitlines()[-lines:])

    def ctl(self, *arguments, seconds=20):
        return self.test.run_program([PROGRAMS["fjordctl"], "-c", self.file, *arguments],
                                     seconds, env=dict(os.environ, NO_COLOR="1"))

    def ctl_json(self, *arguments):
        done = self.ctl(*arguments, "--json")
        self.test.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def status(self):
        """The status, or an empty one while the daemon does not answer."""
        done = self.ctl("status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}
