# SPDX-License-Identifier: EUPL-1.2
"""Waiting for conditions, and ports."""
import random
import socket
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


def free_port():
    """Free for TCP and UDP, and below the ports that the kernel hands out by itself."""
    while True:
        port = random.randrange(12000, 30000)
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as s:
                    s.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue


def listening(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5):
            return True
    except OSError:
        return False
