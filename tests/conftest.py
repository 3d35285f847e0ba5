"""Property tests: no time limit for an example, and on CI always the same examples. What is no fast test. Which tests
share a process, when several processes run tests, and on which core each computes."""

import os

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

_STARTS_A_SERVER = {"editor", "new_editor"}
_LONGEST_FIRST = ("tests/e2e/", "tests/trainer/")


def pytest_configure(config: pytest.Config) -> None:
    """Give each process that runs tests, and all that it starts, a core of its own.

    torch and llama.cpp compute with as many threads as there are cores that they may use. Several such programs at once
    on all cores wait for each other most of the time. Tests of the editor take all cores again.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker.isdigit() and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker) % len(cores)]})


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _STARTS_A_SERVER.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.long)
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    # What takes longest must not come last, when the other processes have nothing left to do.
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST_FIRST))


def _group(item: pytest.Item) -> str:
    """The name of those that run in the same process, since they share what is dear: mostly the tests of a module."""
    file = item.nodeid.partition("::")[0]
    if file.startswith("tests/e2e/"):
        return "e2e"  # one workbench at a time
    if file.startswith("tests/trainer/") and "trained" in getattr(item, "fixturenames", ()):
        return "trained"
    return file
