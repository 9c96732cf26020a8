#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""mutate.py BUILD [--file NAME]… [--sample N --seed S] [--jobs N] [--survivors FILE]

Changes each comparison, operator and number of quality/*.c in turn and runs the unit tests of
quality/ against it: a change that no test notices is a survivor. Survivors that are explained in
explained.txt are counted apart; any other one, and any explanation that no longer holds, fails.

BUILD is a configured and built tree of Ninja. A changed file is compiled alone and linked before
the archive that holds its original, so that nothing of the tree is touched."""
import argparse
import concurrent.futures
import json
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIMIT_S = 60  # a change that makes a loop endless is noticed by it

COMPARE = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
           "==": ("!=",), "!=": ("==",)}
OTHER = {"&&": ("||",), "||": ("&&",), "+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",),
         "%": ("*",), "+=": ("-=",), "-=": ("+=",), "*=": ("/=",), "/=": ("*=",)}
OPERATOR = re.compile(r"(?<= )(<=|>=|==|!=|&&|\|\||[-+*/]=|[<>+*/%-])(?=[ \n])")
NUMBER = re.compile(
    r"(?<![\w.\"])(0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?)([uUlLfF]*)(?![\w.])")

EXTENT = re.compile(r"\b(?:double|int|char|bool|struct \w+|enum \w+|\w+_t)\s+\w+\[$")


def masked(text):
    """The text with comments, strings and preprocessor lines blanked, alike in length."""
    def blank(found):
        return re.sub(r"[^\n]", "\0", found.group())
    return re.sub(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|^#[^\n]*", blank, text,
                  flags=re.S | re.M)


def changed_number(number, suffix):
    if number.lower().startswith("0x"):
        return "%#x%s" % (int(number, 16) + 1, suffix)
    if re.fullmatch(r"\d+", number):
        return "%d%s" % (int(number) + 1, suffix)
    value = float(number)
    return "%r%s" % (value * 1.01 if value else 0.01, suffix)


class Mutant:
    def __init__(self, path, text, start, end, new):
        line = text.rfind("\n", 0, start) + 1
        self.path, self.name, self.start = path, os.path.basename(path), start
        self.number = text.count("\n", 0, start) + 1
        self.text = text[:start] + new + text[end:]
        self.line = text[line:(text + "\n").find("\n", line)].strip()
        nth = text[line:start].count(text[start:end]) + 1
        self.what = "%s -> %s%s" % (text[start:end], new, "" if nth == 1 else " (%d)" % nth)

    def key(self):
        return "%s | %s | %s" % (self.name, self.line, self.what)


def mutants(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    code = masked(text)
    for found in OPERATOR.finditer(code):
        op = found.group(1)
        for new in COMPARE.get(op, OTHER.get(op, ())):
            yield Mutant(path, text, found.start(1), found.end(1), new)
    for found in NUMBER.finditer(code):
        if EXTENT.search(code, code.rfind("\n", 0, found.start()) + 1, found.start()):
            continue  # more room than is used changes nothing
        yield Mutant(path, text, found.start(), found.end(),
                     changed_number(found.group(1), found.group(2)))


class Build:
    """How the tree compiles a file and links the programs that test it."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        with open(os.path.join(self.build, "compile_commands.json"), encoding="utf-8") as f:
            self.compile = {c["file"]: shlex.split(c["command"]) for c in json.load(f)}
        shown = subprocess.run(["ctest", "--show-only=json-v1"], cwd=self.build, check=True,
                               capture_output=True, text=True).stdout
        tests = [t for t in json.loads(shown)["tests"] if self.concerns(t)]
        self.tests = [t["command"] for t in sorted(tests, key=self.order)]
        self.programs = sorted({part for t in self.tests for part in t if self.is_program(part)})
        self.links = {p: self.link_command(p) for p in self.programs}

    @staticmethod
    def order(test):
        """Programs before scripts: they are faster."""
        return test["name"].startswith("vectors"), test["name"]

    def is_program(self, part):
        return part.startswith(self.build) and os.path.isfile(part) and os.access(part, os.X_OK)

    def concerns(self, test):
        folder = os.path.join(self.build, "tests", "unit", "quality")
        command = test.get("command", [])
        return bool(command) and (command[0].startswith(folder) or test["name"].startswith(
            ("vectors_qartod", "vectors_air", "vectors_derived")))

    def link_command(self, program):
        target = os.path.relpath(program, self.build)
        lines = subprocess.run(["ninja", "-t", "commands", "-s", target], cwd=self.build,
                               check=True, capture_output=True, text=True).stdout.splitlines()
        words = shlex.split(lines[-1])
        words = [w for w in words if w not in (":", "&&")]
        at = words.index("-o")
        return words[:at], words[at + 2:]

    def compiled(self, mutant, folder):
        """The changed file's object, or None where it does not compile."""
        source = os.path.join(folder, mutant.name)
        with open(source, "w", encoding="utf-8") as f:
            f.write(mutant.text)
        words = list(self.compile[mutant.path])
        if "ccache" in os.path.basename(words[0]):
            del words[0]
        words[words.index("-o") + 1] = os.path.join(folder, "mutant.o")
        words[words.index(mutant.path)] = source
        words = [w for w in words if w != "-Werror"] + ["-w", "-I", os.path.dirname(mutant.path)]
        done = subprocess.run(words, cwd=self.build, capture_output=True)
        return os.path.join(folder, "mutant.o") if done.returncode == 0 else None

    def linked(self, program, object_file, folder):
        before, after = self.links[program]
        out = os.path.join(folder, os.path.basename(program))
        if not os.path.exists(out):
            objects = [w for w in before if w.endswith(".o")]
            at = before.index(objects[0]) if objects else len(before)
            words = before[:at] + [object_file] + before[at:] + ["-o", out] + after
            subprocess.run(words, cwd=self.build, check=True, capture_output=True)
        return out

    def notices(self, mutant):
        """Whether a test fails with the change, or it does not even compile."""
        with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
            object_file = self.compiled(mutant, folder)
            if not object_file:
                return None
            for test in self.tests:
                command = [self.linked(p, object_file, folder) if p in self.links else p
                           for p in test]
                try:
                    done = subprocess.run(command, capture_output=True, timeout=LIMIT_S)
                except subprocess.TimeoutExpired:
                    return True
                if done.returncode:
                    return True
        return False


def explained():
    """Survivors that are known: `FILE | line | change | why`."""
    known = {}
    with open(os.path.join(HERE, "explained.txt"), encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                key, why = line.rstrip("\n").rsplit(" | ", 1)
                known[key] = why
    return known


def report(results, known, whole):
    unnoticed = [m for m, noticed in results if noticed is False]
    strange = [m for m in unnoticed if m.key() not in known]
    stale = [m for m, noticed in results if noticed and m.key() in known]
    tried = {m.key() for m, _ in results}
    gone = sorted(set(known) - tried) if whole else []
    compiled = sum(noticed is not None for _, noticed in results)
    for m in strange:
        print("%s:%d: not noticed: %s: %s" % (m.name, m.number, m.what, m.line))
    for m in stale:
        print("%s:%d: is noticed, so explained.txt need not name it: %s" % (m.name, m.number,
                                                                            m.what))
    for key in gone:
        print("explained.txt names what is not there: %s" % key)
    killed = sum(noticed is True for _, noticed in results)
    print("%d changes, %d noticed (%.1f %%), %d explained, %d not explained" % (
        compiled, killed, 100.0 * killed / max(compiled, 1), len(unnoticed) - len(strange),
        len(strange)))
    return strange, bool(strange or stale or gone)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("build")
    args.add_argument("--file", action="append", default=[])
    args.add_argument("--sample", type=int, default=0)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--jobs", type=int, default=os.cpu_count())
    args.add_argument("--survivors", help="write those not explained, as lines of explained.txt")
    args = args.parse_args()
    folder = os.path.join(ROOT, "quality")
    names = sorted(n for n in os.listdir(folder) if n.endswith(".c"))
    names = [n for n in names if not args.file or n in args.file]
    todo = [m for n in names for m in mutants(os.path.join(folder, n))]
    if args.sample:
        todo = random.Random(args.seed).sample(todo, min(args.sample, len(todo)))
    build = Build(args.build)
    if not build.tests or not todo:
        sys.exit("mutate.py: no tests, or nothing to change")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        results = list(zip(todo, pool.map(build.notices, todo)))
    strange, failed = report(results, explained(), not args.sample and not args.file)
    if args.survivors:
        with open(args.survivors, "w", encoding="utf-8") as f:
            f.writelines("%s | WHY\n" % m.key() for m in strange)
    sys.exit(1 if failed else 0)


main()
