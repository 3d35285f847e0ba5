"""Samples of every format as OpenAI chat: what is trained on stays the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lintune_schemas import chat_samples, conversations, exact_json, layouts
from lintune_schemas.chat_samples import NoChatError
from lintune_schemas.samples import LAYOUTS, SampleFormat

CALL = '{"name": "weather", "arguments": {"days": 1.50}}'
SHAREGPT = {
    "id": 7,
    "system": "Be brief.",
    "conversations": [
        {"from": "human", "value": "Does it rain in Oslo and Rome?"},
        {"from": "function_call", "value": f"[{CALL}, {CALL}]"},
        {"from": "observation", "value": "rain"},
        {"from": "tool", "value": "sun"},
        {"from": "gpt", "value": "In Oslo.", "weight": 0},
        {"from": "human", "value": "Thanks.", "name": "Ada"},
        {"from": "gpt", "value": "You are welcome."},
    ],
    "tools": '[{"name": "weather", "parameters": {"type": "object"}}]',
    "source": None,
}
USER = {"role": "user", "content": "a"}
ANSWER = {"role": "assistant", "content": "b"}
SAMPLES: dict[str, dict[str, Any]] = {
    "ShareGPT": SHAREGPT,
    "ShareGPT's messages under messages": {
        "messages": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
    },
    "chat under conversations": {"conversations": [USER, ANSWER]},
    "chat with a system text": {"system": "s", "messages": [USER, ANSWER]},
    "Alpaca": {"instruction": "Sort.", "input": "b a", "output": "a b", "topic": [1]},
    "Alpaca without an input": {"system": "s", "instruction": "Sing.", "input": "", "output": "La."},
    "prompt and completion": {"prompt": "a", "completion": "b"},
    "prompt and completion as messages": {
        "prompt": [{"role": "developer", "content": [{"type": "text", "text": "s"}]}, USER, ANSWER, USER],
        "completion": [ANSWER],
        "tools": [],
    },
}


def to_chat(sample: dict[str, Any]) -> dict[str, Any]:
    layout = layouts.detect(sample)
    assert layout is not None
    return chat_samples.to_chat(sample, layout)


def turns(sample: dict[str, Any]) -> list[tuple[str, str, bool, object]]:
    layout = layouts.detect(sample)
    assert layout is not None
    read = conversations.read(sample, layout)
    calls = [[call["function"] for call in turn.extra.get("tool_calls", ())] for turn in read.turns]
    return [(turn.role, turn.content, turn.trained, call) for turn, call in zip(read.turns, calls, strict=True)]


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_trained_on_stays_the_same(name: str):
    sample = SAMPLES[name]
    before = copy.deepcopy(sample)
    chat = to_chat(sample)
    assert sample == before
    assert turns(chat) == turns(sample)
    read, again = (conversations.read(one, layouts.detect(one)) for one in (sample, chat))  # type: ignore[arg-type]
    assert again.tools == read.tools
    assert to_chat(chat) is chat


def test_sharegpt_as_openai_writes_it():
    function = {"name": "weather", "arguments": '{"days":1.50}'}
    assert to_chat(exact_json.loads(exact_json.dumps(SHAREGPT))) == {
        "id": 7,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Does it rain in Oslo and Rome?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": function},
                    {"id": "call_2", "type": "function", "function": function},
                ],
            },
            {"role": "tool", "content": "rain", "tool_call_id": "call_1"},
            {"role": "tool", "content": "sun", "tool_call_id": "call_2"},
            {"role": "assistant", "content": "In Oslo.", "weight": 0},
            {"role": "user", "content": "Thanks.", "name": "Ada"},
            {"role": "assistant", "content": "You are welcome."},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
        "source": None,
    }


def test_calls_in_turns_of_their_own_are_answered_in_their_order():
    call, result = {"from": "function_call", "value": CALL}, {"from": "observation", "value": "rain"}
    messages = to_chat({"conversations": [{"from": "human", "value": "a"}, call, call, result, result]})["messages"]
    assert [message["tool_calls"][0]["id"] for message in messages[1:3]] == ["call_1", "call_2"]
    assert [message["tool_call_id"] for message in messages[3:]] == ["call_1", "call_2"]


def test_answers_in_a_prompt_are_not_learned():
    messages = to_chat(SAMPLES["prompt and completion as messages"])["messages"]
    assert [message.get("weight") for message in messages] == [None, None, 0, None, None]
    assert messages[0]["role"] == "developer"


def test_what_stays_as_it_is():
    for sample in ({"prompt": "a", "chosen": "b", "rejected": "c"}, {"messages": [USER, ANSWER], "x": 1}):
        assert to_chat(sample) is sample


def test_a_system_text_that_the_messages_replace_stays():
    sample = {"system": "old", "messages": [{"role": "system", "content": "new"}, USER, ANSWER]}
    assert to_chat(sample) == sample


@pytest.mark.parametrize(
    ("sample", "why"),
    [
        ({"text": "a"}, "raw text"),
        ({"segments": [{"label": True, "text": "a"}]}, "raw text"),
        ({"conversations": [{"from": "human", "value": "a", "role": "user"}]}, "keys of two formats"),
    ],
)
def test_what_no_chat_can_say(sample: dict[str, Any], why: str):
    with pytest.raises(NoChatError, match=why):
        to_chat(sample)


def test_nothing_is_written_over():
    sample = {"instruction": "a", "output": "b", "messages": 5}
    with pytest.raises(NoChatError, match="something else under “messages”"):
        chat_samples.to_chat(sample, LAYOUTS[SampleFormat.ALPACA])
