from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas import samples
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import closest, listed
from lintune_server.rules.sample_format.names import ANSWERS, PROMPTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Sample
    from lintune_server.lint.sample import Line


@line_rule("SF101", Severity.ERROR)
def unknown_format(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a sample that has the keys of no known sample format, and says which format is the nearest and what is
    missing for it.

    ## Why it hurts
    The trainer does not know what to learn from it.

    ## Example
    ```json
    {"question": "What is the capital of France?", "reply": "Paris"}
    ```

    ## Use instead
    ```json
    {"prompt": "What is the capital of France?", "completion": "Paris"}
    ```

    Or name the keys in the recipe:

    ```yaml
    datasets:
      - path: train.jsonl
        type: {field_instruction: question, field_output: reply}
    ```
    """
    if line.sample is None or line.layout is not None:
        return
    keys = [key for key in line.sample if key != samples.IGNORE_KEY]
    if not keys:
        yield Problem("This sample is empty.")
        return
    yield Problem(f"This sample is in no known format: it has {listed(keys)}. {_nearest(keys, line.sample)}")


def _nearest(keys: list[str], sample: Sample) -> str:
    chats = [key for key in keys if _holds_messages(sample[key])]
    for layout in samples.LAYOUTS.values():
        required = [key for key in layout.required if not chats or layout.message.role in sample[chats[0]][0]]
        near = {match: key for key in keys if (match := closest(key.lower(), required))}
        if near:
            meant = listed(f"{key} is meant to be {match}" for match, key in near.items())
            return f"The nearest is {layout.format}, which needs {listed(layout.required)}: perhaps {meant}."
    if chats:
        format_ = "chat" if "role" in sample[chats[0]][0] else "sharegpt"
        wanted = samples.LAYOUTS[samples.SampleFormat(format_)].required[0]
        return (
            f"The nearest is {format_}, which needs {wanted}: rename {chats[0]}, or write field_messages: {chats[0]} "
            "in the recipe."
        )
    by_name = {key.lower(): key for key in keys}
    prompt = next((by_name[name] for name in PROMPTS if name in by_name), None)
    answer = next((by_name[name] for name in ANSWERS if name in by_name), None)
    if prompt and answer:
        return (
            f"The nearest is prompt-completion: rename {prompt} to prompt and {answer} to completion, or write "
            f"type: {{field_instruction: {prompt}, field_output: {answer}}} in the recipe."
        )
    known = "; ".join(f"{format_} with {listed(samples.LAYOUTS[format_].required)}" for format_ in samples.SampleFormat)
    return f"Known formats are {known}."


def _holds_messages(value: object) -> bool:
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and ("role" in first or "from" in first)
