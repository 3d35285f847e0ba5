"""Which model to begin with: the largest that a task needs and a machine can train."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import base_model, starter_models
from lintune_schemas.errors import LintuneError
from lintune_schemas.samples import SampleFormat
from lintune_server.hardware import fitting

if TYPE_CHECKING:
    from lintune_schemas.starter_models import Starter
    from lintune_server.hardware import Machine
    from lintune_server.new_recipe.data_file import DataFile


class Task(StrEnum):
    """What the model is to learn."""

    CHAT = "chat"
    EXTRACT = "extract"
    WRITE = "write"
    TEXT = "text"


PHRASES = {
    Task.CHAT: "answer in conversations",
    Task.EXTRACT: "short fixed answers: labels, fields, JSON, commands",
    Task.WRITE: "longer texts: summaries, rewriting, a style",
    Task.TEXT: "go on from raw text",
}

_SHORT, _LONG = 160, 1200
"""Characters of an answer: a command or a label is shorter; what is longer than a paragraph or two is a text."""

# Instruction-tuned, in many languages, and under a licence that allows any use. The largest that is trained within
# minutes to hours on the GPUs that people have comes first.
_ANSWERING = (
    "Qwen/Qwen3-4B-Instruct-2507",
    "Qwen/Qwen2.5-1.5B-Instruct",
    "Qwen/Qwen2.5-0.5B-Instruct",
    "HuggingFaceTB/SmolLM2-135M-Instruct",
)
SUGGESTED = {
    Task.CHAT: _ANSWERING,
    Task.WRITE: ("Qwen/Qwen2.5-7B-Instruct", *_ANSWERING),
    # A closed set of answers is learned by a small model as well, and it answers faster.
    Task.EXTRACT: _ANSWERING[1:],
    Task.TEXT: ("Qwen/Qwen3-4B-Base", "Qwen/Qwen3-1.7B-Base", "Qwen/Qwen2.5-0.5B", "HuggingFaceTB/SmolLM2-135M"),
}

_WITHOUT_GPU = 0.2e9
"""Parameters: two cores train 135M at about 220 tokens a second, so a small data set in minutes; ten times as many in
hours."""
_COMFORT = 0.75
"""Share of the memory that a suggested model takes at most: room for longer samples and larger batches."""


def task_of(data: DataFile) -> Task:
    """What the samples look like."""
    if not data.templated and data.format is SampleFormat.TEXT:
        return Task.TEXT
    if data.answer <= _SHORT:
        return Task.EXTRACT
    return Task.WRITE if data.answer > _LONG else Task.CHAT


def suggestions(task: Task, machine: Machine) -> list[Starter]:
    """Models for a task that a machine can train, the best first; the smallest one when it can train none."""
    listed = [starter for name in SUGGESTED[task] if (starter := starter_models.by_name(name))]
    fitting_ones = [starter for starter in listed if _suits(starter, machine)]
    return fitting_ones or listed[-1:]


def _suits(starter: Starter, machine: Machine) -> bool:
    if machine.device is None and starter.parameters > _WITHOUT_GPU:
        return False
    return machine.room is None or fitting.fits(starter.facts, _with_room(machine, _COMFORT))


def _with_room(machine: Machine, share: float) -> Machine:
    """The same machine with a part of its memory."""
    devices = tuple(
        replace(device, memory=device.memory and round(share * device.memory)) for device in machine.devices
    )
    return replace(machine, devices=devices, memory=machine.memory and round(share * machine.memory))


def name_of(starter: Starter) -> str:
    """What a recipe calls it: of the demo model, where it is installed, the short name, whose tokenizer is there."""
    if starter == starter_models.by_name(base_model.DEMO_MODEL):
        try:
            base_model.find(base_model.DEMO_MODEL, Path())
        except LintuneError:
            return starter.id
        return base_model.DEMO_MODEL
    return starter.id


def phrase(starter: Starter) -> str:
    """What it is, in a few words."""
    return f"{starter.parameters / 1e9:.2g}B parameters, {starter.licence}; {starter.strengths}"
