"""A plain sample is one that the rules of the sample format need not look at: they must have nothing to say of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune_schemas import conversations
from lintune_schemas.samples import LAYOUTS, SampleFormat
from lintune_server.lint.sample import Line, Surroundings
from lintune_server.rules import GATED_STAGES

TEXTS = st.sampled_from(["a", "Hello there!", "b\nc", " a", "a\n", "", " ", "\u00a0", "\u200b", "🏠"])
OTHERS = st.sampled_from([None, 3, True, [], {}, ["a"]])
VALUES = st.one_of(TEXTS, TEXTS, TEXTS, OTHERS)
ROLES = st.sampled_from(
    ["system", "developer", "user", "assistant", "tool", "human", "gpt", "function_call", "narrator"]
)


def messages(role: str, content: str) -> st.SearchStrategy[list[dict]]:
    usual = st.fixed_dictionaries({role: ROLES, content: TEXTS})
    odd = st.fixed_dictionaries({role: st.one_of(ROLES, OTHERS)}, optional={content: VALUES, "weight": OTHERS})
    alternating = st.tuples(st.booleans(), st.integers(1, 3), st.lists(TEXTS, min_size=7, max_size=7)).map(
        lambda drawn: [
            {role: name, content: text}
            for name, text in zip([*["system"] * drawn[0], *["user", "assistant"] * drawn[1]], drawn[2], strict=False)
        ]
    )
    return st.one_of(alternating, st.lists(st.one_of(usual, usual, odd), max_size=4))


CHATS = messages("role", "content")
TEXTS_OR_CHATS = st.one_of(VALUES, CHATS)
SEGMENTS = st.lists(st.fixed_dictionaries({"label": st.booleans(), "text": TEXTS}), max_size=3)
MORE = {"system": VALUES, "tools": OTHERS, "id": VALUES}

SAMPLES = {
    SampleFormat.CHAT: ({"messages": st.one_of(CHATS, CHATS, VALUES)}, MORE),
    SampleFormat.SHAREGPT: ({"conversations": messages("from", "value")}, MORE),
    SampleFormat.PREFERENCE: ({"chosen": TEXTS_OR_CHATS, "rejected": TEXTS_OR_CHATS}, {**MORE, "prompt": VALUES}),
    SampleFormat.INPUT_OUTPUT: ({"segments": st.one_of(SEGMENTS, SEGMENTS, VALUES)}, MORE),
    SampleFormat.ALPACA: ({"instruction": VALUES, "output": VALUES}, {**MORE, "input": VALUES}),
    SampleFormat.PROMPT_COMPLETION: ({"prompt": TEXTS_OR_CHATS, "completion": TEXTS_OR_CHATS}, MORE),
    SampleFormat.TEXT: ({"text": VALUES}, MORE),
}


@pytest.mark.parametrize("format_", SampleFormat)
def test_no_rule_finds_anything_in_a_plain_sample(format_):
    required, optional = SAMPLES[format_]
    surroundings = Surroundings(LAYOUTS[format_])
    seen = {True: 0, False: 0}

    @settings(max_examples=300, deadline=None)
    @given(st.fixed_dictionaries(required, optional=optional))
    def check(sample):
        line = Line(json.dumps(sample), surroundings)
        seen[line.plain] += 1
        if line.plain:
            line.plain = False
            found = [problem for rule in GATED_STAGES[1] if rule.code != "SF117" for problem in rule.check(line)]
            assert found == []
            conversations.read(sample, LAYOUTS[format_])

    check()
    assert seen[True]
    assert seen[False]
