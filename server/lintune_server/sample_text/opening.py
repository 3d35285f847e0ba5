"""A line of a data set, opened as a document, and what an edited document makes of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lintune_schemas import exact_json, layouts
from lintune_schemas.samples import LAYOUTS, Kind, SampleFormat
from lintune_server.lint.lines import BLANK, BOM
from lintune_server.lint.sample import Line, Surroundings
from lintune_server.sample_text import json_edit, reading, writing
from lintune_server.sample_text.grammar import Grammar
from lintune_server.sample_text.json_edit import Style

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lintune_schemas.samples import Layout, Sample

USUAL_LAYOUT = LAYOUTS[SampleFormat.CHAT]
"""Of a data set that has no samples yet."""
_LONGEST = 4 << 20
"""Characters of a line that is opened: a document of more would be slow to edit."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A line as a document. reason: why it cannot be edited; `markdown` then says so, too."""

    markdown: str
    reason: str | None = None


def open_line(text: str, of_file: Layout | None, *, number: int, guard_ends: bool = False) -> Opened:
    """of_file: the file's layout. number: of the line, from 0."""
    try:
        sample = sample_of(text)
        return Opened(writing.written(sample, grammar_of(sample, of_file), guard_ends=guard_ends))
    except ValueError as error:
        reason = str(error)
    shown = text if len(text) <= _LONGEST else f"{text[:1000]} …"
    shown = shown.encode("utf-8", "replace").decode()
    page = [
        f"# Line {number + 1} cannot be edited here",
        "",
        f"{reason[:1].upper()}{reason[1:]}. Edit it in the data set, where its findings say what is wrong.",
        "",
        "```json",
        *shown.splitlines(),
        "```",
        "",
    ]
    return Opened("\n".join(page), reason)


def sample_of(text: str) -> Sample:
    """The sample on a line, with its numbers as they are written. Raises ValueError: a clause that says why not."""
    if not text.strip(BLANK):
        raise ValueError("the line is empty")
    if len(text) > _LONGEST:
        raise ValueError(f"the line has {len(text):,} characters, which are more than can be edited as one document")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("the line holds bytes that are no UTF-8")
    try:
        sample = exact_json.loads(text.removeprefix(BOM))
    except json.JSONDecodeError as error:
        fault = Line(text, Surroundings()).error
        raise ValueError(f"the line is no JSON: {fault.message if fault else error.msg}") from None
    except RecursionError:
        raise ValueError("the line is nested too deep") from None
    if not isinstance(sample, dict):
        what = "a list" if isinstance(sample, list) else "a text" if isinstance(sample, str) else "a single value"
        raise ValueError(f"the line holds {what}, and no object with the keys of a sample")
    return sample


def grammar_of(sample: Sample, of_file: Layout | None) -> Grammar:
    """The headings of a sample: by its file's layout, unless it has the keys of another one."""
    if of_file is not None and of_file.required_set <= sample.keys():
        return Grammar(of_file)
    return Grammar(layouts.detect(sample) or of_file)


def edited(text: str, of_file: Layout | None, markdown: str, usual: Style) -> str:
    """The line that an edited document makes of a line. Raises UnreadableError, and ValueError as `sample_of`."""
    sample = sample_of(text)
    return json_edit.rewritten(text, reading.read(markdown, grammar_of(sample, of_file)).sample, usual)


# New samples


def template(layout: Layout, head: Iterable[Sample]) -> str:
    """The document of a sample that is not written yet. head: the first samples of its file, which it looks like."""
    return writing.written(_empty(layout, head), Grammar(layout))


def new_line(layout: Layout, markdown: str, usual: Style, like: Sample | None) -> str:
    """The line of a new sample. like: one of its neighbours. Raises UnreadableError."""
    return json_edit.written(reading.read(markdown, Grammar(layout)).sample, usual, like)


def usual_style(head: Sequence[str]) -> Style:
    """How the lines of a file are written, by its first ones that show it."""
    style = Style()
    for text in (line.removeprefix(BOM) for line in head):
        try:
            sample_of(text)
        except ValueError:
            continue
        style = json_edit.style_of(text, style)
        if style.ascii or not text.isascii():
            break
    return style


def samples_of(head: Iterable[str]) -> Iterator[Sample]:
    """Those that are ones."""
    for text in head:
        try:
            yield sample_of(text)
        except ValueError:
            continue


def _empty(layout: Layout, head: Iterable[Sample]) -> Sample:
    samples = list(head)
    sample: Sample = {}
    for one in layout.fields:
        like = next((found[one.key] for found in samples if one.key in found), None)
        if one.kind is Kind.MESSAGES or (one.kind is Kind.TEXT_OR_MESSAGES and isinstance(like, list)):
            sample[one.key] = _messages(layout, one.key, one.role, samples)
        elif one.kind is Kind.SEGMENTS:
            sample[one.key] = [{"label": False, "text": ""}, {"label": True, "text": ""}]
        elif one.name == "system":
            if usual := _most_common(found[one.key] for found in samples if isinstance(found.get(one.key), str)):
                sample[one.key] = usual
        elif one.kind.holds_text and (one.required or _is_usual(one.key, samples)):
            sample[one.key] = ""
    return sample


def _messages(layout: Layout, key: str, role: str | None, samples: Sequence[Sample]) -> list[Any]:
    """A question and its answer, behind the system message that most samples have, by their usual names."""
    keys = layout.message
    usual = _usual_roles(layout, key, samples)
    firsts = [found[key][0] for found in samples if isinstance(found.get(key), list) and found[key]]
    systems = [
        message[keys.content]
        if isinstance(message, dict)
        and keys.roles.get(_text(message, keys.role)) == "system"
        and isinstance(message.get(keys.content), str)
        else None
        for message in firsts
    ]
    messages: list[Any] = []
    if systems and (system := Counter(systems).most_common(1)[0][0]) is not None:
        messages.append({keys.role: usual["system"], keys.content: system})
    wanted = ("user", "assistant") if role is None else (role,)
    if layout.format is SampleFormat.CHAT or role is None:
        wanted = ("user", "assistant")
    return [*messages, *({keys.role: usual[one], keys.content: ""} for one in wanted)]


def _usual_roles(layout: Layout, key: str, samples: Sequence[Sample]) -> dict[str, str]:
    """What each role is called: as in most samples, else by its first name."""
    keys = layout.message
    counted = Counter(
        _text(message, keys.role)
        for found in samples
        for message in (found[key] if isinstance(found.get(key), list) else ())
        if isinstance(message, dict)
    )
    names: dict[str, str] = {}
    for name in sorted(keys.roles, key=lambda name: -counted[name]):
        names.setdefault(keys.roles[name], name)
    return {role: names.get(role, role) for role in ("system", "user", "assistant", "tool")}


def _text(message: dict[str, Any], key: str) -> str:
    value = message.get(key)
    return value if isinstance(value, str) else ""


def _most_common(texts: Iterable[str]) -> str:
    counted = Counter(texts).most_common(1)
    return counted[0][0] if counted else ""


def _is_usual(key: str, samples: Sequence[Sample]) -> bool:
    """Whether most samples have an optional key."""
    return 2 * sum(key in sample for sample in samples) > len(samples)
