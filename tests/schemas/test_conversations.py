"""What is trained on: turns, tools and what else a chat template gets, from samples of every format."""

from __future__ import annotations

import copy
import json

import pytest

from lintune_schemas import contents, conversations, layouts
from lintune_schemas.chat_template import ChatTemplate
from lintune_schemas.recipe import Dataset, SampleFields

CALL = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo", "days": 2}'}}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}

# The parts of templates in use that print calls. Llama 3.1 and 3.2, Qwen 2.5 and 3: transformers' documentation of
# tool use has them read arguments as objects.
LLAMA = (
    "{%- for message in messages %}{%- if 'tool_calls' in message %}"
    "{%- if not message.tool_calls|length == 1 %}{{- raise_exception('one call only') }}{%- endif %}"
    "{%- set call = message.tool_calls[0].function %}"
    "{{- '{\"name\": \"' + call.name + '\", ' }}{{- '\"parameters\": ' }}{{- call.arguments | tojson }}{{- '}' }}"
    "{%- else %}{{- message['content'] | trim }}|{%- endif %}{%- endfor %}"
)
QWEN = (
    "{%- for message in messages %}{%- if message.tool_calls %}{%- for call in message.tool_calls %}"
    "{%- if call.function %}{%- set call = call.function %}{%- endif %}"
    '{{- \'{"name": "\' + call.name + \'", "arguments": \' }}'
    "{%- if call.arguments is string %}{{- call.arguments }}{%- else %}{{- call.arguments | tojson }}{%- endif %}"
    "{{- '}' }}{%- endfor %}{%- else %}{{- message.content }}|{%- endif %}{%- endfor %}"
)


def read(sample: dict, entry: Dataset | None = None) -> conversations.Conversation:
    layout = layouts.of_file([sample], entry).layout
    assert layout is not None
    before = copy.deepcopy(sample)
    conversation = conversations.read(sample, layout)
    assert sample == before, "reading changes no sample: its hash is taken of it"
    return conversation


def turns(sample: dict, entry: Dataset | None = None) -> list[tuple[str, str, bool]]:
    return [(turn.role, turn.content, turn.trained) for turn in read(sample, entry).turns]


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "Ua Ab"),
        ({"messages": [{"role": "developer", "content": "s"}, {"role": "assistant", "content": "b"}]}, "Ss Ab"),
        ({"system": "s", "messages": [{"role": "assistant", "content": "b"}]}, "Ss Ab"),
        ({"system": "", "messages": [{"role": "assistant", "content": "b"}]}, "Ab"),
        ({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}, "Ua Ab"),
        ({"conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "Ua Ab"),
        ({"messages": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}, "Ua Ab"),
        (
            {"system": "s", "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
            "Ss Ua Ab",
        ),
        ({"instruction": "a", "output": "b"}, "Ua Ab"),
        ({"system": "s", "instruction": "a", "input": "c", "output": "b"}, "Ss Ua\n\nc Ab"),
        ({"instruction": "a", "input": None, "output": "b", "system": None}, "Ua Ab"),
        ({"prompt": "a", "completion": "b", "system": "s"}, "Ss Ua Ab"),
        (
            {"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]},
            "Ua Ab",
        ),
        ({"prompt": "a", "completion": [{"role": "assistant", "content": "b"}]}, "Ua Ab"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "Ua Ab"),
        (
            {
                "chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
                "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}],
            },
            "Ua Ab",
        ),
        ({"messages": [{"role": "user", "content": "a"}], "chosen": "b", "rejected": "c"}, "Ua Ab"),
    ],
)
def test_turns_of_each_format(sample, expected):
    found = turns(sample)
    assert " ".join(role[0].upper() + content for role, content, _ in found) == expected
    assert [trained for _, _, trained in found] == [role == "assistant" for role, _, _ in found]


def test_what_the_assistant_says_in_a_prompt_is_not_learned():
    prompt = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    found = turns({"prompt": prompt, "completion": "d"})
    assert [trained for _, _, trained in found] == [False, False, False, True]


def test_raw_text_is_not_templated():
    text = read({"text": "a"})
    segments = read({"segments": [{"label": False, "text": "a"}, {"label": True, "text": "b"}]})
    assert not text.templated
    assert not segments.templated
    assert [(turn.content, turn.trained) for turn in segments.turns] == [("a", False), ("b", True)]
    assert segments.turns[1].path == ("segments", 1, "text")


def test_parts_of_text_are_put_together():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert turns({"messages": [{"role": "assistant", "content": parts}]}) == [("assistant", "ab", True)]


def test_what_the_template_gets_of_a_message():
    message = {"role": "assistant", "content": None, "tool_calls": [CALL], "name": None, "weight": 1, "mood": "calm"}
    (turn,) = read({"messages": [message]}).turns
    call = {**CALL, "function": {"name": "weather", "arguments": {"city": "Oslo", "days": 2}}}
    assert turn.as_message() == {"role": "assistant", "content": "", "tool_calls": [call], "mood": "calm"}


@pytest.mark.parametrize("arguments", ['{"city": "Oslo"}', {"city": "Oslo"}])
@pytest.mark.parametrize("template", [LLAMA, QWEN])
def test_templates_write_arguments_as_json_once(template, arguments):
    call = {"function": {"name": "weather", "arguments": arguments}}
    conversation = read(
        {
            "messages": [
                {"role": "user", "content": "a", "tool_calls": None},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "assistant", "content": "b", "tool_calls": []},
            ]
        }
    )
    text = ChatTemplate(template, {}).render([turn.as_message() for turn in conversation.turns], False)
    assert '{"city": "Oslo"}' in text
    assert text.startswith("a|")
    assert text.endswith("b|")


@pytest.mark.parametrize("tools", [[TOOL], [TOOL["function"]], json.dumps([TOOL]), json.dumps([TOOL["function"]])])
def test_tools_reach_the_template_as_openai_writes_them(tools):
    chat = {"tools": tools, "messages": [{"role": "assistant", "content": "b"}]}
    assert read(chat).tools == (TOOL,)


def test_parameters_in_a_text_are_read():
    tool = {"type": "function", "function": {"name": "weather", "parameters": json.dumps(PARAMETERS)}}
    assert read({"tools": [tool], "messages": [{"role": "assistant", "content": "b"}]}).tools == (TOOL,)


@pytest.mark.parametrize("tools", [None, [], ""])
def test_no_tools(tools):
    assert read({"tools": tools, "messages": [{"role": "assistant", "content": "b"}]}).tools == ()


@pytest.mark.parametrize("many", [False, True])
def test_a_sharegpt_turn_that_is_a_call(many):
    call = {"name": "weather", "arguments": {"city": "Oslo"}}
    sample = {
        "conversations": [
            {"from": "human", "value": "a"},
            {"from": "function_call", "value": json.dumps([call] if many else call)},
            {"from": "observation", "value": "rain"},
            {"from": "gpt", "value": "b"},
        ]
    }
    conversation = read(sample)
    assert [turn.role for turn in conversation.turns] == ["user", "assistant", "tool", "assistant"]
    assert conversation.turns[1].extra == {"tool_calls": [{"type": "function", "function": call}]}
    assert [turn.trained for turn in conversation.turns] == [False, True, False, True]


@pytest.mark.parametrize(
    "sample",
    [
        {"messages": [{"role": "assistant", "content": None}]},
        {"messages": [{"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"messages": [{"role": "gpt", "content": "b"}]},
        {"messages": [{"role": ["assistant"], "content": "b"}]},
        {"messages": []},
        {"messages": [{**CALL, "role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[1]"}}]}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{'a': 1}"}}]}]},
        {"conversations": [{"from": "function_call", "value": "no JSON"}]},
        {"messages": [{"role": "assistant", "content": "b"}], "tools": "no JSON"},
        {"segments": [{"label": 1, "text": "a"}]},
        {"segments": [{"label": True}]},
        {"instruction": "a", "output": 3},
        {"prompt": 3, "completion": "b"},
        {"text": None},
    ],
)
def test_what_cannot_be_read_is_refused(sample):
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        read(sample)


class TestFieldsOfARecipe:
    def test_messages_under_other_keys(self):
        entry = Dataset(
            "a.jsonl",
            type="chat_template",
            field_messages="chats",
            message_property_mappings={"role": "speaker", "content": "said", "reasoning_content": "thought"},
            roles={"user": ["customer"], "assistant": ["agent"]},
            field_tools="functions",
        )
        sample = {
            "chats": [{"speaker": "customer", "said": "a"}, {"speaker": "agent", "said": "b", "thought": "c"}],
            "functions": [TOOL],
        }
        conversation = read(sample, entry)
        assert turns(sample, entry) == [("user", "a", False), ("assistant", "b", True)]
        assert conversation.turns[1].extra == {"reasoning_content": "c"}
        assert conversation.tools == (TOOL,)
        assert conversation.turns[1].path == ("chats", 1, "said")

    @pytest.mark.parametrize(
        "keys",
        [
            {"type": "sharegpt"},
            {"field_messages": "conversations", "message_property_mappings": {"role": "from", "content": "value"}},
            {"field_messages": "conversations", "message_field_role": "from", "message_field_content": "value"},
        ],
    )
    def test_sharegpt(self, keys):
        sample = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}
        entry = Dataset("a.jsonl", **keys)
        assert turns(sample, entry) == [("user", "a", False), ("assistant", "b", True)]
        layout = layouts.declared(entry)
        assert layout is not None
        assert layout.format == "sharegpt"

    def test_roles_that_are_learned(self):
        sample = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
        entry = Dataset("a.jsonl", type="chat_template", roles_to_train=["user"])
        assert [trained for *_, trained in turns(sample, entry)] == [True, False]

    def test_messages_that_say_whether_they_are_learned(self):
        sample = {
            "messages": [
                {"role": "user", "content": "a", "train": True},
                {"role": "assistant", "content": "b", "train": False},
                {"role": "assistant", "content": "c", "train": None},
            ]
        }
        entry = Dataset("a.jsonl", type="chat_template", message_field_training="train")
        assert [trained for *_, trained in turns(sample, entry)] == [True, False, True]
        layout = layouts.of_file([sample], entry).layout
        assert layout is not None
        assert [text.learned for text in contents.texts_of(sample, layout)] == [True, False, True]

    @pytest.mark.parametrize(
        ("entry", "sample"),
        [
            (Dataset("a", type="alpaca"), {"instruction": "a", "output": "b"}),
            (Dataset("a", type="alpaca_w_system.load_open_orca"), {"instruction": "a", "output": "b"}),
            (Dataset("a", type="gpteacher"), {"instruction": "a", "response": "b"}),
            (Dataset("a", type="alpaca_chat.load_qa"), {"question": "a", "answer": "b"}),
            (Dataset("a", type=SampleFields(field_instruction="q", field_output="r")), {"q": "a", "r": "b"}),
            (Dataset("a", type=SampleFields(field_instruction="q")), {"q": "a", "output": "b"}),
            (Dataset("a", type="prompt-completion"), {"prompt": "a", "completion": "b"}),
        ],
    )
    def test_prompts_of_one_turn(self, entry, sample):
        assert turns(sample, entry) == [("user", "a", False), ("assistant", "b", True)]

    def test_texts(self):
        assert turns({"body": "a"}, Dataset("a", type="completion", field="body")) == [("", "a", True)]
        assert turns({"segments": [{"label": True, "text": "a"}]}, Dataset("a", type="input_output"))

    @pytest.mark.parametrize(
        ("entry", "sample"),
        [
            (Dataset("a", field_chosen="good", field_rejected="poor"), {"messages": "a", "good": "b", "poor": "c"}),
            (
                Dataset("a", type=SampleFields(field_prompt="q", field_chosen="good", field_rejected="poor")),
                {"q": "a", "good": "b", "poor": "c"},
            ),
            (
                Dataset("a", type="chat_template.default"),
                {"messages": [{"role": "user", "content": "a"}], "chosen": "b", "rejected": "c"},
            ),
        ],
    )
    def test_preference_pairs(self, entry, sample):
        assert turns(sample, entry) == [("user", "a", False), ("assistant", "b", True)]


class TestLayoutsOfFiles:
    CHAT = {"messages": [{"role": "assistant", "content": "b"}]}  # noqa: RUF012

    def test_most_samples_decide(self):
        prompt = {"prompt": "a", "completion": "b"}
        found = layouts.of_file([prompt, self.CHAT, prompt])
        assert found.layout is not None
        assert found.layout.format == "prompt-completion"
        assert found.unmet is None

    def test_the_recipe_decides_where_any_sample_agrees(self):
        found = layouts.of_file([self.CHAT, self.CHAT, {"text": "a"}], Dataset("a", type="completion"))
        assert found.layout is not None
        assert found.layout.format == "text"

    def test_a_recipe_that_no_sample_agrees_with(self):
        found = layouts.of_file([self.CHAT], Dataset("a", type="completion"))
        assert found.layout is not None
        assert found.unmet is not None
        assert (found.layout.format, found.unmet.format) == ("chat", "text")

    @pytest.mark.parametrize("type_", [None, "", "metharme", "chatml.intel"])
    def test_types_that_say_nothing_of_keys(self, type_):
        assert layouts.declared(Dataset("a", type=type_)) is None

    def test_a_file_without_samples(self):
        assert layouts.of_file([]) == layouts.FileLayout()
        assert layouts.of_file([{"a": 1}]) == layouts.FileLayout()
