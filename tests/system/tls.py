#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""TLS to the broker: a certificate authority, a client certificate, a pre-shared key; what is not
believed is told by its cause and never overruled; what ends soon is told in good time."""
import os
import signal
import unittest

from lib import config, wait
from lib.bench import Scene

KEY = "0123456789abcdef0123456789abcdef"


class Tls(Scene):
    def openssl(self, *arguments):
        done = self.run_program(["openssl", *arguments])
        self.assertEqual(0, done.returncode, done.stderr)

    def authority(self, name, days=400):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                     "-nodes", "-keyout", self.path(name + ".key"), "-out",
                     self.path(name + ".pem"), "-days", str(days), "-subj", "/CN=" + name)
        return self.path(name + ".pem")

    def certificate(self, authority, name, extension, *dates):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"),
                     "-subj", "/CN=" + name)
        self.openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA",
                     self.path(authority + ".pem"), "-CAkey", self.path(authority + ".key"),
                     "-CAcreateserial", "-out", self.path(name + ".pem"),
                     *(dates or ("-days", "300")),
                     "-extfile", self.write(name + ".ext", extension + "\n"))
        return self.path(name + ".pem"), self.path(name + ".key")

    def secure_broker(self, name, *lines):
        """A second listener that gives what it gets to the first broker's subscriber too."""
        port = wait.free_port()
        conf = self.write(name + ".conf", "\n".join(
            ["listener %d 127.0.0.1" % port, "user root", "allow_anonymous true", *lines,
             "connection onward", "address 127.0.0.1:%d" % self.broker.port,
             "topic # out 1", "bridge_attempt_unsubscribe false"]) + "\n")
        self.process = self.spawn(["/usr/sbin/mosquitto", "-c", conf], name + ".log")
        self.eventually(lambda: wait.listening(port), "the broker listens")
        return port

    def delivers(self, port, **destination):
        self.config["mqtt"]["main"] = config.broker(
            port, servers=["mqtts://localhost:%d" % port], **destination)
        self.gateway.start()
        value = self.server[1].last("holding", 0) + 2
        self.await_value("c00", value)
        status = self.destination()
        self.assertEqual(0, self.gateway.stop())
        return status

    def refused(self, url, **destination):
        """The error that the status tells."""
        self.config["mqtt"]["main"] = config.broker(0, servers=[url], **destination)
        self.gateway.start()
        self.eventually(lambda: "error" in self.destination(), "the refusal is told")
        status = self.destination()
        self.assertFalse(status["connected"])
        self.assertEqual(0, self.gateway.stop())
        return status["error"]

    def plain(self, authority, broker, key):
        return ["cafile " + authority, "certfile " + broker, "keyfile " + key]

    def test_certificates_and_keys(self):
        authority, stranger = self.authority("authority"), self.authority("stranger")
        broker, broker_key = self.certificate(
            "authority", "broker", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        named, named_key = self.certificate("authority", "named", "subjectAltName=DNS:localhost")
        client, client_key = self.certificate("authority", "client", "extendedKeyUsage=clientAuth")
        self.counters(1)
        plain = self.plain(authority, broker, broker_key)
        with_ca = self.secure_broker("with-ca", *plain)
        known = self.delivers(with_ca, ca_file=authority)["certificates"]
        self.assertEqual(["broker", "authority"], [c["of"] for c in known])
        self.assertFalse([c for c in known if "warning" in c])
        self.delivers(self.secure_broker("with-12", *plain, "tls_version tlsv1.2"),
                      ca_file=authority)

        with_client = self.secure_broker("with-client", *plain, "require_certificate true")
        known = self.delivers(with_client, ca_file=authority, cert_file=client,
                              key_file=client_key)["certificates"]
        self.assertEqual(["broker", "authority", "client"], [c["of"] for c in known])
        self.assertIn("asks for a client certificate",
                      self.refused("mqtts://localhost:%d" % with_client, ca_file=authority))
        self.assertIn("key values mismatch", self.refused(
            "mqtts://localhost:%d" % with_client, ca_file=authority, cert_file=client,
            key_file=broker_key))

        keys = self.write("psk", "# ours\nother:00\ngateway:%s\n" % KEY)
        with_psk = self.secure_broker(
            "with-psk", "psk_hint hint", "psk_file " + self.write("keys", "gateway:%s\n" % KEY))
        self.delivers(with_psk, psk_identity="gateway", psk_file=keys)
        # Whoever has no key cannot be the broker, whatever certificate it shows.
        self.refused("mqtts://localhost:%d" % with_ca, psk_identity="gateway", psk_file=keys)
        self.assertEqual([], self.welcomed("with-ca")[2:])

        # The name in the certificate is checked as well as its signature; an address is a name.
        self.assertIn("certificate 'authority' is not accepted: self-signed",
                      self.refused("mqtts://localhost:%d" % with_ca, ca_file=stranger))
        only_name = self.secure_broker("named", *self.plain(authority, named, named_key))
        self.assertIn("IP address mismatch",
                      self.refused("mqtts://127.0.0.1:%d" % only_name, ca_file=authority))
        self.config["mqtt"]["main"] = config.broker(
            0, servers=["mqtts://127.0.0.1:%d" % with_ca], ca_file=authority)
        self.gateway.start()
        self.eventually(lambda: self.destination().get("connected"), "by its address")
        self.assertEqual(0, self.gateway.stop())
        self.assertNotIn(KEY, self.gateway.log())

    def welcomed(self, name):
        with open(self.path(name + ".log"), errors="replace") as f:
            return [line for line in f if "New client connected" in line]

    def test_certificates_end(self):
        """Soon: told while it works. Ended, or another's: told, and nothing goes out."""
        authority = self.authority("authority", days=10)
        broker, key = self.certificate("authority", "broker", "subjectAltName=DNS:localhost")
        ended, _ = self.certificate("authority", "ended", "subjectAltName=DNS:localhost",
                                    "-days", "-1")
        other = self.authority("other")
        strange, strange_key = self.certificate("other", "strange",
                                                "subjectAltName=DNS:localhost")
        self.counters(1)
        port = self.secure_broker("secure", *self.plain(authority, broker, key))
        url = "mqtts://localhost:%d" % port
        self.config["mqtt"]["main"] = config.broker(0, servers=[url], ca_file=authority)
        self.config["notices"] = {"certificate_expiring": True}
        self.gateway.start()
        self.await_value("c00", 3)
        soon = {c["of"]: (c["days_left"], "warning" in c)
                for c in self.destination()["certificates"]}
        self.assertEqual({"broker": (299, False), "authority": (9, True)}, soon)
        self.eventually(lambda: "the certificate of the authority ends" in self.gateway.log(),
                        "the log tells")
        self.eventually(lambda: "the authority's certificate ends then" in
                        self.gateway.ctl("notice", "list").stdout, "consumers are told")
        table = [line for line in self.gateway.ctl("status").stdout.splitlines()
                 if line.startswith("authority ")]
        self.assertEqual(1, len(table))
        self.assertIn("main", table[0])

        # It shows another's certificate from now on: who that is, is not known.
        for source, target in ((strange, broker), (strange_key, key)):
            os.replace(source, target)
        self.process.send_signal(signal.SIGHUP)
        self.end(self.process)
        process = self.spawn(["/usr/sbin/mosquitto", "-c", self.path("secure.conf")], "again.log")
        self.eventually(lambda: "'strange' is not accepted" in self.destination().get("error", ""),
                        "the change is told", 20)
        backlog = self.destination()["backlog"]
        self.eventually(lambda: self.destination()["backlog"] > backlog, "readings wait")
        self.assertEqual(0, self.end(process))
        os.replace(ended, broker)
        os.replace(self.path("ended.key"), key)
        self.spawn(["/usr/sbin/mosquitto", "-c", self.path("secure.conf")], "ended.log")
        self.eventually(lambda: "certificate has expired" in self.destination().get("error", ""),
                        "the end is told", 20)
        self.assertEqual(0, self.gateway.stop())
        self.assertEqual(1, self.gateway.log().count("the certificate of the authority ends"))

    def destination(self):
        return next(iter(self.gateway.status().get("destinations", [])), {})


if __name__ == "__main__":
    unittest.main()
