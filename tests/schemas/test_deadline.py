from __future__ import annotations

import os
import threading
import time

import pytest

from lintune_schemas import deadline
from lintune_schemas.deadline import DeadlineError


def spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_ends_what_runs_too_long():
    with pytest.raises(DeadlineError), deadline.within(0.05):
        spin(30)


def test_leaves_alone_what_ends_in_time_and_what_comes_after_it():
    with deadline.within(0.3):
        spin(0.01)
    spin(0.8)


def test_each_thread_has_its_own():
    ended: list[str] = []

    def work(name: str, limit: float) -> None:
        try:
            with deadline.within(limit):
                spin(1.2)
            ended.append(f"{name} done")
        except DeadlineError:
            ended.append(f"{name} stopped")

    threads = [threading.Thread(target=work, args=("short", 0.05)), threading.Thread(target=work, args=("long", 60))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["long done", "short stopped"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_has_its_own():
    with deadline.within(60):  # the watchdog runs, and watches
        child = os.fork()
        if child == 0:
            try:
                with deadline.within(0.05):
                    spin(1.2)
            except DeadlineError:
                os._exit(7)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
