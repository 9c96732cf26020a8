# SPDX-License-Identifier: EUPL-1.2
"""mosquitto on a loopback port, with its sessions kept on disk over a stop and a start."""
import os
import shutil
import signal

from lib import wait


class Broker:
    def __init__(self, test, name="broker", users=None, lines=()):
        """users: {name: password}; anyone may connect where there are none. lines: more of its
        configuration."""
        self.test, self.name, self.port = test, name, wait.free_port()
        self.folder = test.path(name)
        self.process = None
        os.makedirs(self.folder)
        self.set_users(users or {})
        test.write(name + ".conf", "\n".join([
            "listener %d 127.0.0.1" % self.port,
            "user root",                    # else it drops to a user who cannot write here
            "persistence true",
            "persistence_location %s/" % self.folder,
            "max_queued_messages 0",
            "max_inflight_messages 0",
            "queue_qos0_messages true",     # for sessions that are away: a test misses nothing
            "set_tcp_nodelay true",
            "log_type all",
            "allow_anonymous %s" % ("false" if users else "true"),
            "password_file %s/users" % self.folder if users else "",
            *lines,
        ]) + "\n")

    def set_users(self, users):
        """Takes effect at the next start() or reload()."""
        path = os.path.join(self.folder, "users")
        with open(path, "w") as f:
            f.writelines("%s:%s\n" % pair for pair in users.items())
        if users:
            done = self.test.run_program(["mosquitto_passwd", "-U", path])
            self.test.assertEqual(0, done.returncode, done.stderr)

    def start(self):
        program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        self.process = self.test.spawn([program, "-c", self.test.path(self.name + ".conf")],
                                       self.name + ".log")
        self.test.eventually(lambda: wait.listening(self.port) or self.process.poll() is not None,
                             "mosquitto listens")
        self.test.assertIsNone(self.process.poll(), self.log()[-500:])

    def stop(self):
        self.test.assertEqual(0, self.test.end(self.process))

    def kill(self):
        self.test.end(self.process, signal.SIGKILL)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        with open(self.test.path(self.name + ".log"), errors="replace") as f:
            return f.read()
