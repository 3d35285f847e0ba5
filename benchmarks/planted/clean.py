"""Clean data at a larger scale, of every format: what is found here is reported by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.planted import formats, problems, templates
from benchmarks.planted.formats import balanced, conversation
from benchmarks.planted.layout import Folder, clean_file, dump
from benchmarks.planted.registry import EVAL_SAMPLES, Garden
from benchmarks.planted.tool_chats import clean as tool_chat

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.planted.layout import Sample
    from benchmarks.planted.problems import Problem

_SAMPLES = 400


def folders(garden: Garden, source: Path) -> list[Folder]:
    """The real data set whole, and a file of each format."""
    real = [dump({"messages": conversation(*row)}) for row in problems.rows(source)]
    files = [
        clean_file("train.jsonl", real[:-EVAL_SAMPLES]),
        clean_file("eval.jsonl", real[-EVAL_SAMPLES:], training=False),
    ]
    found = [Folder("clean-real", files)]
    makers: dict[str, Callable[[Problem], Sample]] = {
        **formats.FORMATS,
        "alpaca-with-input": lambda one: formats.alpaca(one, with_input=True),
        "system": lambda one: formats.system_chat(one, garden.rng),
        "calculations": formats.raw_chat,
        "json": formats.json_answer,
        "prefix": lambda one: formats.prefixed(one, "Answer:"),
        "code": formats.program,
    }
    for name, make in makers.items():
        found.append(garden.folder(name, [clean_file("train.jsonl", garden.lines(make, _SAMPLES))], make))
    labels = [dump(formats.labelled(one)) for one in balanced(garden.iterator(), garden.rng, _SAMPLES)]
    found.append(garden.folder("labels", [clean_file("train.jsonl", labels)], formats.labelled))
    turns = [dump(sample) for sample in formats.grouped(garden.iterator(), garden.rng, _SAMPLES)]
    found.append(garden.folder("turns", [clean_file("train.jsonl", turns)], formats.chat))
    calls = clean_file("train.jsonl", [dump(tool_chat(garden.rng)) for _ in range(_SAMPLES)])
    found.append(garden.folder("tools", [calls], lambda _: tool_chat(garden.rng), recipe=templates.TOOLS.recipe))
    return found
