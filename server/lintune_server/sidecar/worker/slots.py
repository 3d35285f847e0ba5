"""The sequences of a context, and what each has read: the beginning of a prompt that one has read is not read again."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.sidecar.worker.context import Context, Logits
    from lintune_server.sidecar.worker.model import Adapter

SLOTS = 16
"""Requests that are answered at once by a model, and beginnings of prompts that it remembers. An unused one takes no
memory: all share one pool of tokens."""


@dataclass(frozen=True, slots=True)
class End:
    """Of a prompt: how many tokens it has, and what the model thought comes next."""

    length: int
    logits: Logits


@dataclass(eq=False, slots=True)
class Slot:
    sequence: int
    adapter: Adapter | None = None
    """With what the tokens were read. Another adapter's keys and values are other numbers."""
    tokens: list[int] = field(default_factory=list)
    """That it has read. None that are only being read."""
    end: End | None = None
    """Of the prompt that it has read. The same one once more is not read at all; to read its last token again would
    give slightly other numbers, since batches of one are computed otherwise, and another answer for the same seed."""
    busy: bool = False
    used: int = 0
    """When it was taken last; larger is later."""


class Slots:
    """Of one context. partial: whether the model can forget the end of a sequence, and share a beginning."""

    def __init__(self, context: Context, *, partial: bool) -> None:
        self._context = context
        self._partial = partial
        self._slots = [Slot(number) for number in range(SLOTS)]
        self._clock = count(1)

    def take(self, adapter: Adapter | None, tokens: Sequence[int]) -> Slot | None:
        """An idle slot that has as much of `tokens` as any; all of them only if it knows what follows, too.

        None when all are busy. One that goes on where another text left off is taken as it is; a text that only begins
        alike gets the beginning in a slot of its own.
        """
        idle = [slot for slot in self._slots if not slot.busy]
        if not idle:
            return None
        known = {slot.sequence: self._common(slot, adapter, tokens) for slot in self._slots}
        best = max(idle, key=lambda slot: (known[slot.sequence], -slot.used))
        source = max(self._slots, key=lambda slot: known[slot.sequence])
        empty = next((slot for slot in idle if not slot.tokens), None)
        goes_on = known[best.sequence] == len(best.tokens) > 0
        if goes_on or (empty is None and known[best.sequence] * 2 > len(best.tokens)):  # little of it is lost
            slot = best
            self.cut(slot, known[slot.sequence])
        else:
            slot = empty or min(idle, key=lambda slot: slot.used)
            common = known[source.sequence]
            if slot is source:
                self.cut(slot, common)
            else:
                self.cut(slot, 0)
                if self._partial and common:
                    self._context.share(source.sequence, slot.sequence, common)
                    slot.tokens = list(tokens[:common])
                    slot.end = source.end if common == len(tokens) else None
        slot.adapter, slot.busy, slot.used = adapter, True, next(self._clock)
        return slot

    def cut(self, slot: Slot, length: int) -> None:
        """Forget what a slot has behind its first `length` tokens, also what was read of a batch that failed."""
        if not self._context.forget(slot.sequence, length):
            self._context.forget(slot.sequence)
            length = 0
        del slot.tokens[length:]
        if slot.end and slot.end.length > length:
            slot.end = None

    def give_up_oldest(self) -> bool:
        """Empty the idle slot that was taken longest ago; False when all that is left is busy."""
        idle = [slot for slot in self._slots if not slot.busy and slot.tokens]
        if not idle:
            return False
        self.cut(min(idle, key=lambda slot: slot.used), 0)
        return True

    def drop(self, adapter: Adapter) -> None:
        """Forget what was read with an adapter that is going to be freed."""
        for slot in self._slots:
            if slot.adapter is adapter:
                self.cut(slot, 0)
                slot.adapter = None

    def _common(self, slot: Slot, adapter: Adapter | None, tokens: Sequence[int]) -> int:
        """How many tokens of a slot can be used for a text."""
        if slot.adapter is not adapter:
            return 0
        ends = slot.end is not None and slot.end.length == len(tokens)
        most = max(min(len(slot.tokens), len(tokens) - (not ends)), 0)
        common = next((i for i in range(most) if slot.tokens[i] != tokens[i]), most)
        if ends and common != len(tokens):
            common = min(common, len(tokens) - 1)
        return common if self._partial or common == len(slot.tokens) else 0
