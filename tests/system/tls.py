#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""TLS to the broker: a certificate authority, a client certificate, a pre-shared key; and an
authority that is not the broker's, which is told and never overruled."""
import time
import unittest

from lib import config, wait
from lib.bench import Scene
from lib.subscriber import Subscriber

KEY = "0123456789abcdef0123456789abcdef"


class Tls(Scene):
    def openssl(self, *arguments):
        done = self.run_program(["openssl", *arguments])
        self.assertEqual(0, done.returncode, done.stderr)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                     "-nodes", "-keyout", self.path(name + ".key"), "-out",
                     self.path(name + ".pem"), "-days", "2", "-subj", "/CN=" + name)
        return self.path(name + ".pem")

    def certificate(self, authority, name, extension):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"),
                     "-subj", "/CN=" + name)
        self.openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA",
                     self.path(authority + ".pem"), "-CAkey", self.path(authority + ".key"),
                     "-CAcreateserial", "-out", self.path(name + ".pem"), "-days", "2",
                     "-extfile", self.write(name + ".ext", extension + "\n"))
        return self.path(name + ".pem"), self.path(name + ".key")

    def secure_broker(self, name, *lines):
        """A second listener that gives what it gets to the first broker's subscriber too."""
        port = wait.free_port()
        conf = self.write(name + ".conf", "\n".join(
            ["listener %d 127.0.0.1" % port, "user root", "allow_anonymous true", *lines,
             "connection onward", "address 127.0.0.1:%d" % self.broker.port,
             "topic # out 1", "bridge_attempt_unsubscribe false"]) + "\n")
        self.spawn(["/usr/sbin/mosquitto", "-c", conf], name + ".log")
        self.eventually(lambda: wait.listening(port), "the broker listens")
        return port

    def delivers(self, port, **destination):
        self.config["mqtt"]["main"] = config.broker(
            port, servers=["mqtts://localhost:%d" % port], **destination)
        self.gateway.start()
        value = self.server[1].last("holding", 0) + 2
        self.await_value("c00", value)
        self.assertEqual(0, self.gateway.stop())

    def test_certificates_and_keys(self):
        authority, stranger = self.authority("authority"), self.authority("stranger")
        broker, broker_key = self.certificate("authority", "broker", "subjectAltName=DNS:localhost")
        client, client_key = self.certificate("authority", "client", "extendedKeyUsage=clientAuth")
        self.counters(1)
        plain = ["cafile " + authority, "certfile " + broker, "keyfile " + broker_key]
        with_ca = self.secure_broker("with-ca", *plain)
        self.delivers(with_ca, ca_file=authority)

        with_client = self.secure_broker("with-client", *plain, "require_certificate true")
        self.delivers(with_client, ca_file=authority, cert_file=client, key_file=client_key)

        with_psk = self.secure_broker(
            "with-psk", "psk_hint hint", "psk_file " + self.write("keys", "gateway:%s\n" % KEY))
        self.delivers(with_psk, psk_identity="gateway",
                      psk_file=self.write("psk", "# ours\nother:00\ngateway:%s\n" % KEY))

        # The name in the certificate is checked as well as its signature.
        for host, ca in (("localhost", stranger), ("127.0.0.1", authority)):
            self.config["mqtt"]["main"] = config.broker(
                with_ca, servers=["mqtts://%s:%d" % (host, with_ca)], ca_file=ca)
            self.gateway.start()
            self.eventually(lambda: "error" in self.destination(), "the refusal is told")
            self.assertFalse(self.destination()["connected"])
            self.assertGreaterEqual(self.destination()["backlog"], 0)
            self.assertEqual(0, self.gateway.stop())
        self.assertNotIn(KEY, self.gateway.log())

    def destination(self):
        return next(iter(self.gateway.status().get("destinations", [])), {})


if __name__ == "__main__":
    unittest.main()
