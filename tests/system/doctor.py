#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""fjordctl doctor: each thing that can be wrong, and that it is told by its cause; with the gateway
stopped and running."""
import grp
import json
import os
import pty
import socket
import threading
import tty
import unittest

from lib import certificates, config, wait
from lib.bench import Scene
from lib.broker import Broker

LEVELS = {"ok": 0, "warn": 1, "fail": 2}


class Doctor(Scene):
    def doctor(self):
        """What is found, by check, as {check: [(result, subject, found, do)]}."""
        self.gateway._configure()
        return self.look()

    def look(self):
        done = self.gateway.ctl("doctor", "--json", seconds=60)
        self.assertIn(done.returncode, (0, 1, 2), done.stderr)
        document = json.loads(done.stdout)
        found = {}
        for check in document["checks"]:
            found.setdefault(check["check"], []).append(
                (check["result"], check.get("subject", ""), check["found"], check.get("do", "")))
        worst = max(LEVELS[check["result"]] for check in document["checks"])
        self.assertEqual(worst, done.returncode)
        for name in LEVELS:
            self.assertEqual(document[name], sum(c["result"] == name for c in document["checks"]))
        return found

    def of(self, found, check):
        return [(result, text) for result, _, text, _ in found[check]]

    def assert_told(self, found, check, result, *words):
        for told, _, text, todo in found.get(check, []):
            if told == result and all(word in text for word in words):
                self.assertEqual(result == "ok", not todo, "what to do: " + todo)
                return
        self.fail("no %s %s with %s in %s" % (check, result, words, found.get(check)))

    def broker_of(self, **destination):
        self.config["mqtt"]["main"] = {**self.config["mqtt"]["main"], **destination}
        return self.doctor()

    # ---- the gateway and its files ----

    def test_all_is_well(self):
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 3)
        found = self.look()
        for check, words in (("gateway", "'test-01' runs"), ("config", "runs on what the files"),
                             ("store", "sound"), ("tcp", "the gateway talks with 127.0.0.1"),
                             ("broker", "the login is taken")):
            self.assert_told(found, check, "ok", words)
        self.assertEqual([], [c for c in sum(found.values(), []) if c[0] == "fail"])
        self.assertTrue(self.gateway.status()["destinations"][0]["connected"])
        self.assertEqual(1, self.broker.log().count("as test-01-main "),
                         "the gateway's session goes on")
        text = self.gateway.ctl("doctor", seconds=60)
        self.assertIn("ok    gateway", text.stdout)
        self.assertNotIn("\033", text.stdout)

    def test_nothing_runs(self):
        self.counters(1)
        found = self.doctor()
        self.assert_told(found, "gateway", "warn", "it does not run", "control.sock")
        self.assert_told(found, "config", "ok", "no faults")
        self.assert_told(found, "store", "ok", "none yet")
        self.assert_told(found, "tcp", "ok", "takes connections")
        self.assert_told(found, "broker", "ok", "the login is taken")
        self.assertEqual([], [f for f in os.listdir(self.folder) if "readings" in f])

    def test_files_that_have_changed(self):
        self.counters(1)
        self.gateway.start()
        self.await_value("c00", 1)
        self.config["devices"]["probe"]["interval"] = "300ms"
        found = self.doctor()
        self.assert_told(found, "config", "warn", "changed since the gateway read them")
        self.gateway.reload()
        self.eventually(lambda: "new configuration is in force" in self.gateway.log(), "a reload")
        self.assert_told(self.look(), "config", "ok", "runs on what the files say")
        # order and spacing say nothing
        with open(self.gateway.file, "w") as f:
            json.dump(dict(reversed(self.config.items())), f)
        self.assert_told(self.look(), "config", "ok", "runs on what the files say")
        self.write("gateway.yaml.dpkg-dist", "gateway: {}\n")
        os.mkdir(self.path("conf.d"))
        self.write("conf.d/10-local.yaml.dpkg-new", "gateway: {}\n")
        found = self.look()
        self.assert_told(found, "config", "warn", "gateway.yaml.dpkg-dist is left")
        self.assert_told(found, "config", "warn", "10-local.yaml.dpkg-new is left")

    def test_a_faulty_configuration(self):
        self.config["devices"]["x"] = {"station": "nowhere"}
        self.gateway._configure()
        done = self.gateway.ctl("doctor")
        self.assertEqual(78, done.returncode)
        self.assertIn("nowhere", done.stderr)

    # ---- the store ----

    def test_a_damaged_store(self):
        self.counters(4, interval="100ms")
        self.gateway.start()
        self.await_value("c00", 20)
        self.assertEqual(0, self.gateway.stop())
        before = sorted(os.listdir(self.folder))
        self.assert_told(self.look(), "store", "ok", "it is sound")
        self.assertEqual(before, sorted(os.listdir(self.folder)))
        with open(self.path("readings.db"), "r+b") as f:
            f.seek(2048)
            f.write(b"\xa5" * 4000)
        self.assert_told(self.look(), "store", "fail", "damaged")

    def test_a_full_and_a_read_only_disk(self):
        os.mkdir(self.path("small"))
        done = self.run_program(["mount", "-t", "tmpfs", "-o", "size=4m", "none",
                                 self.path("small")])
        if done.returncode:
            self.skipTest("no mounts here: " + done.stderr)
        self.addCleanup(self.run_program, ["umount", "-l", self.path("small")])
        self.config["storage"]["file"] = "small/readings.db"
        self.assert_told(self.doctor(), "disk", "fail", "MiB are free")
        self.config["storage"]["max_size"] = "2MiB"
        self.assert_told(self.doctor(), "disk", "ok", "4 MiB are free")
        self.run_program(["mount", "-o", "remount,ro", self.path("small")])
        self.assert_told(self.look(), "disk", "fail", "mounted read-only")
        self.config["storage"]["file"] = "nowhere/readings.db"
        self.assert_told(self.doctor(), "disk", "fail", "No such file")

    # ---- links ----

    def test_serial_ports(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        tty.setraw(slave)
        port = os.ttyname(slave)
        self.config["links"] = {"bus": {"driver": "modbus-rtu", "device": port}}
        self.config["devices"]["probe"] = config.modbus_device(
            "bus", 1, "1s", {"p": config.register(0)})
        found = self.doctor()
        self.assert_told(found, "serial", "fail", "in use by process %d" % os.getpid())
        os.close(slave)
        self.assert_told(self.doctor(), "serial", "ok", port, "free")
        self.gateway.start()
        self.eventually(lambda: "ok" in [r for r, _ in self.of(self.look(), "serial")]
                        and "the gateway has" in str(self.look()["serial"]), "the gateway has it")
        self.assertEqual(0, self.gateway.stop())
        self.config["links"]["bus"]["device"] = self.path("gateway.yaml")
        self.assert_told(self.doctor(), "serial", "fail", "is no serial port")
        self.config["links"]["bus"]["device"] = "/dev/serial/by-id/none"
        self.assert_told(self.doctor(), "serial", "fail", "No such file")

    @unittest.skipIf(os.getuid(), "another user can be had only as root")
    def test_a_serial_port_without_permission(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        port = os.ttyname(slave)
        os.chown(port, 0, 0)
        os.chmod(port, 0o660)
        self.config["links"] = {"bus": {"driver": "modbus-rtu", "device": port}}
        self.config["devices"]["probe"] = config.modbus_device(
            "bus", 1, "1s", {"p": config.register(0)})
        os.chown(self.folder, 65534, 65534)
        self.gateway.prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        self.gateway.start()
        self.eventually(lambda: self.gateway.status(), "it runs")
        found = self.look()
        self.assert_told(found, "gateway", "ok", "as user nobody")
        self.assert_told(found, "serial", "fail", "user nobody may not open", "group root")
        self.assertIn('GROUP="dialout", MODE="0660"', self.remedy(found))
        os.chown(port, 0, grp.getgrnam("dialout").gr_gid)
        self.assertIn("usermod -aG dialout nobody", self.remedy(self.look()))
        os.chmod(port, 0o620)  # a member may not either
        self.assertIn('GROUP="dialout", MODE="0660"', self.remedy(self.look()))

    def remedy(self, found):
        ((_, _, _, todo),) = [f for f in found["serial"] if f[0] == "fail" and "may not" in f[2]]
        return todo

    def test_tcp_devices(self):
        self.config["links"] = {
            "closed": {"driver": "modbus-tcp", "host": "127.0.0.1", "port": wait.free_port()},
            "nameless": {"driver": "modbus-tcp", "host": "plc.invalid"}}
        for link in self.config["links"]:
            self.config["devices"][link] = config.modbus_device(
                link, 1, "1s", {link: config.register(0)})
        found = self.doctor()
        self.assert_told(found, "tcp", "fail", "127.0.0.1", "refused")
        self.assert_told(found, "tcp", "fail", "'plc.invalid' is not found")

    # ---- brokers ----

    def test_names_and_ports(self):
        self.assert_told(self.broker_of(servers=["mqtt://broker.invalid:1883"], insecure=True),
                         "broker", "fail", "'broker.invalid' is not found")
        self.assert_told(self.broker_of(servers=["mqtt://127.0.0.1:%d" % wait.free_port()]),
                         "broker", "fail", "refused")
        # a server that takes connections and says nothing, and one that is no broker
        mute, other = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
        self.addCleanup(mute.close)
        self.addCleanup(other.close)

        def serve():
            connection, _ = other.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        found = self.broker_of(servers=["mqtt://127.0.0.1:%d" % s.getsockname()[1]
                                        for s in (mute, other)])
        self.assert_told(found, "broker", "fail", "no answer in time")
        self.assert_told(found, "broker", "fail", "no MQTT broker")

    def test_logins(self):
        for version in ("5", "3.1.1"):
            broker = Broker(self, "closed-" + version, users={"town": "right"})
            broker.start()
            password = self.write("password", "right\n")
            os.chmod(password, 0o640)
            login = dict(servers=["mqtt://127.0.0.1:%d" % broker.port], version=version,
                         username="town", password_file=password)
            found = self.broker_of(**login)
            self.assert_told(found, "broker", "ok", "the login is taken, as user town")
            self.assert_told(found, "secret", "ok", "only who needs it")
            self.write("password", "wrong\n")
            found = self.broker_of(**login)
            self.assert_told(found, "broker", "fail", "login refused: ")
            self.assertNotIn("wrong", str(found).replace("wrong user name", ""))
            os.chmod(password, 0o644)
            self.assert_told(self.look(), "secret", "warn", "everybody")
            os.unlink(password)
            found = self.look()
            self.assert_told(found, "secret", "fail", "No such file")
            self.assert_told(found, "broker", "fail", "password_file")

    def secure(self, name, folder):
        port = wait.free_port()
        conf = self.write(name + ".conf", "\n".join([
            "listener %d 127.0.0.1" % port, "user root", "allow_anonymous true",
            "cafile %s/ca.pem" % folder, "certfile %s/broker.pem" % folder,
            "keyfile %s/broker.key" % folder]) + "\n")
        self.spawn(["/usr/sbin/mosquitto", "-c", conf], name + ".log")
        self.eventually(lambda: wait.listening(port), "the broker listens")
        return port

    def test_certificates(self):
        os.mkdir(self.path("pki"))
        folder = certificates.make(self, "pki")
        port = self.secure("secure", folder)
        url, ca = "mqtts://localhost:%d" % port, folder + "/ca.pem"
        found = self.broker_of(servers=[url], ca_file=ca)
        self.assert_told(found, "broker", "ok", "TLSv1.3", "a certificate that is believed")
        self.assert_told(found, "broker", "warn", "the broker's certificate ends on", "in 1 days")
        self.assert_told(found, "broker", "ok", "the login is taken")
        # another authority, no TLS at all
        os.mkdir(self.path("strange"))
        strange = certificates.make(self, "strange")
        self.assert_told(self.broker_of(servers=[url], ca_file=strange + "/ca.pem"),
                         "broker", "fail", "TLS: certificate", "not accepted")
        self.assert_told(self.broker_of(servers=["mqtts://localhost:%d" % self.broker.port],
                                        ca_file=ca), "broker", "fail", "TLS: ")
        self.assert_told(self.broker_of(servers=["mqtt://localhost:%d" % port]),
                         "broker", "fail", "login: ")

    def test_ended_and_misnamed_certificates(self):
        os.mkdir(self.path("pki"))
        folder = certificates.make(self, "pki")

        def reissue(name, days, extension):
            done = self.run_program([
                "openssl", "x509", "-req", "-in", folder + "/broker.csr", "-CA", folder + "/ca.pem",
                "-CAkey", folder + "/ca.key", "-CAcreateserial", "-out", folder + "/broker.pem",
                "-days", days, "-extfile", self.write(name, extension + "\n")])
            self.assertEqual(0, done.returncode, done.stderr)

        reissue("ext", "-1", "subjectAltName=DNS:localhost")
        port = self.secure("ended", folder)
        found = self.broker_of(servers=["mqtts://localhost:%d" % port], ca_file=folder + "/ca.pem")
        self.assert_told(found, "broker", "fail", "expired")
        reissue("ext", "90", "subjectAltName=DNS:other.example")
        port = self.secure("misnamed", folder)
        found = self.broker_of(servers=["mqtts://localhost:%d" % port], ca_file=folder + "/ca.pem")
        self.assert_told(found, "broker", "fail", "mismatch")
        ((_, _, _, todo),) = found["broker"]
        self.assertIn("the name that the certificate bears", todo)


if __name__ == "__main__":
    unittest.main()
