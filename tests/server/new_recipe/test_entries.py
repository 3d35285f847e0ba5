"""What a recipe says of a data set, from its samples."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lintune_schemas.errors import LintuneError
from lintune_server.new_recipe import data_file
from lintune_server.new_recipe.entries import entry_of

if TYPE_CHECKING:
    from pathlib import Path


def chat(key: str, role: str, content: str, *names: str) -> dict[str, Any]:
    return {key: [{role: name, content: f"Words of {name}."} for name in names]}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "chat": (chat("messages", "role", "content", "user", "assistant"), {"type": "chat_template"}),
    "a slip is no name": (
        chat("messages", "role", "content", "system", "user", "assistant"),
        {"type": "chat_template"},
    ),
    "sharegpt": (
        chat("conversations", "from", "value", "human", "gpt"),
        {
            "type": "chat_template",
            "field_messages": "conversations",
            "message_property_mappings": {"role": "from", "content": "value"},
        },
    ),
    "openai's messages as conversations": (
        chat("conversations", "role", "content", "user", "assistant"),
        {"type": "chat_template", "field_messages": "conversations"},
    ),
    "roles of other names": (
        chat("messages", "role", "content", "Human", "AI"),
        {"type": "chat_template", "roles": {"user": ["Human"], "assistant": ["AI"]}},
    ),
    "another key": (
        chat("dialogue", "role", "content", "user", "assistant"),
        {"type": "chat_template", "field_messages": "dialogue"},
    ),
    "everything other": (
        chat("turns", "speaker", "text", "user", "assistant"),
        {
            "type": "chat_template",
            "field_messages": "turns",
            "message_property_mappings": {"role": "speaker", "content": "text"},
        },
    ),
    "alpaca": ({"instruction": "a", "input": "b", "output": "c"}, {"type": "alpaca"}),
    "prompt-completion": (
        {"prompt": "a", "completion": "b"},
        {"type": {"field_instruction": "prompt", "field_output": "completion"}},
    ),
    "questions": (
        {"question": "a", "answer": "b"},
        {"type": {"field_instruction": "question", "field_output": "answer"}},
    ),
    "instruction and response": (
        {"instruction": "a", "context": "b", "response": "c", "category": "d"},
        {"type": {"field_instruction": "instruction", "field_output": "response", "field_input": "context"}},
    ),
    "with a system prompt": (
        {"system_prompt": "a", "question": "b", "response": "c"},
        {"type": {"field_instruction": "question", "field_output": "response", "field_system": "system_prompt"}},
    ),
    "text": ({"text": "a"}, {"type": "completion", "field": "text"}),
    "documents": ({"title": "a", "content": "b"}, {"type": "completion", "field": "content"}),
    "segments": ({"segments": [{"label": True, "text": "a"}]}, {"type": "input_output"}),
}


@pytest.mark.parametrize(("sample", "entry"), CASES.values(), ids=CASES)
def test_entries(tmp_path: Path, sample: dict[str, Any], entry: dict[str, Any]):
    path = tmp_path / "train.jsonl"
    assert entry_of([sample] * 3, path) == entry
    path.write_text(f"{json.dumps(sample)}\n" * 3, encoding="utf-8")
    data = data_file.examine(path)
    assert (data.samples, data.faulty) == (3, 0)
    assert data.answer > 0


def test_a_slip_is_no_name_of_a_role(tmp_path: Path):
    good = chat("messages", "role", "content", "user", "assistant")
    slip = chat("messages", "role", "content", "user", "asistant")
    assert entry_of([good] * 200 + [slip], tmp_path / "train.jsonl") == {"type": "chat_template"}


REFUSED = {
    "preference": ({"prompt": "a", "chosen": "b", "rejected": "c"}, "preference pairs"),
    "unknown": ({"left": 1, "right": 2}, "in no known format: they have left and right"),
    "roles of anybody": (chat("messages", "role", "content", "Ann", "Bob"), "could be anybody's: Ann and Bob"),
    "nothing": ({}, "they have no keys"),
}


@pytest.mark.parametrize(("sample", "words"), REFUSED.values(), ids=REFUSED)
def test_refusals(tmp_path: Path, sample: dict[str, Any], words: str):
    with pytest.raises(LintuneError, match=words):
        entry_of([sample] * 3, tmp_path / "train.jsonl")


def test_samples_that_cannot_be_read_are_counted(tmp_path: Path):
    path = tmp_path / "train.jsonl"
    good, bad = json.dumps(chat("messages", "role", "content", "user", "assistant")), '{"messages": [{"role": 1}]}'
    path.write_text(f"\ufeff{good}\n\n{good}\nnot json\n{bad}\n[1]\n", encoding="utf-8")
    data = data_file.examine(path)
    assert (data.samples, data.faulty) == (2, 1)
