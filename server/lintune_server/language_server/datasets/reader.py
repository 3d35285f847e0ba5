"""Single lines of a data set, read as its analysis reads them: by the file's layout, recipe and tokenizer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from lintune_server.language_server.datasets import folds, outline, special_tokens
from lintune_server.language_server.datasets.memo import Memo
from lintune_server.lint import sample
from lintune_server.lint.label_set import answer_label, closed_labels
from lintune_server.lint.layouts import surroundings_of
from lintune_server.lint.sample import Line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.samples import Layout
    from lintune_server.lint.context import Context


LONGEST = 1 << 20
"""Characters of a line: its tokens take a third of a second to count. What is longer, the analysis looks at."""


class Counts(NamedTuple):
    """Tokens of a sample, and those of them that are learned."""

    tokens: int
    learned: int


class Reader:
    """Reads lines of one data set, and remembers what it found. Threads may share it.

    head: the file's first lines, which decide on its layout.
    """

    def __init__(self, path: Path, context: Context, head: Sequence[str]) -> None:
        self.context = context
        self.head = head
        self._path = path
        self._surroundings = surroundings_of(head, path, context)
        self.counts = Memo(self._count)
        """Tokens of each line; None for one without a sample, and where the tokenizer is not known."""
        self.entries = Memo(lambda lines: [outline.entry_of(self.line(line), deep=True) for line in lines])
        """What each line is in the outline; None for one without a sample."""
        self.titles = Memo(lambda lines: [outline.entry_of(self.line(line), deep=False) for line in lines])
        """The same without what is in the samples."""
        self.headings = Memo(lambda lines: [folds.heading_of(self.line(line)) for line in lines])
        """What samples that belong together have in common."""
        self.special_tokens = Memo(self._find_special_tokens)
        """Where special tokens stand in the texts of each line: half-open columns, in code points."""
        self._labels = Memo(lambda lines: [answer_label.of(self.line(line)) for line in lines])

    def follows(self, head: Sequence[str]) -> bool:
        """Whether the file's first lines can be these without anything else being another."""
        if head != self.head:
            if surroundings_of(head, self._path, self.context) != self._surroundings:
                return False
            self.head = head
        return True

    @property
    def layout(self) -> Layout | None:
        """The file's; what the recipe says of it, as long as no sample shows one."""
        return self._surroundings.layout or self._surroundings.unmet

    @property
    def labels(self) -> Counter[str]:
        """The answers of a data set that are a closed set of labels, with how often; else none."""
        return closed_labels(self._labels.of(self.head)) or Counter()

    def line(self, text: str) -> Line:
        """A line that is too long to be read here counts as empty."""
        return Line(text if len(text) <= LONGEST else "", self._surroundings)

    def _count(self, texts: Sequence[str]) -> list[Counts | None]:
        lines = [self.line(text) for text in texts]
        sample.measure(lines)
        return [Counts(*line.measured[1:]) if line.measured else None for line in lines]

    def _find_special_tokens(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        tokenizer = self.context.tokenizer
        if tokenizer is None:
            return [[] for _ in texts]
        return [special_tokens.find(self.line(text), tokenizer.special_pattern) for text in texts]
