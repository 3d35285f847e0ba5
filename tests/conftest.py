"""Property tests: no time limit for an example, and on CI always the same examples. What is no fast test. Which tests
share a process, when several processes run tests, and on which core each computes."""

import os

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

_STARTS_A_SERVER = {"editor", "new_editor"}
_SHARE_A_TRAINING = ("tests/trainer/test_export.py", "tests/trainer/test_whole_run.py")
_LONGEST_FIRST = ("tests/e2e/", "tests/trainer/")


def pytest_configure(config: pytest.Config) -> None:
    """Give each process that runs slow tests, and all that it starts, a core of its own.

    torch and llama.cpp compute with as many threads as there are cores that they may use. Several such programs at once
    on all cores wait for each other most of the time: a trainer, which yields to everybody, is a tenth as fast.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker.isdigit() and config.option.markexpr == "slow" and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker) % len(cores)]})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _STARTS_A_SERVER.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.long)
    # What takes longest must not come last, when the other processes have nothing left to do.
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST_FIRST))


class InGroups(LoadFileScheduling):
    """Tests of a module run in one process: they share what is dear. So do those that share it beyond a module."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        if file.startswith("tests/e2e/"):
            return "e2e"  # one workbench at a time
        return "trained" if file in _SHARE_A_TRAINING else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return InGroups(config, log) if config.getvalue("dist") == "loadfile" else None
