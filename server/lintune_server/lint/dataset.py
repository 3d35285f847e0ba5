"""Checking the text of a data set, again and again as it is edited: what was found on a line is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_server.lint import judging, part, scanning
from lintune_server.lint.layouts import surroundings_of
from lintune_server.lint.line_check import LineChecker
from lintune_server.lint.peers import Peers
from lintune_server.lint.sample import Line, Surroundings
from lintune_server.lint.shape import Head
from lintune_server.lint.sieve import Sieve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.chat import TokenizedChat
    from lintune_schemas.conversations import Conversation
    from lintune_schemas.samples import SampleFormat
    from lintune_server.lint.context import Context
    from lintune_server.lint.findings import Finding
    from lintune_server.lint.line_check import CheckedLine
    from lintune_server.lint.selection import Selection


@dataclass(frozen=True, slots=True)
class Inspection:
    """One sample, read as the trainer reads it. tokenized: None without a tokenizer, or when the template refuses."""

    format: SampleFormat
    conversation: Conversation
    tokenized: TokenizedChat | None


class DatasetLinter:
    """Checks the text of one data set. Not safe for several threads at once.

    path: what findings name. selection: on top of what the recipe says.
    """

    def __init__(self, path: Path, context: Context, selection: Selection | None = None) -> None:
        self.path = path
        self.context = context
        self._selection = selection
        self._known: dict[str, CheckedLine] = {}
        self._surroundings = Surroundings(None, context.recipe, context.tokenizer)

    def check(self, text: str) -> list[Finding]:
        """Every finding that counts, in the order of the file."""
        context = self.context
        sieve = Sieve.of(self.path, context.recipe, context.recipe_path, self._selection)
        found = scanning.check_head(Head.of(text), self.path)
        if found:
            return sieve.sift(found, lambda _: "")
        self._see_layout(text)
        whole = part.build(text, self._check_lines)
        lines = part.split(text)[0]
        data = judging.data_set(self.path, whole, self._surroundings, lines.__getitem__)
        peers = Peers.of(self.context, lambda path: scanning.peer(path, self.context))
        return sieve.sift([*whole.findings, *judging.judge(data, whole, peers, sieve.asks)], data.text_of)

    def inspect(self, line: str) -> Inspection | None:
        """The sample on a line, read as the recipe says, else as its keys show; None when there is none."""
        read = Line(line, surroundings_of([line], self.path, self.context))
        if read.format is None or read.conversation is None:
            return None
        return Inspection(read.format, read.conversation, read.tokenized)

    def _see_layout(self, text: str) -> None:
        """When the file's layout is another, nothing that was found counts."""
        surroundings = surroundings_of(part.split(text)[0], self.path, self.context)
        if surroundings != self._surroundings:
            self._surroundings = surroundings
            self._known = {}

    def _check_lines(self, texts: Sequence[str], _: Sequence[int]) -> list[CheckedLine]:
        """Only lines that were not there before are looked at; what is known of lines that are gone is forgotten."""
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        checked = LineChecker(self.path, self._surroundings).check(new)
        known = self._known | dict(zip(new, checked, strict=True))
        self._known = {text: known[text] for text in texts}
        return [self._known[text] for text in texts]
