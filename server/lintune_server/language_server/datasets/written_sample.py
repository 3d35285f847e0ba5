"""A conversation as a sample of a data set: under its keys, with its names for roles, in its way to write JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from lintune_schemas.errors import LintuneError
from lintune_schemas.samples import Kind, SampleFormat
from lintune_server.language_server.datasets import skeletons

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lintune_schemas.samples import Field, Layout, Sample

_LOOKED_AT = 20
"""Lines from which the way to write JSON is taken."""


class Said(NamedTuple):
    """One message of a conversation. role: one of `samples.ROLES`."""

    role: str
    content: str


def sample(conversation: Sequence[Said], layout: Layout) -> Sample:
    """The last message is the answer. Raises LintuneError when the layout has no place for such a conversation."""
    if not layout.templated or layout.format is SampleFormat.PREFERENCE:
        raise LintuneError(f"A conversation cannot be written as a sample of the format {layout.format.value}.")
    messages = next((one for one in layout.fields if one.kind is Kind.MESSAGES), None)
    if messages is not None:
        return {messages.key: _as_messages(conversation, layout)}
    return _as_texts(conversation, layout)


def _as_messages(conversation: Iterable[Said], layout: Layout) -> list[dict[str, str]]:
    keys = layout.message
    return [{keys.role: skeletons.name_of(keys, one.role), keys.content: one.content} for one in conversation]


def _as_texts(conversation: Sequence[Said], layout: Layout) -> Sample:
    """Under one key for each turn; lists of messages where there are more turns than keys, if those may be there."""
    *before, answer = conversation
    system = [one for one in before if one.role == "system"]
    asked = [one for one in before if one.role != "system"]
    places = [one for one in layout.fields if one.kind.holds_text]
    found: Sample = {}
    if system:
        found[_place(places, "system", layout).key] = "\n\n".join(one.content for one in system)
    question, learned = _place(places, "user", layout), _place(places, "assistant", layout)
    if len(asked) == 1:
        return {**found, question.key: asked[0].content, learned.key: answer.content}
    if question.kind.holds_messages and learned.kind.holds_messages:
        return {**found, question.key: _as_messages(asked, layout), learned.key: _as_messages([answer], layout)}
    raise LintuneError(
        f"A sample of the format {layout.format.value} has one question and one answer. "
        f"This conversation has {len(asked)} messages before the answer."
    )


def _place(places: Iterable[Field], role: str, layout: Layout) -> Field:
    for one in places:
        if one.role == role:
            return one
    raise LintuneError(f"Samples of the format {layout.format.value} have no place for what the {role} says.")


def as_line(value: Any, lines: Sequence[str]) -> str:
    """As JSON on one line, written as the last of a file's lines are: with blanks and other letters, or without."""
    writers = [
        json.JSONEncoder(ensure_ascii=ascii_only, separators=separators).encode
        for separators in ((", ", ": "), (",", ":"))
        for ascii_only in (False, True)
    ]
    for line in reversed(lines[-_LOOKED_AT:]):
        try:
            read = json.loads(line)
        except ValueError:
            continue
        for writer in writers:
            if writer(read) == line.strip():
                return writer(value)
    return writers[0](value)
