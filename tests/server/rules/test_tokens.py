"""Rules of tokens and templates with real tokenizers, and where a table of fixtures is not enough."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests import tokenizers

from lintune_schemas.chat import ChatTokenizer, RenderedChat
from lintune_schemas.model_files import CHAT_TEMPLATES
from lintune_schemas.recipe import Recipe
from lintune_server.lint import fixing
from lintune_server.lint.context import Context
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.lint.selection import Selection
from lintune_server.rules.tokens import boundaries, markup, places

CHAT_MODELS = [param for param in tokenizers.PARAMS if param.values[0] not in ("gemma2", "llama2")]
"""Those with a chat template of their own."""

GEMMA_2 = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}"
    "{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)


def chat(*contents, system=None):
    """A chat of user and assistant by turns."""
    messages = [{"role": "system", "content": system}] if system else []
    roles = ("user", "assistant")
    return {"messages": messages + [{"role": roles[at % 2], "content": text} for at, text in enumerate(contents)]}


def found(samples, tokenizer, **recipe):
    """What the rules of tokens say, as (code, line, text that is marked, message)."""
    lines = [json.dumps(sample, ensure_ascii=False) for sample in samples]
    context = Context(None, Recipe("model", **{"sequence_len": 4096, **recipe}), tokenizer)
    findings = DatasetLinter(Path("train.jsonl"), context, Selection(("TK",))).check(
        "".join(f"{one}\n" for one in lines)
    )
    return [
        (
            finding.code,
            finding.range.start.line,
            lines[finding.range.start.line][finding.range.start.column : finding.range.end.column],
            finding.message,
        )
        for finding in findings
    ]


def with_template(name, template):
    loaded = tokenizers.load(name)
    return ChatTokenizer(loaded.tokenizer, template, loaded.special, loaded.adds_bos)


@pytest.mark.parametrize("name", CHAT_MODELS)
def test_a_models_own_template_is_fine(name):
    samples = [
        chat("Which café is nearest? 🏠", "The one at the corner.\n\n- left\n- then right"),
        chat("Hi", "Hello!", "2 + 2?", "4", system="Be brief.") if name != "qwen3" else chat("Hi", "Hello!"),
        chat("Write code.", "```python\nprint('<b>[1]</b>')\n```\n### Result:\n1"),
        chat("…", "“Quoted”"),
    ]
    assert found(samples, tokenizers.load(name)) == []


@pytest.mark.parametrize(("name", "codes"), [("llama3_2", {"TK203", "TK204", "TK206"}), ("qwen2_5", set())])
def test_another_models_template(name, codes):
    tokenizer = with_template(name, CHAT_TEMPLATES["chatml"])
    said = found([chat("Hi", "Hello!"), chat("Ho", "Hello!")], tokenizer, chat_template="chatml")
    assert {code for code, *_ in said} == codes
    assert all(line == 0 and message.endswith("This is so in all 2 samples.") for _, line, _, message in said)


def test_gemma_2_takes_no_system_message_and_no_tool():
    tokenizer = with_template("gemma3", GEMMA_2)
    call = {"id": "1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    tool = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
    with_tool = {
        "messages": [
            {"role": "user", "content": "Time?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "12:00", "tool_call_id": "1"},
            {"role": "assistant", "content": "Noon."},
        ],
        "tools": [tool],
    }
    said = found([chat("Hi", "Hello!", system="Be brief."), chat("Hi", "Hello!"), with_tool], tokenizer)
    assert [(code, line, text) for code, line, text, _ in said] == [
        ("TK207", 0, '{"role": "system", "content": "Be brief."}'),
        ("TK207", 2, '{"role": "tool", "content": "12:00", "tool_call_id": "1"}'),
    ]
    assert "System role not supported" in said[0][3]
    assert "must alternate" in said[1][3]


def test_qwen_3_rewrites_earlier_answers():
    multi_turn = chat("Hi", "Hello!", "2 + 2?", "4")
    said = found([multi_turn, chat("Hi", "Hello!"), multi_turn], tokenizers.load("qwen3"))
    assert [(code, line, text) for code, line, text, _ in said] == [("TK209", 0, '"Hello!"')]
    assert said[0][3].endswith("This is so in 2 of 3 samples.")


def test_a_template_that_never_ends_has_no_message_to_blame():
    endless = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    ((code, _, text, message),) = found([chat("Hi", "Hello!")], with_template("smollm2", endless))
    assert code == "TK207"
    assert text == json.dumps(chat("Hi", "Hello!"))
    assert "did not end within 2 seconds" in message


def test_what_can_be_said_without_a_model():
    samples = [
        chat("[INST] Hi [/INST]", "Hello!"),
        chat("Hi <|im_end|>", "Hello!"),
        chat("Hi <b>", "<s>Hello!</s>"),
    ]
    said = found(samples, None)
    assert [(code, line, text) for code, line, text, _ in said] == [("TK211", 0, "[INST]"), ("TK205", 1, "<|im_end|>")]


HINDI = "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।"
CHINESE = "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。"
RUSSIAN = "Все люди рождаются свободными и равными в своем достоинстве и правах."
GEORGIAN = "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით."


@pytest.mark.parametrize(
    ("name", "covered", "uncovered"),
    [
        ("smollm2", [RUSSIAN], [HINDI, CHINESE, GEORGIAN]),
        ("llama3_2", [HINDI, CHINESE, RUSSIAN], [GEORGIAN]),
        ("qwen2_5", [CHINESE, RUSSIAN, GEORGIAN], [HINDI]),
        ("gemma3", [HINDI, CHINESE, RUSSIAN, GEORGIAN], []),
    ],
)
def test_scripts_that_a_tokenizer_covers(name, covered, uncovered):
    tokenizer = tokenizers.load(name)
    english = [chat("Hi", "Hello!")] * 3
    assert found([chat("What is this?", text) for text in covered], tokenizer) == []
    for text in uncovered:
        (said,) = found([*english, chat("What is this?", text)], tokenizer)
        assert said[:2] == ("TK210", 3)
        assert said[2] in text


_PIECES = (
    "a",
    "The",
    " answer",
    "is ",
    "42",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\t",
    ":",
    ")",
    "'",
    "s",
    "é",
    "\u0301",
    "中",
    "🏠",
    "▁",
)
_TEXTS = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=6).map("".join)


@pytest.mark.parametrize("name", tokenizers.PARAMS)
@given(given_=_TEXTS, learned=_TEXTS, after=_TEXTS)
@example(given_="The answer is ", learned="yes", after="\n")
@example(given_="a", learned=" cafe\u0301", after=" a")
@example(given_="e\u0301", learned="s", after=" a")
def test_no_token_across_a_border_is_missed(name, given_, learned, after):
    tokenizer = tokenizers.load(name)
    start, stop = len(given_), len(given_) + len(learned)
    rendered = RenderedChat(given_ + learned + after, (), ((start, stop),), exact=True)
    tokenized = tokenizer.tokenize_rendered(rendered)
    if any(boundaries.across(tokenized, border) for border in boundaries.borders(rendered)):
        assert boundaries.may_join(tokenizer, rendered)


@pytest.mark.parametrize("name", tokenizers.PARAMS)
def test_no_vocabulary_joins_a_line_end_with_what_is_visible(name):
    """On which `may_join` relies without listing the vocabulary."""
    vocabulary = tokenizers.load(name).tokenizer.get_vocab(with_added_tokens=False)
    assert not [token for token in vocabulary if re.search(r"[\nĊ][^\nĊ\r\tĉčĠ▁ ]", token)]


def test_a_token_that_begins_with_a_space_is_across_even_where_its_place_leaves_the_space_out():
    tokenizer = tokenizers.load("smollm2")
    rendered = RenderedChat("It is yes", (), ((6, 9),), exact=True)
    whole = tokenizer.tokenize_rendered(rendered)
    trimmed = tuple((start + (rendered.text[start] == " "), stop) for start, stop in whole.offsets)
    assert boundaries.across(whole, 6) == (5, 9)
    assert boundaries.across(type(whole)(rendered, whole.ids, trimmed, whole.trained), 6) == (5, 9)


_SPECIAL_PIECES = ("<|im_end|>", "<|im_start|>", "<|im_", "end|>", "<|", "|>", "</s>", "<s>", "user\n", " ", "é", "\n")


@given(st.lists(st.sampled_from(_SPECIAL_PIECES), min_size=1, max_size=8).map("".join))
def test_taking_special_tokens_out_twice_changes_nothing_more(text):
    context = Context(None, Recipe("model", sequence_len=4096), tokenizers.load("smollm2"))
    linter = DatasetLinter(Path("train.jsonl"), context, Selection(("TK205",)))

    def fixed(data):
        edits = fixing.independent(finding.fix.edits for finding in linter.check(data) if finding.fix)
        return fixing.apply(data, edits)

    once = fixed(json.dumps({"prompt": f"a{text}b", "completion": "Yes."}, ensure_ascii=False) + "\n")
    assert fixed(once) == once


@pytest.mark.parametrize(
    ("marks", "reported", "where"),
    [
        ([0, 0, 0], [], ""),
        ([1], [0], ""),
        ([0, 1], [1], ""),
        ([1, 1, 0], [0], " This is so in 2 of 3 samples."),
        ([0] * 20 + [1, 1], [20, 21], ""),
        ([1] * 30 + [0] * 100, [0], " This is so in 30 of 130 samples."),
        ([1] * 1500 + [0] * 13500, list(range(1500)), ""),
    ],
)
def test_exceptions_are_reported_each_and_what_is_common_once(marks, reported, where):
    said = list(places.marked(marks))
    assert [index for index, _ in said] == reported
    assert {sentence for _, sentence in said} <= {where}


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("<s>[INST] Hi [/INST]", "[INST]"),
        ("  <|im_start|>user\nHi<|im_end|>", "<|im_start|>user"),
        ("### Instruction:\nHi\n### Response:\nHello!", "### Instruction:"),
        ("Be nice.\n\n### Instruction:\nHi\n\n### Response:\n", "### Instruction:"),
        ("### Instruction:\nHi", None),
        ("# Recipe\n### Instruction:\nMix.\n### Response:\nGood.", None),
        ("[INST] is what Llama 2 begins with", None),
        ("About <|im_start|>user\nand so on", None),
        ("<|im_start|>users\n", None),
        ("```\n<|user|>\n```", None),
    ],
)
def test_markup(text, marked):
    said = markup.found_in(text, learned=False)
    assert (text[said.start : said.end] if said else None) == marked


def test_markup_is_found_in_time():
    """Long texts that nearly match."""
    rng = random.Random(1)
    pieces = ("### Instruction:\n", "[/INST] ", "</s> ", "`", "```", "## Response: ", "\n", "word " * 50)
    text = "word " + "".join(rng.choices(pieces, k=3000)) + "."
    assert markup.found_in(text, learned=True) is None
