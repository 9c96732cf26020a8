# SPDX-License-Identifier: EUPL-1.2
"""Configurations of the system tests, as dictionaries (written as JSON, which is valid YAML)."""
GATEWAY, STATION, PREFIX = "test-01", "quay", "town"


def base(port, **destination):
    """A gateway with one station and one destination, and nothing to poll yet. It keeps its files
    beside its configuration."""
    return {
        "gateway": {"id": GATEWAY, "title": "Test", "operator": "Test kommune",
                    "contact": "https://www.example.no/", "licence": "NLOD-2.0"},
        "stations": {STATION: {"title": "The quay",
                               "position": {"latitude": 59.74, "longitude": 10.2}}},
        "storage": {"file": "readings.db", "commit_interval": "200ms"},
        "mqtt": {"main": broker(port, **destination)},
        "clock": {"trust": "always"},
        "control": {"socket": "control.sock"},
        "links": {},
        "devices": {},
    }


def broker(port, **more):
    return {"servers": ["mqtt://127.0.0.1:%d" % port], "prefix": PREFIX, "will_delay": "0s", **more}


def modbus_device(link, unit, interval, points, **more):
    """With more time for an answer than the busiest machine needs, unless `more` says else."""
    return {"station": STATION, "domain": "water", "link": link, "unit_id": unit,
            "interval": interval, "timeout": "5s", "retries": 0, "points": points, **more}


def coap_device(link, interval, points, **more):
    return {"station": STATION, "domain": "air", "link": link, "interval": interval,
            "points": points, **more}


def register(address, **more):
    """A point whose property has no say in the value; where it is another than u16, more says."""
    return {"property": "x_test", "unit": "1", "table": "holding", "address": address,
            "type": "u16", **more}


def status_topic(what="status"):
    return "%s/gateways/%s/%s" % (PREFIX, GATEWAY, what)


def reading_topic(domain, point):
    return "%s/obs/%s/%s/%s" % (PREFIX, domain, STATION, point)
