# SPDX-License-Identifier: EUPL-1.2
"""An authority and a server's certificate for localhost, made by openssl."""


def make(test, folder):
    """ca.pem, broker.pem and broker.key in the folder of the test; the path of the folder."""
    def openssl(*arguments):
        done = test.run_program(["openssl", *arguments])
        test.assertEqual(0, done.returncode, done.stderr)

    at = test.path(folder)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", at + "/ca.key", "-out", at + "/ca.pem", "-days", "2",
            "-subj", "/CN=authority")
    openssl("req", *curve, "-keyout", at + "/broker.key", "-out", at + "/broker.csr", "-subj",
            "/CN=localhost")
    openssl("x509", "-req", "-in", at + "/broker.csr", "-CA", at + "/ca.pem", "-CAkey",
            at + "/ca.key", "-CAcreateserial", "-out", at + "/broker.pem", "-days", "2", "-extfile",
            test.write(folder + "/ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\n"))
    return at
