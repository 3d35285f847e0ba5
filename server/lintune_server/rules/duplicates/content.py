"""All of a sample that training reads, in a form that differs wherever more than case and punctuation does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from lintune_server.rules.duplicates.facts import calls_of
from lintune_server.rules.duplicates.words import words_and_signs

if TYPE_CHECKING:
    from lintune_server.lint.sample import Line

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """prompt, whole: equal for samples that ask the same, and for those that are the same altogether."""

    prompt: Key
    whole: Key
    texts: tuple[str, ...]
    """As they stand in the sample."""


def content_of(line: Line) -> Content:
    prompt: list[object] = []
    whole: list[object] = []
    last: object = None
    for text in line.texts:
        # What stands in several places of one turn counts as one text, as an instruction and its input do.
        turn = (text.role, text.learned, text.path[0] if text.learned else None)
        for key in (whole,) if text.learned else (whole, prompt):
            if turn != last:
                key.append(turn[:2])
            key += words_and_signs(text.text)
        last = turn
    tools = line.conversation.tools if line.conversation else ()
    declared = orjson.dumps(tools, option=orjson.OPT_SORT_KEYS)
    given, learned = calls_of(line, learned=False), calls_of(line)
    return Content(
        (*prompt, declared, *given),
        (*whole, declared, *given, *learned),
        tuple(text.text for text in line.texts),
    )
