from __future__ import annotations

import pytest

from lintune_schemas import contents, conversations, layouts
from lintune_schemas.conversations import Turn
from lintune_schemas.samples import LAYOUTS, SampleFormat

CHAT = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (CHAT, SampleFormat.CHAT),
        ({"instruction": "Say hello.", "output": "Hello!"}, SampleFormat.ALPACA),
        ({"instruction": "Say hello."}, SampleFormat.ALPACA),
        ({"prompt": "Hi", "completion": "Hello!"}, SampleFormat.PROMPT_COMPLETION),
        ({"completion": "Hello!"}, SampleFormat.PROMPT_COMPLETION),
        ({"text": "Hello!"}, SampleFormat.TEXT),
        ({}, None),
    ],
)
def test_detect(sample, expected):
    layout = layouts.detect(sample)
    assert (layout.format if layout else None) is expected


def test_turns_of_a_chat():
    turns = conversations.read(CHAT, LAYOUTS[SampleFormat.CHAT]).turns
    assert turns == (
        Turn("user", "Hi", False, ("messages", 0, "content")),
        Turn("assistant", "Hello!", True, ("messages", 1, "content")),
    )


def test_weight_0_is_read_but_not_learned():
    messages = [{"role": "assistant", "content": "a", "weight": 0}, {"role": "assistant", "content": "b", "weight": 1}]
    turns = conversations.read({"messages": messages}, LAYOUTS[SampleFormat.CHAT]).turns
    assert [turn.trained for turn in turns] == [False, True]


def test_the_input_of_an_instruction_is_appended_to_it():
    sample = {"instruction": "Translate.", "input": "Guten Tag", "output": "Good day", "system": "Be brief."}
    turns = conversations.read(sample, LAYOUTS[SampleFormat.ALPACA]).turns
    assert [(turn.role, turn.content) for turn in turns] == [
        ("system", "Be brief."),
        ("user", "Translate.\n\nGuten Tag"),
        ("assistant", "Good day"),
    ]


def test_texts_of_leaves_out_what_is_no_text():
    sample = {"prompt": "Hi", "completion": 3, "source": "made up"}
    assert contents.texts_of(sample, LAYOUTS[SampleFormat.PROMPT_COMPLETION]) == [(("prompt",), "Hi", False, "user")]
