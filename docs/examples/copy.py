#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""copy.py HOST PORT PREFIX FILE: a copy of all that gateways tell, without gaps, in SQLite.
copy.py --check FILE: whether it is complete, point by point.

How it misses nothing and counts nothing twice:
- A session of its own (client id, session expiry): the broker keeps what comes while it is away.
  The id is made once and kept in the file: two clients with one id throw each other out for ever.
- QoS 1, and a message is acknowledged only after it is committed: paho acknowledges when
  on_message() returns, so the commit stands in it. What a crash cut short comes again.
- `id` is the key: what comes twice is one row, whether the broker or the gateway repeats it.
- A correction (`replaces`) is a row of its own; the view `readings` leaves out what was replaced.
- Accounts and gaps are kept too: with them --check adds up what was scheduled.
Needs python3-paho-mqtt."""
import json
import sqlite3
import sys
import uuid

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

SCHEMA = """
CREATE TABLE IF NOT EXISTS told (
    id TEXT PRIMARY KEY,            -- gateway:number
    gateway TEXT NOT NULL, seq INTEGER NOT NULL,
    kind TEXT NOT NULL,             -- obs, hourly and so on, gaps, account
    station TEXT, point TEXT, time TEXT, value, qc INTEGER, replaces TEXT,
    json TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS told_of_point ON told (kind, station, point, time);
CREATE TABLE IF NOT EXISTS notices (id TEXT PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS session (client TEXT NOT NULL);
CREATE VIEW IF NOT EXISTS readings AS
    SELECT * FROM told AS t WHERE kind = 'obs' AND NOT EXISTS
        (SELECT 1 FROM told AS c WHERE c.replaces = t.id AND c.kind = 'obs');
"""
PERIODS = ("hourly", "running-8h", "running-24h", "daily", "daily-max-8h")
WEEK_S = 7 * 24 * 3600


def open_copy(path):
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")         # what is acknowledged is on the disk
    db.executescript(SCHEMA)
    return db


def client_id(db):
    """Of this copy, always the same."""
    with db:
        db.execute("INSERT INTO session SELECT ? WHERE NOT EXISTS (SELECT * FROM session)",
                   ("copy-" + uuid.uuid4().hex[:16],))
    return db.execute("SELECT client FROM session").fetchone()[0]


def store(db, kind, told):
    gateway, seq = told["id"].rsplit(":", 1)
    db.execute("INSERT OR IGNORE INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
               (told["id"], gateway, int(seq), kind, told["station"], told.get("point"),
                told.get("time") or told["to"], told.get("value"), told.get("qc"),
                told.get("replaces"), json.dumps(told)))


def keep(db, topic, payload):
    """All that one message tells, in one transaction."""
    if not payload:
        return
    told, last = json.loads(payload), topic.rsplit("/", 1)[1]
    with db:
        if last == "notices":
            for n in told["notices"]:
                db.execute("INSERT OR REPLACE INTO notices VALUES (?, ?)",
                           (n["id"], json.dumps(n)))
        elif "/gateways/" in topic:
            store(db, last, told)                   # gaps, account
        elif isinstance(told, list):                # batch: readings of one device
            for reading in told:
                store(db, "obs", reading)
        else:
            store(db, topic.rsplit("/", 4)[1], told)


def follow(host, port, prefix, path):
    db = open_copy(path)
    topics = ["%s/%s/#" % (prefix, kind) for kind in ("obs", "batch", *PERIODS)]
    topics += ["%s/gateways/+/%s" % (prefix, what) for what in ("gaps", "account", "notices")]
    client = mqtt.Client(client_id=client_id(db), protocol=mqtt.MQTTv5)
    client.on_connect = lambda c, *_: c.subscribe([(topic, 1) for topic in topics])
    client.on_message = lambda _client, _data, m: keep(db, m.topic, m.payload)
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = WEEK_S
    client.connect(host, int(port), clean_start=False, properties=session)
    client.loop_forever()


def check(path):
    """scheduled = readings + suppressed + gaps, for each point, up to the newest account. A copy
    that began later than the gateway has fewer readings of its first hour than were scheduled."""
    db = open_copy(path)
    accounts = {}
    for (text,) in db.execute("SELECT json FROM told WHERE kind = 'account'"):
        told = json.loads(text)
        for point, line in told["points"].items():
            sums = accounts.setdefault((told["station"], point), [0, 0, ""])
            sums[0] += line["scheduled"]
            sums[1] += line["suppressed"]
            sums[2] = max(sums[2], told["to"])
    faults = 0
    for (station, point), (scheduled, suppressed, until) in sorted(accounts.items()):
        (readings,) = db.execute(
            "SELECT count(*) FROM told WHERE kind = 'obs' AND station = ? AND point = ? "
            "AND qc <> 9 AND replaces IS NULL AND time < ?", (station, point, until)).fetchone()
        gaps = sum(json.loads(text)["count"] for (text,) in db.execute(
            "SELECT json FROM told WHERE kind = 'gaps' AND station = ? AND point = ? "
            "AND time < ?", (station, point, until)))
        missing = scheduled - readings - suppressed - gaps
        faults += missing != 0
        print("%s/%s: scheduled %d = %d readings + %d suppressed + %d in gaps%s" % (
            station, point, scheduled, readings, suppressed, gaps,
            "" if missing == 0 else "; %+d unexplained" % missing))
    return 1 if faults else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"] and len(sys.argv) == 3:
        sys.exit(check(sys.argv[2]))
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    follow(*sys.argv[1:])
