from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Key, Problem
from lintune_server.lint.rule import file_rule, line_rule
from lintune_server.rules.sample_format.facts import OTHER_LAYOUT, read_signature, signature
from lintune_server.rules.sample_format.names import meant, rename

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Layout, Path
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line

_SAMPLES = 50
_RARE = 0.02
"""Share of a file's samples. A field that more of them have is there on purpose: an id, a source, a score."""


@line_rule("SF105", Severity.INFO)
def unknown_field(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a field that the format does not have, so that training will not read it: one whose name looks like a
    misspelling of one that the format has (`tool` for `tools`), or, in files of 50 samples and more, one that hardly
    any other sample has. Fields that many samples of a file have, as an id or a source, are there on purpose.

    ## Why it hurts
    What was meant to be learned, or to be a tool that the model may call, is left out in silence.

    ## Example
    ```json
    {"instruction": "Translate.", "inputs": "Guten Tag", "output": "Good day"}
    ```

    ## Use instead
    ```json
    {"instruction": "Translate.", "input": "Guten Tag", "output": "Good day"}
    ```

    ## Fix
    Renames the field to what it was probably meant to be. Not safe: it may have been meant as it is.
    """
    sample, layout = line.sample, line.layout
    if sample is None or layout is None:
        return
    for key, match in meant(tuple(sample), layout.known):
        # What a sample cannot do without is missing: that is another rule's finding.
        if sample[key] and match not in layout.required and not (match == "system" and _has_system(line)):
            yield _unread(key, match, ())
    if line.plain:
        return
    for message in line.messages:
        if isinstance(message.value, dict) and len(message.value) > 2:
            for key, match in meant(tuple(message.value), message.keys.known):
                if message.value[key] and match not in (message.keys.role, message.keys.content):
                    yield _unread(key, match, message.path)


@file_rule("SF105", Severity.INFO, signature)
def unknown_field_of_few(data: DataSet) -> Iterator[tuple[int, Problem]]:
    column = data.column(signature)
    counts = Counter(column)
    counts.pop(OTHER_LAYOUT, None)
    samples, layout = sum(counts.values()), data.surroundings.layout
    if samples < _SAMPLES or layout is None or len(counts) == 1:
        return
    at_top: Counter[str] = Counter()
    in_messages: Counter[str] = Counter()
    for text, count in counts.items():
        read = read_signature(text)
        at_top.update(dict.fromkeys(read.types, count))
        in_messages.update(dict.fromkeys(read.in_messages, count))
    most = _RARE * samples
    rare = {key for key, count in at_top.items() if count <= most}
    rare_in_messages = {key for key, count in in_messages.items() if count <= most}
    for index, text in enumerate(column):
        if text in counts and counts[text] <= most:
            read = read_signature(text)
            if not rare.isdisjoint(read.types) or not rare_in_messages.isdisjoint(read.in_messages):
                for problem in _of_few(data.line(index), layout, rare, rare_in_messages):
                    yield index, problem


def _of_few(line: Line, layout: Layout, rare: set[str], rare_in_messages: set[str]) -> Iterator[Problem]:
    said = {key for key, _ in meant(tuple(line.sample or ()), layout.known)}
    for key in line.sample or ():
        if key in rare and key not in said:
            yield _hardly_anywhere(key, (key,))
    for message in line.messages:
        if isinstance(message.value, dict):
            said = {key for key, _ in meant(tuple(message.value), message.keys.known)}
            for key in message.value:
                if key in rare_in_messages and key not in said:
                    yield _hardly_anywhere(key, (*message.path, key))


def _hardly_anywhere(key: str, path: Path) -> Problem:
    return Problem(f"Training does not read {key}, and hardly any other sample of the file has it.", Key(path))


def _unread(key: str, match: str, path: Path) -> Problem:
    message = f"Training does not read {key}. Is it meant to be {match}?"
    # OpenAI's old function_call is written in another way, not only called so.
    remedy = None if key == "function_call" else rename(path, [(key, match)], safe=False)
    return Problem(message, Key((*path, key)), remedy)


def _has_system(line: Line) -> bool:
    return any(turn.role == "system" for thread in line.threads for turn in thread.turns)
