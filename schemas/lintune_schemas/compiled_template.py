"""Chat templates as they are for most conversations: fixed texts with the messages' contents between them.

A template is traced (`template_tracer`) once for each sequence of roles that is met often. What comes out is compared
with Jinja's own rendering on the conversation at hand and on hostile contents, and is then used for all conversations
of these roles whose contents give the same answers to what the template asks of them. All others are for Jinja.
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from operator import itemgetter, methodcaller
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from lintune_schemas.chat_template import Rendering, TemplateError
from lintune_schemas.template_trace import Content, Joined, Step, Untraceable
from lintune_schemas.template_tracer import Tracer, today

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lintune_schemas.chat_template import ChatTemplate
    from lintune_schemas.template_trace import Expression, Trace

    Roles = tuple[str, ...]
    _Key = tuple[Roles, tuple[int, ...]]
    """Roles, and which of the turns are trained."""
    Contents = Sequence[str]
    Value = Callable[[Contents], str]

_OFTEN = 24
"""A plan costs as much as some 30 renderings, of long conversations as much as fewer."""
_LONG = 8
"""Turns."""
_MOST_PLANS = 4
"""For one sequence of roles: answers that contents give differ from sample to sample."""
_MOST_SEQUENCES = 2_000
"""Of roles."""
_HOSTILE = [
    *(
        "",
        " ",
        "\n",
        "  two words \n\n",
        "\ttab\r\n",
        "{{ messages }}",
        "{% if x %}",
        "<|im_end|>",
        "</s>",
        "<think>\nx",
    ),
    *("<think>\nthought\n</think>\n\nanswer", "</think>", "<tool_response>x</tool_response>", "user", "assistant", "0"),
    *(
        "é 中文 🏠 \u00a0",
        "\u2028\x00\x1f\x85 ",
        "x" * 5_000,
        " " * 3_000 + "x",
        "None",
        "[]",
        '{"a": 1}',
        "<b>&amp;</b>",
    ),
]
"""Contents on which a template would show that it does not treat all texts alike."""


class CompiledTemplate:
    """Renders what it can as the template would."""

    def __init__(self, template: ChatTemplate) -> None:
        self._template = template
        self._tracer: Tracer | None = None
        self._plans: dict[_Key, list[_Plan]] = {}
        self._met: Counter[_Key] = Counter()
        self._failures: Counter[_Key] = Counter()
        self._dates: dict[str, str] = {}
        self._lock = Lock()

    def begin(self) -> None:
        """To be called before a batch: a new day makes templates write another date."""
        if any(today(format_) != date for format_, date in self._dates.items()):
            with self._lock:
                self._plans.clear()
                self._dates.clear()

    def render(self, roles: Roles, trained: tuple[int, ...], contents: Contents) -> Rendering | None:
        """The conversation with these roles and contents; None when the template itself has to render it.

        trained: the indices of the turns whose prompts are asked for.
        """
        key = (roles, trained)
        plans = self._plans.get(key, [])
        for plan in plans:
            if plan.fits(contents):
                return plan.render(contents)
        if not self._is_worth_a_plan(key):
            return None
        with self._lock:
            made = self._plan(roles, trained, contents)
            if made is None:
                self._failures[key] += 1
                return None
            self._dates.update(made.dates)
            self._plans[key] = [*plans, made]
        return made.render(contents)

    def _is_worth_a_plan(self, key: _Key) -> bool:
        if key not in self._met and len(self._met) >= _MOST_SEQUENCES:
            return False
        self._met[key] += 1
        turns = len(key[0])
        often = _OFTEN if turns <= _LONG else max(2, _OFTEN * _LONG // turns)
        return (
            self._met[key] >= min(often, _OFTEN) and len(self._plans.get(key, [])) + self._failures[key] < _MOST_PLANS
        )

    def _plan(self, roles: Roles, trained: tuple[int, ...], contents: Contents) -> _Plan | None:
        try:
            self._tracer = self._tracer or Tracer(self._template.source, self._template.special)
            whole = self._trace(roles, contents, False)
            ends = [self._trace(roles[:count], contents, False) for count in range(1, len(roles))]
            prompts = [self._trace(roles[:count], contents, True) for count in trained]
        except (Untraceable, TemplateError):
            return None
        if whole.refusal is not None:
            return None
        plan = _Plan(whole, ends, prompts)
        return plan if plan.fits(contents) and self._proves_right(plan, roles, trained, contents) else None

    def _proves_right(self, plan: _Plan, roles: Roles, trained: tuple[int, ...], contents: Contents) -> bool:
        for tried in (contents, *_hostile(len(roles))):
            if not plan.fits(tried):
                continue
            try:
                by_jinja = self._template.render_turns(_messages(roles, tried), trained)
            except TemplateError:
                return False
            if by_jinja != plan.render(tried):
                return False
        return True

    def _trace(self, roles: Roles, contents: Contents, add_generation_prompt: bool) -> Trace:
        assert self._tracer is not None
        contents = contents[: len(roles)]
        trace = self._tracer.trace(roles, contents, add_generation_prompt)
        if trace.refusal is not None:
            try:
                self._template.render(_messages(roles, contents), add_generation_prompt)
            except TemplateError as error:
                if str(error) == trace.refusal:
                    return trace
            raise Untraceable("refuses the stand-ins only")
        return trace


class _Plan:
    """What a template does with conversations of the same roles whose contents pass the same guards."""

    def __init__(self, whole: Trace, ends: Sequence[Trace], prompts: Sequence[Trace]) -> None:
        traces = (whole, *ends, *prompts)
        self.dates = {format_: date for trace in traces for format_, date in trace.dates}
        self._longest = min(trace.longest for trace in traces)
        guards = dict.fromkeys(guard for trace in traces for guard in trace.guards)
        self._guards = [
            (_value(guard.of), methodcaller(guard.method, guard.argument), guard.answer) for guard in guards
        ]
        texts, expressions = _alternating(whole.output)
        self._values = [_value(expression) for expression in expressions]
        self._parts = [""] * (2 * len(texts) - 1)
        self._parts[::2] = texts
        self._ends = _Places(whole.output, ends)
        self._prompts = _Places(whole.output, prompts)

    def fits(self, contents: Contents) -> bool:
        """Whether the template takes the same way with these contents."""
        if max(map(len, contents), default=0) > self._longest:
            return False
        return not self._guards or all(ask(value(contents)) is answer for value, ask, answer in self._guards)

    def render(self, contents: Contents) -> Rendering:
        values = [value(contents) for value in self._values]
        parts = self._parts.copy()
        parts[1::2] = values
        text = "".join(parts)
        sizes = [0, *accumulate(map(len, values))]
        ends = self._ends.find(sizes, text, contents)
        ends.append(len(text))
        return Rendering(text, ends, self._prompts.find(sizes, text, contents))


class _Places:
    """How much of the whole rendering other renderings are, if the whole begins with them."""

    def __init__(self, whole: Joined, beginnings: Sequence[Trace]) -> None:
        self._fixed: list[tuple[int, int]] = []
        """Characters of the template's own, and how many contents."""
        self._open: list[tuple[int, Value | None]] = []
        """Of those for which it depends on contents: their index, and what they are; None if never."""
        for index, beginning in enumerate(beginnings):
            place = _place(whole, beginning.output) if beginning.refusal is None else None
            if isinstance(place, tuple):
                self._fixed.append(place)
            else:
                self._fixed.append((0, 0))
                self._open.append((index, _value(beginning.output) if place == "compare" else None))

    def find(self, sizes: list[int], text: str, contents: Contents) -> list[int | None]:
        """sizes: how many characters the first contents have in the text, of none, of one, and so on."""
        found: list[int | None] = [characters + sizes[count] for characters, count in self._fixed]
        for index, value in self._open:
            beginning = value(contents) if value else None
            found[index] = len(beginning) if beginning is not None and text.startswith(beginning) else None
        return found


def _place(whole: Joined, beginning: Joined) -> tuple[int, int] | Literal["compare"] | None:
    """Where in the whole the beginning ends: after so many characters of the template and so many contents.

    None when the whole never begins so, `compare` when that depends on the contents.
    """
    texts, values = _alternating(whole)
    texts_, values_ = _alternating(beginning)
    characters = 0
    for index, (text, value) in enumerate(zip(texts_, values_, strict=False)):
        if index == len(values) or (text, value) != (texts[index], values[index]):
            return None if _part_ways(text, texts[index]) else "compare"
        characters += len(text)
    text, count = texts_[-1], len(values_)
    if texts[count].startswith(text):
        return characters + len(text), count
    return None if _part_ways(text, texts[count]) else "compare"


def _part_ways(one: str, other: str) -> bool:
    """Whether neither text begins with the other."""
    return not one.startswith(other) and not other.startswith(one)


def _alternating(joined: Joined) -> tuple[list[str], list[Expression]]:
    """Texts of the template, and what stands between them: one less."""
    texts = [""]
    values: list[Expression] = []
    for part in joined.parts:
        if isinstance(part, str):
            texts[-1] = part
        else:
            values.append(part)
            texts.append("")
    return texts, values


def _value(expression: Expression) -> Value:
    """The function that makes of contents what the expression says."""
    match expression:
        case str():
            return lambda _: expression
        case Content(index):
            return itemgetter(index)
        case Step(of, method, arguments):
            value, step = _value(of), methodcaller(method, *arguments)
            return lambda contents: step(value(contents))
        case Joined(parts):
            values = [_value(part) for part in parts]
            return lambda contents: "".join([value(contents) for value in values])


def _hostile(count: int) -> Iterator[Contents]:
    """Contents for so many messages that show whether a template treats all texts alike."""
    for begin in range(0, len(_HOSTILE), max(1, count // 4)):  # long conversations hold many of them
        yield [_HOSTILE[(begin + 5 * index) % len(_HOSTILE)] for index in range(count)]


def _messages(roles: Roles, contents: Contents) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]
