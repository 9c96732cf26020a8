#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The tables of defaults in docs/quality.md against the code: each limit that stands in the code is
there, with the same figures and with a source, or with the word that it is our choice."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / "gateway" / "config"
DOMAINS = {"ANY": ("air", "weather", "water", "bathing"), "DRY": ("air", "weather"),
           "WET": ("water", "bathing"), "1u << FG_DOMAIN_WATER": ("water",),
           "1u << FG_DOMAIN_BATHING": ("bathing",)}
SOURCE = re.compile(r"our choice|WMO-No\. 8|ContDataQC|PSS-78|definition|ioos_qc|IEC 60751|EN ")
# Which keys a file has, and how docs/quality.md calls what they belong to.
KEYS = {"keys_rules.c": {"fg_keys_rule": "rules.*."},
        "keys_events.c": {"fg_keys_report": "report.", "fg_keys_alarm": "alarm."},
        "keys_qc.c": {"spike_keys": "spike.", "attenuated_keys": "attenuated_signal.",
                      "climate_keys": "climatology."},
        "hourly.c": {"fg_keys_hourly": "hourly.*."}}
# "season: any" is no limit: whoever says nothing says when otherwise.
NO_LIMIT = {"climatology.season"}


def rows(heading):
    text = (ROOT / "docs" / "quality.md").read_text()
    lines = text[text.index(heading):].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def number(text):
    return float(text.replace("−", "-"))


def pair(text):
    return None if text == "–" else tuple(number(t) for t in text.split(" to "))


def told():
    """(property, domain, test) as the table has them: its figures."""
    limits = {}
    for names, domains, fail, suspect, _source in rows("| Property | Domain |"):
        test = "spike" if names.endswith(", spike") else "gross_range"
        figures = ((number(fail), number(suspect)) if test == "spike"
                   else (pair(fail), pair(suspect)))
        for name in re.findall(r"`(\w+)`", names):
            for domain in DOMAINS["ANY"] if domains == "all" else domains.split(", "):
                assert (name, domain, test) not in limits, (name, domain, "twice")
                limits[name, domain, test] = figures
    return limits


def coded():
    """The same as gateway/config/qc_defaults.c has them."""
    limits = {}
    text = (CONFIG / "qc_defaults.c").read_text()
    table = text[text.index("} defaults[] = {"):]
    table = table[:table.index("\n};")]
    found = re.findall(r'\{"(\w+)", ([^,]+), (\{[^}]*\}), (NONE|\{[^}]*\}), \{([^}]*)\}\}', table)
    assert len(found) == table.count('{"'), "a row is written otherwise"
    for name, domains, fail, suspect, spike in found:
        def numbers(t):
            return None if t == "NONE" else tuple(float(n) for n in t.strip("{}").split(", "))
        for domain in DOMAINS[domains]:
            limits[name, domain, "gross_range"] = (numbers(fail), numbers(suspect))
            if spike != "0":
                limits[name, domain, "spike"] = tuple(reversed(numbers(spike)))
    return limits


def defaults_of_keys():
    """NAME of each key that has a default, and the default."""
    for file, tables in KEYS.items():
        text = (CONFIG / file).read_text()
        for table, before in tables.items():
            part = text[text.index(table + "[] = {"):]
            part = part[:part.index("\n};")]
            for entry in re.split(r"\n\t\{", part)[1:]:
                name = re.match(r'"(\w+)"', entry)
                default = re.search(r'\.dflt = "([^"]*)"', entry)
                if name and default and before + name.group(1) not in NO_LIMIT:
                    yield before + name.group(1), default.group(1)


def defaults_of_derivations():
    """The same of what quality/derivation.c works with where nothing is said."""
    text = (ROOT / "quality" / "derivation.c").read_text()
    value = dict(re.findall(r"#define (\w+)\s+([\d.]+)\n", text))
    for name, default in re.findall(r'\{"(\w+)", "[^"]*",\s*\.dflt = ([\w.]+)', text):
        if default != "NEEDED":
            yield "derive." + name, value.get(default, default)


class Defaults(unittest.TestCase):
    maxDiff = None

    def test_limits(self):
        self.assertEqual(coded(), told())
        self.assertGreater(len(coded()), 60)

    def test_keys(self):
        table = {name.strip("`"): default for name, default, _ in rows("| Key | Default |")}
        known = list(defaults_of_keys()) + list(defaults_of_derivations())
        self.assertGreater(len(known), 15)
        for name, default in known:
            self.assertIn(name, table)
            self.assertIn(default, re.split(r", | of \w+,? ?", table[name]), name)

    def test_each_has_a_source(self):
        for row in rows("| Property | Domain |") + rows("| Key | Default |"):
            self.assertRegex(row[-1], SOURCE, row[0])


if __name__ == "__main__":
    unittest.main()
