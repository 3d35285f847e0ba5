"""Compiled chat templates against Jinja: real ones, and small ones that look at contents in every way there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune_schemas import compiled_template
from lintune_schemas.chat_template import ChatTemplate, TemplateError
from lintune_schemas.compiled_template import CompiledTemplate
from lintune_schemas.conversations import Conversation, Turn

from .. import tokenizers
from .texts import texts

pytestmark = pytest.mark.long

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.chat_template import Rendering

ANSWER = "{% if add_generation_prompt %}<A>{% endif %}"


def each(body: str) -> str:
    return "{% for m in messages %}" + body + "{% endfor %}" + ANSWER


FOLLOWED = {
    "plain": each("<{{ m.role }}>{{ m.content }}</>"),
    "concatenated": each("{{ '<' + m['role'] + '>' + m['content'] ~ '</>' ~ loop.index }}"),
    "trimmed": each("<{{ m.role }}>{{ m.content | trim }}</>"),
    "stripped": each("<{{ m.role }}>{{ m.content.strip() }}{{ m.content.lstrip('\n') }}{{ m.content.rstrip() }}</>"),
    "trimmed together": each("{{ (m.role ~ m.content ~ '\n') | trim }}|"),
    "set": each(
        "{% set text = '<' ~ m.content ~ '>' %}{% if loop.first %}{% set text = 'B' ~ text %}{% endif %}{{ text }}"
    ),
    "set block": each("{% set text %}<{{ m.content }}>{% endset %}{{ text | trim }}"),
    "filter block": each("{% filter trim %} {{ m.content }} {% endfilter %}|"),
    "macro": "{% macro one(m, sep='|') %}{{ m.content }}{{ sep }}{% endmacro %}"
    + each("{{ one(m) }}{{ one(m, sep='-') }}"),
    "call block": "{% macro w() %}[{{ caller() }}]{% endmacro %}" + each("{% call w() %}{{ m.content }}{% endcall %}"),
    "namespace": "{% set ns = namespace(s='') %}"
    + each("{% set ns.s = ns.s ~ m.content %}{{ m.content }}|")
    + "{{ ns.s }}",
    "generation": each("<{{ m.role }}>{% generation %}{{ m.content }}{% endgeneration %}|"),
    "empty": each("{% if m.content %}{{ m.content }}{% else %}nothing{% endif %}|"),
    "not empty": each("{{ m.content or 'nothing' }}|{{ 'x' if not m.content }}|"),
    "defaulted": each(
        "{{ m.content | default('x') }}{{ m.content | default('x', true) }}{{ m.nothing | default(m.content) }}|"
    ),
    "contains": each(
        "{% if '</think>' in m.content %}{{ m.content.split('</think>')[-1] }}{% else %}{{ m.content }}{% endif %}|"
    ),
    "begins": each("{% if m.content.startswith('<') or m.content.endswith('\n') %}!{% endif %}{{ m.content }}|"),
    "equals": each("{% if m.content == 'user' or m.content in ['0', ' '] %}!{% endif %}{{ m.content }}|"),
    "types": each(
        "{% if m.content is string and m.content is not mapping and m.content is iterable %}{{ m.content }}{% endif %}"
    ),
    "refuses empty": each("{% if not m.content %}{{ raise_exception('empty') }}{% endif %}{{ m.content }}|"),
    "refuses roles": each(
        "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}{% endif %}{{ m.content }}"
    ),
    "needs a user": "{% set u = messages | selectattr('role', 'eq', 'user') | list %}"
    + "{% if not u %}{{ raise_exception('no') }}{% endif %}"
    + each("{{ m.content }}|"),
    "last user": "{% set last = messages | selectattr('role', 'equalto', 'user') | list | last %}"
    + each("{{ m.content }}|")
    + "{{ last.content }}",
    "roles": "{{ messages | map(attribute='role') | list | length }}" + each("{{ m.content }}|"),
    "system first": "{% if messages[0].role == 'system' %}{% set s = messages[0].content ~ '\n' %}"
    "{% set messages = messages[1:] %}{% else %}{% set s = '' %}{% endif %}"
    + each("{{ (s if loop.first else '') + m.content | trim }}|"),
    "rewrites": each("{{ m.role }}{{ ' (last)' if loop.last }}{{ m.content }}|"),
    "late": each("{{ m.content if not loop.last }}|"),
    "thinks": each("{% if loop.last and m.role == 'assistant' %}<think></think>{% endif %}{{ m.content }}|"),
    "date": "{{ strftime_now('%d %b %Y') }}" + each("{{ m.content }}|"),
    "no tools": "{% if tools is not none %}{{ tools | tojson }}{% endif %}" + each("{{ m.content }}|"),
    "continues": each("{% if m.role == 'system' %}{% continue %}{% endif %}{{ m.content }}|"),
    "no message": "{{ messages[0].content if messages }}" + each("{{ m.content }}|"),
    "items": each("{% for key, value in m.items() %}{{ key }}={{ value }};{% endfor %}"),
    "method": each("{{ m.content.strip is callable }}{{ m.content }}|"),
    "get": each("{{ m.get('content') }}{{ m.get('name', '') }}|"),
}
LEFT_TO_JINJA = {
    "length": each("{{ m.content | length }}{{ m.content }}|"),
    "slice": each("{{ m.content[:3] }}{{ m.content[0] }}|"),
    "upper": each("{{ m.content | upper }}|{{ m.content.upper() }}"),
    "replace": each("{{ m.content | replace('a', 'b') }}|{{ m.content.replace('x', 'yy') }}"),
    "json": each("{{ m | tojson }}|{{ m.content | tojson }}"),
    "join": each("{{ [m.content, m.role] | join('-') }}|"),
    "all contents": "{{ messages | map(attribute='content') | join('|') }}" + ANSWER,
    "printed": each("{{ m }}|"),
    "percent": each("{{ '%s' % m.content }}|{{ '%s' | format(m.content) }}"),
    "format": each("{{ '{}'.format(m.content) }}|"),
    "key": each("{{ {'user': 1}[m.content] }}{{ {m.content: 1} }}|"),
    "member": each("{% if m.content in 'user assistant' %}!{% endif %}{{ m.content }}|"),
    "compared": each("{% if m.content < 'b' %}!{% endif %}{{ m.content }}|"),
    "characters": each("{% for c in m.content %}{{ c }}.{% endfor %}|"),
    "each other": each(
        "{% if loop.previtem is defined and loop.previtem.content == m.content %}!{% endif %}{{ m.content }}|"
    ),
    "changed": each("{% if loop.changed(m.content) %}!{% endif %}{{ m.content }}|"),
    "attribute": each("{{ m.content.text }}{{ m.content['text'] }}{{ m.content.expression }}{{ m.content }}|"),
    "named attribute": each("{{ [][m.content] is defined }}{{ m.content }}|"),
    "sameas": each("{{ m.content is sameas 'user' }}{{ m.content }}|"),
    "lower test": each("{{ m.content is lower }}{{ m.content }}|"),
    "escaped": each("{{ m.content | e }}{{ '<b>' | safe + m.content }}|"),
    "markup equals": each("{{ m.content == ('user' | safe) }}{{ m.content }}|"),
    "autoescaped": "{% autoescape true %}" + each("{{ m.content }}{{ '<' ~ m.content }}|") + "{% endautoescape %}",
    "middle part": each("{{ m.content.split('\n')[1] }}|"),
    "words": each("{{ m.content.split() | length }}{{ m.content }}|"),
    "time": "{{ strftime_now('%H:%M:%S.%f')[:0] }}" + each("{{ m.content }}|"),
    "repeated": each("{{ m.content * 2 }}|"),
    "sorted": "{% for m in messages | sort(attribute='content') %}{{ m.content }}|{% endfor %}" + ANSWER,
    "unique": "{% for m in messages | unique(attribute='content') %}{{ m.content }}|{% endfor %}" + ANSWER,
    "hidden in a dict": each("{% set d = dict(x=m.content) %}{{ d }}{{ d.x }}|"),
    "concat of lists": each("{{ ([m.content] + ['a']) | join }}|"),
    "always refuses": "{{ raise_exception('no') }}",
    "broken": "{{ nothing.at.all }}" + each("{{ m.content }}"),
}

Talk = list[tuple[str, str]]
CONTENTS = texts(["<think>", "</think>", "<|im_end|>"], max_size=6) | st.sampled_from(
    ["", " ", "user", "0", "\n", "<b>", "text", "append"]
)
TALKS = st.lists(
    st.tuples(st.sampled_from(["system", "user", "assistant"]), CONTENTS), min_size=1, max_size=5
) | st.lists(CONTENTS, min_size=2, max_size=6).map(
    lambda contents: [(("user", "assistant")[index % 2], content) for index, content in enumerate(contents)]
)


@pytest.fixture(autouse=True, scope="module")
def at_once() -> object:
    """Templates are compiled at the first sight of a sequence of roles."""
    patch = pytest.MonkeyPatch()
    patch.setattr(compiled_template, "_OFTEN", 1)
    yield
    patch.undo()


def by_jinja(template: ChatTemplate, talk: Talk, asked: Sequence[int]) -> Rendering | None:
    try:
        return template.render_turns([{"role": role, "content": content} for role, content in talk], asked)
    except TemplateError:
        return None


def compare(template: ChatTemplate, compiled: CompiledTemplate, talk: Talk) -> bool:
    """Asserts equality where the compiled template gives anything, and says whether it does."""
    asked = tuple(index for index, (role, _) in enumerate(talk) if role == "assistant")
    rendering = compiled.render(tuple(role for role, _ in talk), asked, [content for _, content in talk])
    if rendering is not None:
        assert rendering == by_jinja(template, talk, asked)
    return rendering is not None


SMALL = [*FOLLOWED.values(), *LEFT_TO_JINJA.values()]


@pytest.mark.parametrize("source", SMALL, ids=[*FOLLOWED, *LEFT_TO_JINJA])
def test_small_templates(source: str) -> None:
    template = ChatTemplate(source, {"bos_token": "<s>"})
    compiled = CompiledTemplate(template)

    @settings(max_examples=25)
    @given(st.lists(TALKS, min_size=4, max_size=8))
    def check(talks: list[Talk]) -> None:
        for talk in talks:
            compare(template, compiled, talk)

    check()


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_is_followed(name: str) -> None:
    template = ChatTemplate(FOLLOWED[name], {"bos_token": "<s>"})
    assert compare(template, CompiledTemplate(template), [("user", "Hi there"), ("assistant", "Hello")])


@pytest.mark.parametrize("name", LEFT_TO_JINJA)
def test_what_is_left_to_jinja(name: str) -> None:
    template = ChatTemplate(LEFT_TO_JINJA[name], {"bos_token": "<s>"})
    assert not compare(template, CompiledTemplate(template), [("user", "Hi there"), ("assistant", "Hello")])


@pytest.mark.parametrize("name", [name for name in tokenizers.NAMES if name not in ("gemma2", "llama2")])
def test_templates_in_use(name: str) -> None:
    template = tokenizers.load(name).template
    assert template is not None
    compiled = CompiledTemplate(template)
    assert compare(template, compiled, [("system", "s"), ("user", "Hi"), ("assistant", "Hello")])
    assert compare(template, compiled, [("user", "a"), ("assistant", "b"), ("user", "c\n"), ("assistant", " d")])
    assert compare(template, compiled, [("user", "a"), ("assistant", "<think>\nx\n</think>\n\nb")])

    @settings(max_examples=25)
    @given(st.lists(TALKS, min_size=4, max_size=8))
    def check(talks: list[Talk]) -> None:
        for talk in talks:
            compare(template, compiled, talk)

    check()


@given(st.lists(TALKS, min_size=4, max_size=8), st.data())
@settings(max_examples=40)
def test_measured_as_tokenized(talks: list[Talk], data: st.DataObject) -> None:
    chat = tokenizers.load(tokenizers.DEMO)
    conversations = []
    for talk in talks:
        turns = [Turn(role, text, role == "assistant" and data.draw(st.booleans()), ()) for role, text in talk]
        conversations.append(Conversation(tuple(turns), templated=data.draw(st.booleans())))
    for conversation, measured in zip(conversations, chat.measure(conversations), strict=True):
        tokenized = chat.tokenize(conversation)
        assert not isinstance(measured, TemplateError)
        assert measured.rendered == tokenized.rendered
        assert (measured.tokens, measured.trained_tokens) == (len(tokenized.ids), tokenized.trained_tokens)


def test_a_new_day_writes_a_new_date(monkeypatch: pytest.MonkeyPatch) -> None:
    template = ChatTemplate(FOLLOWED["date"], {})
    compiled = CompiledTemplate(template)
    talk = [("user", "a"), ("assistant", "b")]
    assert compare(template, compiled, talk)
    monkeypatch.setattr(compiled_template, "today", lambda _: "tomorrow")
    compiled.begin()
    assert not compiled._plans


def test_contents_that_would_build_too_much_are_left_to_jinja() -> None:
    template = ChatTemplate(FOLLOWED["plain"], {})
    compiled = CompiledTemplate(template)
    assert compare(template, compiled, [("user", "a"), ("assistant", "b")])
    assert not compare(template, compiled, [("user", "a" * 10_000_001), ("assistant", "b")])
