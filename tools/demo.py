#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The running part of ./demo: a broker, simulated sensors, the gateway and a subscriber, all on
loopback, with everything they write under build/demo/run."""
import argparse
import ctypes
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUN = ROOT / "build" / "demo" / "run"
FIRST_PORT = 18830      # as etc/demo.yaml and etc/fjordsim.yaml have it
PORTS = 5               # from there on
QUALITY = {1: "pass", 2: "not evaluated", 3: "suspect", 4: "fail", 9: "missing"}
COLOUR = {1: "32", 3: "33", 4: "31", 9: "31"}
PR_SET_PDEATHSIG = 1


class Fault(Exception):
    """The demo cannot go on; the text says why."""


class Interrupted(Exception):
    """The person at the terminal ends it."""


def duration_s(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def log_of(name):
    return RUN / (name + ".log")


def tail(name, lines=5):
    try:
        return "\n".join(log_of(name).read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


class Crew:
    """The processes of the demo, ended in the reverse order of their start. Each has a session of
    its own, so that Ctrl-C reaches only us and we decide on the order."""

    def __init__(self):
        self.running = []

    def start(self, name, argv, **more):
        with open(log_of(name), "ab") as log:
            more.setdefault("stdout", log)
            process = subprocess.Popen(
                [str(a) for a in argv], stdin=subprocess.DEVNULL, stderr=log, cwd=RUN,
                start_new_session=True, preexec_fn=die_with_parent, **more)
        self.running.append((name, process))
        return process

    def check(self):
        for name, process in self.running:
            if process.poll() is not None:
                raise Fault("%s ended with %s:\n%s" % (name, process.returncode, tail(name)))

    def wait_for(self, what, condition, seconds=10):
        end = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > end:
                raise Fault("%s is not there after %d s" % (what, seconds))
            time.sleep(0.05)

    def end(self):
        """Ends all; the names of those that did not end cleanly."""
        unclean = []
        for name, process in reversed(self.running):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if name == "fjordgate" and process.returncode != 0:
                unclean.append("%s ended with %s:\n%s" % (name, process.returncode, tail(name)))
        self.running = []
        return unclean


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5):
            return True
    except OSError:
        return False


def check_ports(base):
    for port in range(base, base + PORTS):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
                try:
                    s.bind(("127.0.0.1", port))
                except OSError as error:
                    raise Fault("port %d: %s; choose others with --port-base" %
                                (port, error.strerror))


def lay_down(name, base):
    """A copy of etc/NAME with the ports of this run."""
    text = (ROOT / "etc" / name).read_text()
    for i in range(PORTS):
        text = re.sub(r"\b%d\b" % (FIRST_PORT + i), "@port%d@" % i, text)
    for i in range(PORTS):
        text = text.replace("@port%d@" % i, str(base + i))
    path = RUN / name
    path.write_text(text)
    return path


def topics_of(config):
    """{topic: device} of every point of the configuration."""
    prefix = next(iter(config["mqtt"].values()))["prefix"]
    return {"%s/obs/%s/%s/%s" % (prefix, device["domain"], device["station"], point): name
            for name, device in config["devices"].items() for point in device["points"]}


def start_all(crew, programs, base):
    config = lay_down("demo.yaml", base)
    sim_config = lay_down("fjordsim.yaml", base)
    (RUN / "mosquitto.conf").write_text(
        "listener %d 127.0.0.1\nallow_anonymous true\npersistence false\n" % base)
    broker = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    crew.start("mosquitto", [broker, "-c", RUN / "mosquitto.conf"])
    crew.wait_for("the broker", lambda: answers(base))
    crew.start("fjordsim", [programs["fjordsim"], "-c", sim_config])
    serial = [RUN / link["device"] for link in yaml.safe_load(config.read_text())["links"].values()
              if "device" in link]
    crew.wait_for("the simulator",
                  lambda: answers(base + 1) and all(path.exists() for path in serial))
    subscriber = crew.start(
        "mosquitto_sub", ["mosquitto_sub", "-h", "127.0.0.1", "-p", base, "-V", "5", "-q", "1",
                          "-t", "+/obs/#", "-F", "%t %p"],
        stdout=subprocess.PIPE)
    crew.start("fjordgate", [programs["fjordgate"], "-c", config])
    print("demo: to look closer, in another terminal: %s -c %s status\n"
          "demo: the status page: http://127.0.0.1:%d/" %
          (os.path.relpath(programs["fjordctl"]), os.path.relpath(config), base + 4),
          file=sys.stderr, flush=True)
    return config, subscriber


def show(topic, reading, colour):
    value = reading["value"]
    text = "-" if value is None else "%s %s" % (json.dumps(value), reading.get("unit", ""))
    quality = QUALITY.get(reading["qc"], str(reading["qc"]))
    if reading.get("reason"):
        quality += " (%s)" % reading["reason"]
    if colour and reading["qc"] in COLOUR:
        quality = "\033[%sm%s\033[0m" % (COLOUR[reading["qc"]], quality)
    print("%-13s %-8s %-14s %-20s %18s  %s" % (
        reading["time"][11:-1], topic.split("/")[2], reading["station"], reading["point"],
        text, quality), flush=True)


def watch(crew, subscriber, end, colour):
    """Prints readings until `end` or Ctrl-C; returns the topics of those that arrived."""
    arrived, pending = set(), b""
    print("%-13s %-8s %-14s %-20s %18s  %s" %
          ("TIME (UTC)", "DOMAIN", "STATION", "POINT", "VALUE", "QUALITY"), flush=True)
    try:
        while end is None or time.monotonic() < end:
            left = 0.5 if end is None else max(0, min(0.5, end - time.monotonic()))
            if not select.select([subscriber.stdout], [], [], left)[0]:
                crew.check()
                continue
            chunk = os.read(subscriber.stdout.fileno(), 65536)
            if not chunk:
                crew.check()
                raise Fault("the subscriber ended:\n" + tail("mosquitto_sub"))
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                topic, _, payload = line.decode().partition(" ")
                reading = json.loads(payload)
                if reading["qc"] != 9:
                    arrived.add(topic)
                show(topic, reading, colour)
    except Interrupted:
        pass
    except BrokenPipeError:     # as in ./demo | head: nobody reads on, the order of the end stays
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return arrived


def totals(programs, config):
    """What the gateway counted, if possible at a moment when nothing is under way."""
    for _ in range(40):
        result = subprocess.run(
            [programs["fjordctl"], "-c", config, "status", "--json"], capture_output=True,
            text=True, timeout=10)
        if result.returncode != 0:
            raise Fault("fjordctl status ended with %d: %s" %
                        (result.returncode, result.stderr.strip()))
        counts = json.loads(result.stdout)["totals"]
        if counts["acknowledged"] >= counts["polled"]:
            break
        time.sleep(0.1)
    return counts


def summary(counts, expected, arrived):
    """Prints it; returns the exit status."""
    print()
    for name in ("polled", "stored", "published", "acknowledged"):
        print("%-13s %8d" % (name, counts[name]))
    missing = sorted(set(expected) - arrived)
    print("%-13s %8s" % ("points", "%d of %d" % (len(expected) - len(missing), len(expected))))
    for topic in missing:
        print("nothing arrived from device '%s': %s" % (expected[topic], topic))
    return 1 if missing else 0


def find_programs(folder):
    found = {}
    for name in ("fjordgate", "fjordctl", "fjordsim"):
        paths = [p for p in pathlib.Path(folder).resolve().rglob(name) if p.is_file()]
        if not paths:
            raise Fault("no program %s below %s" % (name, folder))
        found[name] = paths[0]
    return found


def on_signals(handler):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def interrupt(*_):
    on_signals(signal.SIG_IGN)
    raise Interrupted


def run(options, crew):
    programs = find_programs(options.programs)
    check_ports(options.port_base)
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    config, subscriber = start_all(crew, programs, options.port_base)
    expected = topics_of(yaml.safe_load(config.read_text()))
    end = None if options.duration is None else time.monotonic() + options.duration
    arrived = watch(crew, subscriber, end, sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    on_signals(signal.SIG_IGN)      # a further Ctrl-C must not cut the summary short
    counts = totals(programs, config)
    unclean = crew.end()
    status = summary(counts, expected, arrived)
    if unclean:
        raise Fault("\n".join(unclean))
    return status


def main():
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--programs", required=True)
    parser.add_argument("--for", dest="duration", type=duration_s)
    parser.add_argument("--port-base", type=int, default=FIRST_PORT)
    options = parser.parse_args()
    on_signals(interrupt)
    crew = Crew()
    try:
        return run(options, crew)
    except Interrupted:
        print("demo: ended before it was running", file=sys.stderr)
        return 1
    except Fault as fault:
        print("demo: %s" % fault, file=sys.stderr)
        return 1
    finally:
        crew.end()


sys.exit(main())
