"""Chat templates: what transformers offers them, and limits for hostile ones."""

from __future__ import annotations

import gc
import resource
import time
from typing import Any

import pytest

from lintune_schemas.chat_template import ChatTemplate, TemplateError

from .. import tokenizers

pytestmark = pytest.mark.long

MESSAGES = [{"role": "user", "content": "<Hi> & 'é'"}, {"role": "assistant", "content": "Hello\n\nyou"}]
TOOLS = [{"type": "function", "function": {"name": "f", "description": "<a> é", "parameters": {"type": "object"}}}]

OFFERED = {
    "json": "{{ messages | tojson }}{{ messages[0] | tojson(indent=2) }}{{ {'b': 1, 'a': 'é'} | tojson(sort_keys=1) }}",
    "json as is": "{{ messages | tojson(ensure_ascii=true, separators=(',', ':')) }}",
    "date": "{{ strftime_now('%Y') }}",
    "loop controls": "{% for m in messages %}{% if loop.index == 2 %}{% break %}{% endif %}{{ m.content }}{% endfor %}",
    "generation": "{% for m in messages %}"
    "{% generation %}{{ m.content }}{% set x = 1 %}{% endgeneration %}{{ x }}{% endfor %}",
    "no tools": "{{ tools is none }}{{ tools is defined }}",
    "white space": "  {% if true %}\n  a\n  {% endif %}\n{{ 'b' }}\n",
    "namespace": "{% set ns = namespace(a=1, self=2) %}{% set ns.a = 3 %}{{ ns.a }}{{ ns.self }}",
    "concatenated": "{{ 1 ~ none ~ 'a' ~ [1, 'b'] }}{{ none }}{{ 1.5 }}{{ true }}{{ nothing }}",
    "filters": "{{ 'a b' | title }}{{ [1, 2] | join('-') }}{{ 'aab' | replace('a', 'x', 1) }}{{ 'a\nb' | indent }}",
    "formats": "{{ '%s-%d' % ('a', 3) }}{{ '%05d' | format(3) }}{{ '{:>5}{x}'.format('a', x=1) }}{{ ['a'] * 2 }}",
    "autoescape": "{% autoescape true %}{{ '<' }}{{ '<' ~ '>' }}{% endautoescape %}{{ '<' | e }}",
    "macro": "{% macro m(a, b='x') %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, b=2) }}",
}


def rendered_by_transformers(source: str, special: dict[str, str], tools: list[Any] | None, prompt: bool) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    texts, _ = render_jinja_template(
        [MESSAGES], tools=tools, chat_template=source, add_generation_prompt=prompt, **special
    )
    return str(texts[0])


@pytest.mark.parametrize("source", OFFERED.values(), ids=list(OFFERED))
def test_renders_as_transformers_does(source: str) -> None:
    pytest.importorskip("transformers")
    expected = rendered_by_transformers(source, {"bos_token": "<s>"}, None, False)
    assert ChatTemplate(source, {"bos_token": "<s>"}).render(MESSAGES, False) == expected


@pytest.mark.parametrize("tools", [None, TOOLS], ids=["no tools", "tools"])
@pytest.mark.parametrize("name", [name for name in tokenizers.NAMES if name not in ("gemma2", "llama2")])
def test_templates_in_use_render_as_in_transformers(name: str, tools: list[Any] | None) -> None:
    pytest.importorskip("transformers")
    template = tokenizers.load(name).template
    assert template is not None
    for prompt in (False, True):
        expected = rendered_by_transformers(template.source, template.special, tools, prompt)
        assert template.render(MESSAGES, prompt, tools or ()) == expected


def doubling(value: str, times: int = 60) -> str:
    return (
        "{% set ns = namespace(x='x') %}{% for _ in range("
        + str(times)
        + ") %}{% set ns.x = "
        + value
        + " %}{% endfor %}"
    )


HOSTILE = {
    "endless": "{% for a in range(99999) %}{% for b in range(99999) %}{{ 'x' }}{% endfor %}{% endfor %}",
    "silent": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "repeated": "{{ 'x' * 999999999 }}",
    "repeated list": "{{ ([1] * 999999999) | length }}",
    "range": "{{ range(999999999) | list | length }}",
    "doubled by ~": doubling("ns.x ~ ns.x"),
    "doubled by +": doubling("ns.x + ns.x"),
    "doubled by *": doubling("ns.x * 2"),
    "doubled by join": doubling("[ns.x, ns.x] | join"),
    "doubled by join()": doubling("''.join([ns.x, ns.x])"),
    "doubled by format": doubling("'%s%s' % (ns.x, ns.x)"),
    "doubled by format()": doubling("'{0}{0}'.format(ns.x)"),
    "doubled by replace": doubling("ns.x | replace('x', 'xx')"),
    "doubled by replace()": doubling("ns.x.replace('x', 'xx')"),
    "doubled by block": "{% set ns = namespace(x='x') %}{% for _ in range(60) %}"
    "{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}"
    "{% set ns.x = y %}{% endfor %}",
    "doubled list": doubling("[ns.x, ns.x]") + "{{ ns.x }}",
    "doubled list as JSON": doubling("[ns.x, ns.x]") + "{{ ns.x | tojson }}",
    "doubled list as text": doubling("[ns.x, ns.x]") + "{{ ns.x | string | length }}",
    "doubled list in a format": doubling("[ns.x, ns.x]") + "{{ '%s' % (ns.x,) }}",
    "long lists": "{% set ns = namespace(x='x' * 999999, l=[]) %}{% for i in range(9999) %}"
    "{% set ns.l = ns.l + [ns.x ~ i] %}{% endfor %}",
    "joined often": "{{ range(99999) | map('string') | join('x' * 99999) }}",
    "wide": "{{ '%999999999d' % 1 }}",
    "wide format": "{{ '{:999999999}'.format(1) }}",
    "wide filter": "{{ '%*d' | format(999999999, 1) }}",
    "filled": "{{ 'x'.ljust(999999999) }}",
    "centred": "{{ 'x'.center(999999999) }}{{ 'x' | center(999999999) }}",
    "indented": "{{ 'a\nb' | indent(999999999) }}",
    "indented JSON": "{{ [1] | tojson(indent=999999999) }}",
    "batched": "{{ [1] | batch(999999999, 'x') | list }}",
    "sliced": "{{ [1] | slice(999999999) | list | length }}",
    "power": "{{ 9 ** 999999999 }}",
    "squared": doubling("(ns.x if ns.x is number else 9) * (ns.x if ns.x is number else 9)"),
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "nested deep": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "many ifs": "{% if true %}" * 3000 + "{% endif %}" * 3000,
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=list(HOSTILE))
def test_a_hostile_template_ends_soon_in_little_memory(source: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    with pytest.raises(TemplateError):
        ChatTemplate(source, {}).render(MESSAGES, False)
    assert time.process_time() - begin < 20  # the limit is 2 s; this is about never ending
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    gc.collect()
    assert grown < 500_000  # kilobytes


def test_ten_million_characters_are_the_most() -> None:
    messages = [{"role": "user", "content": "x" * 9_999_999}]
    assert len(ChatTemplate("{{ messages[0].content }}", {}).render(messages, False)) == 9_999_999
    with pytest.raises(TemplateError, match="more than 10,000,000 characters"):
        ChatTemplate("{{ messages[0].content }}ab", {}).render(messages, False)


def test_long_conversations_render() -> None:
    messages = [{"role": ("user", "assistant")[index % 2], "content": "x" * 2_000} for index in range(400)]
    template = (
        "{% set ns = namespace(t='') %}{% for m in messages %}{% set ns.t = ns.t ~ m.content %}{% endfor %}{{ ns.t }}"
    )
    with pytest.raises(TemplateError):  # quadratic, of too much
        ChatTemplate(template, {}).render(messages, False)
    assert len(ChatTemplate(template, {}).render(messages[:200], False)) == 400_000
