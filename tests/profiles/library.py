#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""library.py SOURCE: the library as a whole. Each profile has a case file and the other way
round; each says what it is, where that is from and what is not known; and docs/profiles.md lists
exactly these. `library.py SOURCE --table` prints the table for docs/profiles.md."""
import re
import sys
from pathlib import Path

import yaml

SAYS = ["title", "vendor", "model", "source", "confidence", "not_verified"]
NONE_FOUND = "no independent worked example was found"
BEGIN, END = "<!-- library -->\n", "<!-- end of library -->\n"


def tree_of(path):
    return yaml.load(path.read_text(), Loader=yaml.BaseLoader)


def meta_of(path):
    return tree_of(path).get("profile") or {}


def points_of(path):
    tree = tree_of(path)
    over = tree["profile"].get("extends")
    points = points_of(path.parent / f"{over}.yaml") if over else {}
    for name, keys in (tree.get("points") or {}).items():
        if keys in ("~", "null", ""):
            points.pop(name, None)
        else:
            points[name] = {**(points.get(name) or {}), **keys}
    return points


def measured(path):
    """The properties of a profile, those of its own without x_."""
    names = {keys.get("property") or re.sub(r"_?\{n\}", "", name)
             for name, keys in points_of(path).items()}
    return ", ".join(sorted(n.removeprefix("x_").replace("_", " ") for n in names))


def row(path):
    m = meta_of(path)
    tested = "worked example" if m.get("example") else "register map"
    cells = [f"`{path.stem}`", f"{m['vendor']} {m['model']}", measured(path), m["confidence"],
             tested]
    return f"| {' | '.join(cells)} |\n"


def table(profiles):
    head = "| profile | instrument | measures | confidence | tested against |\n"
    return head + "|---|---|---|---|---|\n" + "".join(row(p) for p in profiles)


def check_profile(path, cases):
    meta = meta_of(path)
    for key in SAYS:
        if not meta.get(key):
            yield f"{path.name}: profile.{key} is missing"
    lines = cases.read_text().splitlines()
    if bool(meta.get("example")) != ("example" in lines):
        yield f"{path.name}: profile.example and 'example' in {cases.name} go together"
    if not meta.get("example") and NONE_FOUND not in path.read_text():
        yield f"{path.name}: neither an example nor the words '{NONE_FOUND}'"


def check(root, profiles, cases):
    for name in sorted({p.stem for p in profiles} ^ {c.stem for c in cases}):
        yield f"{name}: there is a profile or a case file, not both"
    for path in profiles:
        of = root / "tests/profiles" / f"{path.stem}.case"
        if of.exists():
            yield from check_profile(path, of)
    text = (root / "docs/profiles.md").read_text()
    if text[text.find(BEGIN) + len(BEGIN):text.find(END)] != table(profiles):
        yield "docs/profiles.md: the table is not the library's; library.py . --table prints it"


def main():
    root = Path(sys.argv[1])
    profiles = sorted((root / "etc/profiles").glob("*.yaml"))
    if "--table" in sys.argv:
        print(table(profiles), end="")
        return 0
    faults = list(check(root, profiles, sorted((root / "tests/profiles").glob("*.case"))))
    print("\n".join(faults) or f"{len(profiles)} profiles")
    return 1 if faults or not profiles else 0


sys.exit(main())
