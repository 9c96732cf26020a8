# SPDX-License-Identifier: EUPL-1.2
"""A client of the gateway's web server, which lets errors be answers like others."""
import json
import socket
import urllib.error
import urllib.request

ASKED = 100     # requests of a client that reads none of the answers


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


def get(port, path, method="GET", timeout=20, **headers):
    request = urllib.request.Request(
        "http://127.0.0.1:%d%s" % (port, path), method=method,
        headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as r:
            return Answer(r.status, r.headers, r.read())
    except urllib.error.HTTPError as e:
        with e:
            return Answer(e.code, e.headers, e.read())


def ask_slowly(port, path):
    """A client that has asked for more than sockets hold and reads nothing of it: its socket."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", port))
    s.setblocking(False)
    s.send(("GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path).encode() * ASKED)
    return s


def metrics(text):
    """{(name, label, …): value} by a parser that is not ours; labels as (key, value)."""
    from prometheus_client.parser import text_string_to_metric_families
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found
