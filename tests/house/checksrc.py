#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""tools/checksrc finds what it is meant to find, and nothing in good code."""
import pathlib
import subprocess
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "checksrc"
SPDX = "/* SPDX-License-Identifier: EUPL-1.2 */\n"
LONG = "void f(void)\n{\n" + "\tg();\n" * 101 + "}\n"

# file, text after the SPDX line, what the fault must say
FAULTS = [
    ("base/a.c", "void f(char *a) { strcpy(a, \"x\"); }\n", "strcpy()"),
    ("gateway/a.c", "void f(void) { sleep(1); }\n", "sleep()"),
    ("gateway/tls/a.c", "void f(void) { ASN1_TIME_set(NULL, 0); }\n", "ASN1_TIME_set()"),
    ("gateway/a.c", "long f(void) { return time(NULL); }\n", "time()"),
    ("drivers/a.c", "void f(void) { clock_gettime (1, p); }\n", "clock_gettime()"),
    ("protocol/a.c", "void *f(void) { return malloc(4); }\n", "malloc()"),
    ("gateway/a.c", "#include <sqlite3.h>\n", "sqlite3.h is for"),
    ("storage/a.c", "#include <cjson/cJSON.h>\n", "cjson/cJSON.h is for"),
    ("storage/a.c", "#include \"../base/log.h\"\n", "by its room"),
    ("base/a.c", LONG, "a function of 101 lines"),
    ("base/a.c", "int a;\n" * 801, "a file of 802 lines"),
    ("base/a.h", "/* " + "x" * 96 + " */\n", "102 columns"),
    ("base/a.h", "\t\t\t\t\t\t\t\t\t\t\t\t\tint;\n", "108 columns"),
    ("base/a.c", "int a; \n", "blanks"),
]
GOOD = """/* strcpy() and time() in a comment */
#include "base/log.h"
static const char text[] = "sleep(1)"; // atoi()
int64_t next_time(void);
int f(struct x *x) { return x->time(x) + fg_atoi(x) + uptime(x); }
"""


def check(name, text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        done = subprocess.run([TOOL, folder], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


class CheckSource(unittest.TestCase):
    def test_faults(self):
        for name, text, said in FAULTS:
            with self.subTest(said):
                status, output = check(name, SPDX + text)
                self.assertEqual(1, status)
                self.assertIn(said, output)
                self.assertIn(name + ":", output)

    def test_no_licence(self):
        self.assertIn("no SPDX", check("base/a.c", "int a;\n")[1])

    def test_good(self):
        self.assertEqual((0, "1 files, 0 faults\n"), check("gateway/a.c", SPDX + GOOD))

    def test_nothing_to_check(self):
        self.assertNotEqual(0, check("notes.txt", "")[0])


unittest.main()
