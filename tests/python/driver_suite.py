"""Runs the suite that comes with a driver, and prints a line a test: outcome, name, and how it ended.

usage: driver_suite.py FOLDER [MODULE...]

FOLDER holds `tests` of the driver's source distribution; which server is asked is in the environment, in the
driver's own variables. Without modules all of them run.
"""
import os
import signal
import sys
import unittest
import warnings
from pathlib import Path

# Far more than any of them takes.
PATIENCE = 120

folder, modules = Path(sys.argv[1]).resolve(), sys.argv[2:]
sys.path.insert(0, str(folder))
out, sys.stdout = sys.stdout, sys.stderr


def last_line(error):
    kind, value = error[0], str(error[1]).strip()
    return f"{kind.__name__}: {value.splitlines()[0] if value else ''}"


def too_long(*_):
    raise TimeoutError(f"it takes more than {PATIENCE} s")


class Lines(unittest.TestResult):
    """The first word about each test counts, and a failure of one of its parts or of its end."""

    def __init__(self):
        super().__init__()
        self.said = {}

    def say(self, test, outcome, how=""):
        if self.said.get(test.id()) in (None, "passed"):
            self.said[test.id()] = outcome
            if outcome != "passed":
                print(outcome, test.id(), how, sep="\t", file=out)

    def startTest(self, test):
        super().startTest(test)
        signal.alarm(PATIENCE)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)
        if self.said.get(test.id()) == "passed":
            print("passed", test.id(), "", sep="\t", file=out, flush=True)

    def addSuccess(self, test):
        self.say(test, "passed")

    def addSkip(self, test, reason):
        self.say(test, "skipped", reason)

    def addExpectedFailure(self, test, error):
        self.say(test, "passed")

    def addUnexpectedSuccess(self, test):
        self.say(test, "failed", "it succeeds and should not")

    def addError(self, test, error):
        self.say(test, "failed", last_line(error))

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.say(test, "failed", last_line(error))


def in_one_database():
    """asyncpg's tests of pools name a database of a cluster of their own; here there is one database."""
    from asyncpg._testbase import ClusterTestCase

    own = ClusterTestCase.get_connection_spec.__func__

    def get_connection_spec(cls, kwargs={}):
        given = own(cls, kwargs)
        if given.get("database") == "postgres":
            given["database"] = os.environ["PGDATABASE"]
        return given

    ClusterTestCase.get_connection_spec = classmethod(get_connection_spec)


def chosen(loader):
    if modules:
        return loader.loadTestsFromNames([f"tests.{module}" for module in modules])
    # Those that a folder holds beside the tests may ask for what is not installed.
    return loader.discover(str(folder / "tests"), pattern="test_*.py", top_level_dir=str(folder))


signal.signal(signal.SIGALRM, too_long)
warnings.simplefilter("ignore")
if folder.name == "asyncpg":
    in_one_database()
chosen(unittest.TestLoader()).run(Lines())
