"""Asking a person at a terminal to choose, or doing without one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lintune_server.cli.terminal import clean

if TYPE_CHECKING:
    from collections.abc import Sequence


class Questions:
    """Questions go to standard error, so that standard output holds results alone."""

    def __init__(self, *, interactive: bool) -> None:
        self._interactive = interactive
        self._taken: list[str] = []

    def choose(self, question: str, flag: str, options: Sequence[tuple[str, str]]) -> int:
        """The index of an option: a name, and a phrase about it. The first is the default, and taken where nobody can
        be asked. flag: what says the same on the command line."""
        if len(options) > 1 and self._interactive:
            return self._asked(question, options)
        self._taken.append(f"{flag} {options[0][0]}")
        return 0

    def tell_what_was_taken(self) -> None:
        """Which defaults stand where a person was not asked."""
        if self._taken and not self._interactive:
            print(f"Not asked, but taken: {clean(', '.join(self._taken))}", file=sys.stderr)

    def _asked(self, question: str, options: Sequence[tuple[str, str]]) -> int:
        print(question, file=sys.stderr)
        for number, (name, phrase) in enumerate(options, start=1):
            print(f"  {number}  {clean(name)}" + (f": {clean(phrase)}" if phrase else ""), file=sys.stderr)
        while True:
            print(f"1 to {len(options)} [1] ", end="", file=sys.stderr, flush=True)
            line = sys.stdin.readline()
            if not line:  # the end of the input, as Ctrl-D gives
                raise KeyboardInterrupt
            answer = line.strip() or "1"
            if answer.isdecimal() and 1 <= int(answer) <= len(options):
                return int(answer) - 1
