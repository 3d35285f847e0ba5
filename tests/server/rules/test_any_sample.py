"""The rules of the sample format take whatever stands in a sample: they never fail, and what they find has a place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune_schemas import conversations
from lintune_schemas.samples import LAYOUTS, SampleFormat
from lintune_server.lint import placing
from lintune_server.lint.findings import Severity
from lintune_server.lint.sample import Line, Surroundings
from lintune_server.rules import GATED_STAGES
from lintune_server.rules.sample_format.facts import read_signature, signature

pytestmark = pytest.mark.long

KEYS = [
    *("messages", "conversations", "segments", "instruction", "input", "output", "prompt", "completion", "chosen"),
    *("rejected", "text", "system", "tools", "role", "content", "from", "value", "label", "tool_calls", "tool_call_id"),
    *("function", "name", "arguments", "parameters", "type", "weight", "properties", "id", "tool", "required", "$ref"),
]
STRINGS = st.sampled_from(
    [
        *(
            "user",
            "assistant",
            "human",
            "gpt",
            "tool",
            "function_call",
            "text",
            "function",
            "object",
            "str",
            "",
            " a\n",
        ),
        *("{}", '{"name": "f"}', '[{"name": "f", "parameters": {"type": "str"}}]', "[1]", "\x1fz", "#", "🏠"),
    ]
)
LEAVES = st.one_of(STRINGS, st.sampled_from([None, True, False, 0, 1, 2.5, -1, 10**30]))


def objects(values: st.SearchStrategy) -> st.SearchStrategy[dict]:
    return st.dictionaries(st.one_of(st.sampled_from(KEYS), STRINGS), values, max_size=5)


JSON = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), objects(inner)), max_leaves=12)

CALLS = st.lists(
    st.one_of(JSON, st.fixed_dictionaries({"function": st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON))}))
)
MESSAGES = st.lists(
    st.one_of(
        JSON,
        st.fixed_dictionaries(
            {"role": STRINGS, "content": JSON},
            optional={"tool_calls": CALLS, "tool_call_id": JSON, "weight": JSON, "from": STRINGS, "value": JSON},
        ),
    ),
    max_size=4,
)
SAMPLES = st.one_of(
    objects(JSON),
    st.fixed_dictionaries({"messages": MESSAGES}, optional={"tools": JSON, "system": JSON}),
    st.fixed_dictionaries({"conversations": MESSAGES}, optional={"tools": JSON}),
    st.fixed_dictionaries({"prompt": st.one_of(JSON, MESSAGES), "chosen": st.one_of(JSON, MESSAGES), "rejected": JSON}),
)


@pytest.mark.parametrize("format_", [None, *SampleFormat])
def test_rules_never_fail(format_):
    layout = None if format_ is None else LAYOUTS[format_]

    @settings(max_examples=80, deadline=None)
    @given(SAMPLES)
    def check(sample):
        line = Line(json.dumps(sample), Surroundings(layout))
        errors = []
        for rule in GATED_STAGES[1]:
            for problem in rule.check(line):
                placing.on_line(problem.spot, line)
                placing.fix_on_line(problem.remedy, line)
                severity = rule.severity if problem.severity is None else problem.severity
                errors += [rule.code] if severity is Severity.ERROR else []
        read_signature(signature.of(line))
        if not errors and line.layout is not None:
            assert conversations.read(sample, line.layout).turns, "what has no error can be trained on"

    check()
