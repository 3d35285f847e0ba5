"""Running a chat template on stand-ins: the sandbox, with filters, tests and functions that look at no contents."""

from __future__ import annotations

import re
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any

from jinja2.ext import Extension
from jinja2.runtime import Macro

from lintune_schemas.chat_template import compiled, run, variables
from lintune_schemas.template_sandbox import LONGEST, Sandbox, TemplateError
from lintune_schemas.template_trace import (
    METHODS,
    Content,
    Recorder,
    Trace,
    Traced,
    TracedParts,
    Untraceable,
    join,
    joined,
    tainted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jinja2.runtime import Context

_ROLE = "role"
_TYPE_TESTS = (
    *("string", "defined", "undefined", "none", "mapping", "number", "integer", "float", "boolean"),
    *("true", "false", "sequence", "iterable", "callable"),
)
"""Tests that have the same answer for every text."""
_EQUALITY_TESTS = ("eq", "equalto", "==", "ne", "!=")
"""Tests that are Python's operators, which stand-ins have."""
_LIST_FILTERS = ("length", "count", "first", "last", "list")
"""Filters that look at no element of a list."""
_DAY = re.compile(r"(?:[^%]|%-?[aAbBdmyYjeuwUVW%])*")
"""Dates: what they give is the same all day."""


class Tracer:
    """A template that is run on stand-ins. Raises TemplateError when it cannot even be compiled."""

    def __init__(self, source: str, special: dict[str, str]) -> None:
        self._special = special
        self._sandbox = _TracingSandbox()
        self._template = compiled(source, self._sandbox)

    def trace(self, roles: Sequence[str], contents: Sequence[str], add_generation_prompt: bool) -> Trace:
        """Render messages of these roles and contents. Raises Untraceable."""
        recorder = Recorder()
        self._sandbox.begin(recorder)
        messages: list[dict[str, Any]] = [
            {_ROLE: role, "content": Traced(recorder, Content(index), text)}
            for index, (role, text) in enumerate(zip(roles, contents, strict=True))
        ]
        refusal = None
        try:
            pieces = run(self._template, variables(messages, add_generation_prompt, (), self._special))
        except TemplateError as error:
            pieces, refusal = [], str(error)
        output = join(recorder, pieces)
        longest = (LONGEST - recorder.characters - self._sandbox.built) // max(recorder.contents, 1)
        return Trace(output, refusal, tuple(recorder.guards), tuple(recorder.dates.items()), longest)


class _TracingSandbox(Sandbox):
    """The sandbox, with filters, tests and functions that refuse contents unless they are known."""

    def __init__(self) -> None:
        super().__init__()
        self._recorder = Recorder()
        self.filters = {name: _guarded(name, filter_) for name, filter_ in self.filters.items()}
        self.filters["trim"] = self._trim(self.filters["trim"])
        self.tests = {name: _guarded_test(name, test) for name, test in self.tests.items()}
        self.globals["strftime_now"] = self._strftime_now
        self._holds_contents = (self.globals["namespace"], self.globals["dict"])

    def begin(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.built = 0

    def concat(self, values: Any) -> Any:
        """What Jinja joins the output of macros and of `{% set %}` blocks with."""
        pieces = list(values)
        if all(type(piece) is str for piece in pieces):
            return super().concat(pieces)
        return joined(self._recorder, pieces)

    def shown(self, value: Any) -> Any:
        if isinstance(value, Traced):
            return value
        if tainted(value):
            raise Untraceable("writes more than a content")
        return super().shown(value)

    def join(self, values: Sequence[Any]) -> Any:
        return self.concat([self.shown(value) for value in values])

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Traced | TracedParts) and attribute not in METHODS:
            raise Untraceable(f"asks contents for {attribute}")
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if tainted(argument):
            raise Untraceable("looks up contents")
        return super().getitem(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, Traced) or isinstance(right, Traced):
            if operator != "+":
                raise Untraceable(f"uses {operator} on contents")
            return left + right
        if operator in "%*" and (tainted(left) or tainted(right)):
            raise Untraceable(f"uses {operator} on contents")
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 (as in Jinja)
        owner = getattr(__obj, "__self__", None)
        known = isinstance(__obj, Macro) or __obj in __self._holds_contents
        if not known and not isinstance(owner, Traced | TracedParts | Extension):
            given = [value for name, value in kwargs.items() if name not in ("_loop_vars", "_block_vars", "caller")]
            if any(tainted(value) for value in (*args, *given)):
                raise Untraceable("calls a function with contents")
        return super().call(__context, __obj, *args, **kwargs)

    def _strftime_now(self, format_: str) -> str:
        if type(format_) is not str or not _DAY.fullmatch(format_):
            raise Untraceable("writes the time of day")
        self._recorder.dates[format_] = today(format_)
        return self._recorder.dates[format_]

    def _trim(self, trim: Callable[..., Any]) -> Callable[..., Any]:
        def traced(value: Any, chars: str | None = None) -> Any:
            return value.step("strip", (chars,)) if isinstance(value, Traced) else trim(value, chars)

        return traced


def today(format_: str) -> str:
    return datetime.now().strftime(format_)


def _guarded(name: str, filter_: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, refusing contents. `selectattr("role", …)` and its like see roles only."""

    @wraps(filter_)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        known = getattr(filter_, "jinja_pass_arg", None) is not None  # the first argument is Jinja's own
        value, *more = args[1:] if known else args
        if isinstance(value, Traced):
            if name == "string":
                return value
            if name not in ("default", "d"):
                raise Untraceable(f"filters contents by {name}")
        elif tainted(value):
            by_role = (name in ("selectattr", "rejectattr") and more[:1] == [_ROLE]) or (
                name == "map" and not more and kwargs == {"attribute": _ROLE}
            )
            if not by_role and not (name in _LIST_FILTERS and not isinstance(value, TracedParts)):
                raise Untraceable(f"filters what holds contents by {name}")
        if name not in ("default", "d") and any(map(tainted, (*more, *kwargs.values()))):
            raise Untraceable(f"gives contents to the filter {name}")
        return filter_(*args, **kwargs)

    return guarded


def _guarded_test(name: str, test: Any) -> Callable[..., Any]:
    @wraps(test)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        value = args[0]
        if isinstance(value, Traced):
            if name in _TYPE_TESTS:
                return test(value.text, *args[1:], **kwargs)
            if name not in _EQUALITY_TESTS:
                raise Untraceable(f"tests contents for {name}")
        elif name not in (*_TYPE_TESTS, *_EQUALITY_TESTS) and any(map(tainted, (*args, *kwargs.values()))):
            raise Untraceable(f"tests what holds contents for {name}")
        return test(*args, **kwargs)

    return guarded
