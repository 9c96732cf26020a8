# SPDX-License-Identifier: EUPL-1.2
"""Programs of npm; tools/peers installs them. A test that needs one is skipped, loudly, where it
is not there."""
import json
import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODULES = pathlib.Path(os.environ.get("FG_PEERS", ROOT / "build/peers")) / "node_modules"
SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "peers"


def missing_of(packages):
    if not packages:
        with open(SCRIPTS / "package.json") as f:
            packages = json.load(f)["dependencies"]
    return [p for p in packages if not (MODULES / p).is_dir()]


def are_there(*packages):
    """For a test that has more to say than a peer's verdict."""
    return not missing_of(packages) and shutil.which("node") is not None


def node(test, script, *packages):
    """A function that runs the script with arguments and returns what run_program() does."""
    missing = missing_of(packages)
    if missing or not shutil.which("node"):
        print("SKIPPED: %s from npm not installed (tools/peers does that)"
              % (", ".join(missing) or "node"), file=sys.stderr)
        test.skipTest("no " + (", ".join(missing) or "node"))
    environment = dict(os.environ, NODE_PATH=str(MODULES))

    def run(*arguments):
        return test.run_program(["node", SCRIPTS / script, *arguments], 60, env=environment)
    return run
