#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""mutate.py BUILD… [--file NAME]… [--sample N --seed S] [--jobs N] [--survivors FILE]

Changes each comparison, operator and number of quality/*.c in turn and runs the unit tests of
quality/ and the cases of tests/data/vectors against it: a change that no test notices is a
survivor. Survivors that are explained in explained.txt are counted apart; any other one, and any
explanation that no longer holds, fails.

BUILD is a configured and built tree of Ninja. What survives the first is tried in the next one, so
that only few changes need a slow build with sanitizers. Nothing of a tree is touched: a changed
file becomes a shared object of its own, whose functions come before those of the file unchanged.
"""
import argparse
import collections
import hashlib
import importlib.util
import json
import multiprocessing
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
UNIT = os.path.join(ROOT, "tests", "unit", "quality")
VECTORS = os.path.join(ROOT, "tests", "data", "vectors")
CASES = ("qartod", "air_quality", "derived")

COMPARE = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
           "==": ("!=",), "!=": ("==",)}
OTHER = {"&&": ("||",), "||": ("&&",), "+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",),
         "%": ("*",), "+=": ("-=",), "-=": ("+=",), "*=": ("/=",), "/=": ("*=",)}
OPERATOR = re.compile(r"(?<=[ \t])(<=|>=|==|!=|&&|\|\||[-+*/]=|[<>+*/%-])(?=[ \n])")
NUMBER = re.compile(
    r"(?<![\w.\"])(0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?)([uUlLfF]*)(?![\w.])")
EXTENT = re.compile(r"\b(?:double|int|char|bool|struct \w+|enum \w+|\w+_t)\s+\w+\[$")


def masked(text):
    """The text with comments, strings and preprocessor lines (but for what a name is defined as)
    blanked, alike in length."""
    def blank(found):
        return re.sub(r"[^\n]", "\0", found.group())
    return re.sub(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|"
                  r"^#define \w+(?:\([^)\n]*\))?|^#(?!define)[^\n]*|FG_PRINTF\([^)]*\)",
                  blank, text, flags=re.S | re.M)


def changed_number(number, suffix):
    if number.lower().startswith("0x"):
        return "%#x%s" % (int(number, 16) + 1, suffix)
    if re.fullmatch(r"\d+", number):
        return "%d%s" % (int(number) + 1, suffix)
    value = float(number)
    return "%r%s" % (value * 1.01 if value else 0.01, suffix)


def holder(code, at):
    """The function or table that a place of a file belongs to."""
    name = "-"
    if code[code.rfind("\n", 0, at) + 1] == "\0":
        return name
    for found in re.finditer(r"^[A-Za-z][^\n]*", code[:at], flags=re.M):
        called = re.search(r"(\w+)\(", found.group()) or re.search(r"(\w+)[\[\] ]*=",
                                                                  found.group())
        name = called.group(1) if called else name
    return name


class Mutant:
    """A changed text of a file; what it is called does not depend on line numbers."""

    def __init__(self, path, text, code, start, end, new):
        line = text.rfind("\n", 0, start) + 1
        self.path, self.name = path, os.path.basename(path)
        self.number = text.count("\n", 0, start) + 1
        self.text = text[:start] + new + text[end:]
        self.line = re.sub(r"\s+", " ", text[line:(text + "\n").find("\n", line)].strip())
        self.holder = holder(code, text.find("\n", start))
        nth = code[line:start].count(text[start:end]) + 1
        self.what = "%s -> %s%s" % (text[start:end], new, "" if nth == 1 else " (%d)" % nth)

    def key(self):
        return self.name, self.holder, self.line, self.what


def mutants(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    code = masked(text)
    for found in OPERATOR.finditer(code):
        op = found.group(1)
        for new in COMPARE.get(op, OTHER.get(op, ())):
            yield Mutant(path, text, code, found.start(1), found.end(1), new)
    for found in NUMBER.finditer(code):
        if EXTENT.search(code, code.rfind("\n", 0, found.start()) + 1, found.start()):
            continue  # more room than is used changes nothing
        yield Mutant(path, text, code, found.start(), found.end(),
                     changed_number(found.group(1), found.group(2)))


def lot(seed, mutant):
    """Where a change stands when lots are drawn: by itself, whatever other changes there are."""
    return hashlib.sha256(repr((seed, mutant.key())).encode()).digest()


def run(command, cwd, **more):
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True,
                          **more).stdout


def load_vectors():
    """tests/unit/quality/vectors.py, which knows what an answer must be."""
    spec = importlib.util.spec_from_file_location("vectors", os.path.join(UNIT, "vectors.py"))
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


class Build:
    """The test programs of a tree, linked to a shared object of quality/ in a folder of ours."""

    def __init__(self, build, folder):
        self.build, self.folder = os.path.abspath(build), folder
        os.makedirs(folder)
        with open(os.path.join(self.build, "compile_commands.json"), encoding="utf-8") as f:
            self.compile = {c["file"]: shlex.split(c["command"]) for c in json.load(f)}
        sources = [p for p in self.compile if os.path.dirname(p) == os.path.join(ROOT, "quality")]
        self.shared = os.path.join(folder, "libquality.so")
        run(self.compiler(sources[0]) + ["-o", self.shared] + sources, self.build)
        self.tests = [self.linked("tests/unit/quality/" + n[:-2]) for n in sorted(os.listdir(UNIT))
                      if n.startswith("test_") and n.endswith(".c")]
        self.compute = self.linked(self.fjordctl())
        self.vectors = load_vectors()
        self.cases = []
        for name in CASES:
            with open(os.path.join(VECTORS, name + ".ndjson"), encoding="utf-8") as f:
                self.cases += [json.loads(line) for line in f]
        self.limit_s = 0
        self.limit_s = self.measured()

    def compiler(self, path):
        words = list(self.compile[path])
        if "ccache" in os.path.basename(words[0]):
            del words[0]
        out = words.index("-o")
        words = words[:out] + words[out + 2:]
        drop = ("-c", "-g", "-ffunction-sections", "-fdata-sections", path)
        return [w for w in words if w not in drop and not w.startswith("-W")] + [
            "-w", "-O0", "-fPIC", "-shared"]

    def fjordctl(self):
        lines = run(["ninja", "-t", "targets", "all"], self.build).splitlines()
        return next(target for target, rule in (line.rsplit(": ", 1) for line in lines)
                    if "EXECUTABLE_LINKER" in rule and os.path.basename(target) == "fjordctl")

    def linked(self, target):
        lines = run(["ninja", "-t", "commands", "-s", target], self.build).splitlines()
        words = [w for w in shlex.split(lines[-1]) if w not in (":", "&&")]
        out = os.path.join(self.folder, os.path.basename(target))
        words[words.index("-o") + 1] = out
        words = [self.shared if w == "quality/libfg_quality.a" else w for w in words]
        run(words, self.build)
        return out

    def limited(self):
        if self.limit_s:
            resource.setrlimit(resource.RLIMIT_CPU, (self.limit_s, self.limit_s))

    def start(self, command, preload, **more):
        env = dict(os.environ, LD_PRELOAD=preload,
                   ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
        return subprocess.run(command, cwd=self.folder, capture_output=True, env=env,
                              preexec_fn=self.limited, **more)

    def vectors_agree(self, preload):
        lines = [json.dumps({k: v for k, v in c.items() if k not in self.vectors.TOLD_AFTER})
                 for c in self.cases]
        done = self.start([self.compute, "compute"], preload, text=True,
                          input="".join(line + "\n" for line in lines))
        got = done.stdout.splitlines()
        if done.returncode or len(got) != len(self.cases):
            return False
        try:
            return not any(self.vectors.wrong(c, json.loads(g)) for c, g in zip(self.cases, got))
        except ValueError:
            return False

    def passes(self, test, preload=""):
        if test == self.compute:
            return self.vectors_agree(preload)
        return self.start([test], preload).returncode == 0

    def measured(self):
        """Whether all passes unchanged; and seconds enough for anything that is not endless."""
        began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        for test in self.tests + [self.compute]:
            if not self.passes(test):
                sys.exit("mutate.py: %s fails without any change" % test)
        return 2 + int(3 * (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began))

    def included(self, path):
        """What a file includes, compiled beforehand: that takes longer than the file itself."""
        header = os.path.join(self.folder, os.path.basename(path) + ".h")
        if not os.path.exists(header + ".gch"):
            with open(path, encoding="utf-8") as f, open(header, "w", encoding="utf-8") as to:
                to.writelines(line for line in f if line.startswith("#include"))
            run([w for w in self.compiler(path) if w != "-shared"] +
                ["-x", "c-header", "-o", header + ".gch", header], self.build)
        return header

    def compiled(self, mutant, folder):
        """The changed file as a shared object, or None where it does not compile."""
        source, out = os.path.join(folder, mutant.name), os.path.join(folder, "mutant.so")
        with open(source, "w", encoding="utf-8") as f:
            f.write(mutant.text)
        words = self.compiler(mutant.path) + [
            "-nostdlib", "-include", self.included(mutant.path), "-o", out, source]
        done = subprocess.run(words, cwd=self.build, capture_output=True)
        return out if done.returncode == 0 else None

    def noticed_by(self, mutant, order):
        """The test that fails with the change, "" where none does; None: it does not compile."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            changed = self.compiled(mutant, folder)
            if not changed:
                return None
            tests = sorted(self.tests + [self.compute], key=lambda t: order(os.path.basename(t)))
            return next((os.path.basename(t) for t in tests if not self.passes(t, changed)), "")


BUILDS = []
KILLS = collections.defaultdict(collections.Counter)


def attempt(mutant):
    """Each worker learns which test notices the changes of a file, and begins with it."""
    kills = KILLS[mutant.name]
    slow = ("test_point_tests", "fjordctl")
    by = ""
    for build in BUILDS:
        by = build.noticed_by(mutant, lambda t: (-kills[t], t in slow, t))
        if by != "":
            break
    if by:
        kills[by] += 1
    return by


def explained(path):
    """Survivors that are known. A block is: a line FILE FUNCTION, the text of a source line after
    `> `, changes after `* ` (with `;` between), and the reason."""
    known, block = {}, {}
    with open(path, encoding="utf-8") as f:
        lines = [line.rstrip("\n") for line in f if not line.startswith("#")] + [""]
    for line in lines:
        if line.startswith("> "):
            block["line"] = line[2:]
        elif line.startswith("* "):
            block.setdefault("what", []).extend(
                (block["line"], w.strip()) for w in line[2:].split(";"))
        elif line.strip() and "place" not in block:
            block["place"] = tuple(line.split())
        elif line.strip():
            block["why"] = line
        elif block:
            for text, what in block["what"]:
                known[(*block["place"], text, what)] = block["why"]
            block = {}
    return known


def template(survivors):
    """Survivors as blocks of explained.txt, but for the reason."""
    blocks = collections.OrderedDict()
    for m in survivors:
        blocks.setdefault((m.name, m.holder), collections.OrderedDict()).setdefault(
            m.line, []).append(m.what)
    return "".join("%s %s\n%s\n" % (*place, "".join(
        "> %s\n* %s\n" % (line, "; ".join(what)) for line, what in lines.items()))
        for place, lines in blocks.items())


def tell(results, known):
    """The results as they are, each survivor told when it is found."""
    for m, by in results:
        if by == "" and m.key() not in known:
            print("%s:%d: %s: not noticed: %s: %s" % (m.name, m.number, m.holder, m.what, m.line),
                  flush=True)
        yield m, by


def report(results, known, whole, files):
    unnoticed = [m for m, by in results if by == ""]
    strange = [m for m in unnoticed if m.key() not in known]
    survived = {m.key() for m in unnoticed}
    stale = [m for m, by in results if by and m.key() in known and m.key() not in survived]
    gone = sorted(k for k in known if k not in whole and (not files or k[0] in files))
    for m in stale:
        print("%s:%d: %s: is noticed, so explained.txt need not name it: %s: %s" % (
            m.name, m.number, m.holder, m.what, m.line))
    for key in gone:
        print("explained.txt names what is not there: %s" % " | ".join(key))
    compiled = sum(by is not None for _, by in results)
    killed = sum(bool(by) for _, by in results)
    print("%d changes, %d noticed (%.1f %%), %d explained, %d not explained" % (
        compiled, killed, 100.0 * killed / max(compiled, 1), len(unnoticed) - len(strange),
        len(strange)))
    return strange, bool(strange or stale or gone)


def arguments():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("build", nargs="+")
    args.add_argument("--file", action="append", default=[])
    args.add_argument("--sample", type=int, default=0)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--jobs", type=int, default=os.cpu_count())
    args.add_argument("--survivors", help="write those not explained, as blocks of explained.txt")
    return args.parse_args()


def main():
    args, began = arguments(), time.monotonic()
    known = explained(os.path.join(HERE, "explained.txt"))
    folder = os.path.join(ROOT, "quality")
    everything = [m for n in sorted(os.listdir(folder)) if n.endswith(".c")
                  for m in mutants(os.path.join(folder, n))]
    todo = [m for m in everything if not args.file or m.name in args.file]
    if args.sample:
        todo = sorted(todo, key=lambda m: lot(args.seed, m))[:args.sample]
    if not todo:
        sys.exit("mutate.py: nothing to change")
    os.nice(10)
    with tempfile.TemporaryDirectory(prefix="mutate-") as scratch:
        for i, build in enumerate(args.build):
            BUILDS.append(Build(build, os.path.join(scratch, str(i))))
            for path in {m.path for m in todo}:
                BUILDS[i].included(path)
        with multiprocessing.get_context("fork").Pool(args.jobs) as pool:
            results = list(tell(zip(todo, pool.imap(attempt, todo)), known))
            pool.close()
            pool.join()
    strange, failed = report(results, known, {m.key() for m in everything}, args.file)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print("%d s, %d s of processor time" % (time.monotonic() - began,
                                            used.ru_utime + used.ru_stime))
    if args.survivors:
        with open(args.survivors, "w", encoding="utf-8") as f:
            f.write(template(strange))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
