# SPDX-License-Identifier: EUPL-1.2
"""Waiting for conditions, and ports."""
import fcntl
import os
import random
import socket
import tempfile
import time


# Times of tests are what an idle machine would need at most: one with sanitizers and others beside
# it gets a multiple. Only a test that fails takes longer for it.
PATIENCE = 3


def wait_for(condition, seconds=10, step=0.02):
    """condition() as soon as it is true, or its last value when the time is over."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value or time.monotonic() >= end:
            return value
        time.sleep(step)


_reserved, _taken = [], set()


def reserve(number):
    """Whether no other test of this machine and user has that number, which is then ours until
    this process ends."""
    if not _reserved:
        path = os.path.join(tempfile.gettempdir(), "fjordgate-test-ports-%d" % os.getuid())
        _reserved.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    if number in _taken:
        return False
    try:
        fcntl.lockf(_reserved[0], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
    except OSError:
        return False
    _taken.add(number)
    return True


def _is_free(port):
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as s:
                s.bind(("127.0.0.1", port))
        return reserve(port)
    except OSError:
        return False


def free_port(count=1):
    """The first of so many in a row, free for TCP and UDP and below those that the kernel hands out
    by itself. It is bound later, so no other test is given it meanwhile."""
    while True:
        port = random.randrange(12000, 30000)
        if all(_is_free(port + i) for i in range(count)):
            return port


def listening(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5):
            return True
    except OSError:
        return False
