"""The Jinja environment that chat templates run in: what transformers offers them, and limits.

Jinja's sandbox keeps a template away from Python's insides. This one also keeps it from building much at a stroke,
which no time limit interrupts: what an operator, a filter or a method would build is counted before it is built.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import filters
from jinja2.compiler import CodeGenerator
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.nodes import CallBlock
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, pass_environment, pass_eval_context

from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from jinja2 import nodes
    from jinja2.compiler import Frame
    from jinja2.environment import Environment
    from jinja2.nodes import EvalContext
    from jinja2.parser import Parser
    from jinja2.runtime import Context, Macro

LONGEST = 10_000_000
"""Characters of any one text: some million tokens, more than any model's context."""
_MOST_BUILT = 100_000_000
"""Characters of all texts that one rendering builds."""
_LARGEST_NUMBER = 100_000
"""Bits: the arithmetic of larger ones takes long."""
_WIDEST = 10_000
"""Columns that a text is filled up to, or indented by."""
_MOST_PARTS = 100_000
"""Parts that a list is cut into: as many as Jinja's sandbox lets `range` have."""


class TemplateError(LintuneError):
    """The chat template refused a conversation, or is broken itself. Its text is the template's own message."""


class EndlessTemplateError(TemplateError):
    """The chat template did not end in time."""


class _Generator(CodeGenerator):
    """Has outputs and `~` call the environment, where Jinja calls `str` and `"".join`."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if _escapes(frame):
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.shown(")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 (Jinja's name)
        if _escapes(frame):
            super().visit_Concat(node, frame)
            return
        self.write("environment.join((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


def _escapes(frame: Frame) -> bool:
    """Whether HTML is escaped here, which only `{% autoescape true %}` asks for."""
    return frame.eval_ctx.volatile or frame.eval_ctx.autoescape


class Sandbox(ImmutableSandboxedEnvironment):
    """One template's environment."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        # transformers renders templates with these settings; models' templates rely on them.
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"])
        del self.filters["center"]  # writes any number of spaces
        del self.globals["lipsum"]  # writes any number of words
        self.filters["tojson"] = _to_json
        self.globals["raise_exception"] = _raise
        self.globals["strftime_now"] = lambda format_: datetime.now().strftime(format_)
        self.globals["namespace"] = _Namespace
        for name, replacement in _FILTERS.items():
            self.filters[name] = replacement
        self.built = 0

    def take(self, size: int) -> None:
        """Account for a text or list of this size before it is built. Raises TemplateError."""
        self.built += size
        if size > LONGEST or self.built > _MOST_BUILT:
            raise TemplateError(f"The chat template builds a text of more than {LONGEST:,} characters.")

    def shown(self, value: Any) -> Any:
        """What is written for a value."""
        if type(value) is str:
            return value
        self.take(size_of(value))
        return str(value)

    def join(self, values: Sequence[Any]) -> Any:
        """The operator `~`."""
        texts = [self.shown(value) for value in values]
        self.take(sum(map(len, texts)))
        return "".join(texts)

    def concat(self, values: Iterable[Any]) -> Any:
        """Puts together what macros and blocks write."""
        texts = list(values)
        self.take(sum(map(len, texts)))
        return "".join(texts)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        offered = super().wrap_str_format(value)
        if offered is None:
            return None

        def limited(*args: Any, **kwargs: Any) -> str:
            self._take_format(value.__self__, (args, kwargs))
            return offered(*args, **kwargs)

        return limited

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "+":
            if isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
                self.take(len(left) + len(right))
            return left + right
        if operator == "%" and isinstance(left, str):
            self._take_format(left, right)
        elif operator == "*":
            for text, times in ((left, right), (right, left)):
                if isinstance(text, str | list | tuple) and isinstance(times, int):
                    self.take(len(text) * max(times, 0))
        _check_numbers(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 (as in Jinja)
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str):
            __self._take_method(owner, __obj.__name__, args)
        return super().call(__context, __obj, *args, **kwargs)

    def _take_method(self, text: str, name: str, args: tuple[Any, ...]) -> None:
        """Account for what a method of a text builds."""
        if name in ("center", "ljust", "rjust", "zfill", "expandtabs"):
            if any(isinstance(width, int) and width > _WIDEST for width in args):
                raise TemplateError(f"The chat template fills a text up to more than {_WIDEST:,} columns.")
        elif name == "replace" and len(args) > 1 and all(isinstance(part, str) for part in args[:2]):
            self.take(len(text) + text.count(args[0]) * len(args[1]))
        elif name == "join" and args and isinstance(args[0], list | tuple | dict):
            self.take(size_of(args[0]) + len(text) * len(args[0]))
        elif name == "translate":
            raise TemplateError("The chat template calls translate on a text, which is not offered.")

    def _take_format(self, text: str, values: Any) -> None:
        if re.search(r"\*|\d{5}", text):
            raise TemplateError(f"The chat template fills a text up to more than {_WIDEST:,} columns.")
        self.take(len(text) + text.count("%") * 20 + max(1, text.count("{")) * size_of(values))


def size_of(value: Any) -> int:
    """About how many characters a value is when it is written, but not much over LONGEST. Counts lists in lists."""
    size, waiting = 0, [value]
    while waiting and size <= LONGEST:
        item = waiting.pop()
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, dict):
            size += 4 * len(item)
            waiting += item.keys()
            waiting += item.values()
        elif isinstance(item, list | tuple | set | frozenset):
            size += 2 * len(item)
            waiting += item
        else:
            size += 1
    return size


def _check_numbers(operator: str, left: Any, right: Any) -> None:
    if not isinstance(left, int) or not isinstance(right, int):
        return
    bits = left.bit_length() + right.bit_length() if operator == "*" else 0
    if operator == "**":
        bits = left.bit_length() * abs(right)
    if bits > _LARGEST_NUMBER:
        raise TemplateError("The chat template computes a number of too many digits.")


class _Namespace(Namespace):
    """As in transformers, no attribute begins with an underscore."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # so that a namespace may have an attribute `self`
        self, *rest = args
        attributes = dict(*rest, **kwargs)
        for name in attributes:
            _check_name(name)
        Namespace.__init__(self, attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace has no attribute {name!r}")


class _Generation(Extension):
    """`{% generation %}…{% endgeneration %}`: marks what the model writes, for transformers; it changes no text."""

    tags = {"generation"}  # noqa: RUF012 (Jinja's declaration)

    def parse(self, parser: Parser) -> CallBlock:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        # A block of its own, as in transformers: what is set inside is not seen outside.
        block = CallBlock(self.call_method("written"), [], [], body)
        block.set_lineno(line)
        return block

    def written(self, caller: Macro) -> Any:
        return caller()


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)


@pass_environment
def _to_json(
    environment: Sandbox,
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As in transformers: HTML is not escaped."""
    width = indent or 0
    size = size_of(value)
    if isinstance(width, int) and width > 100:
        raise TemplateError("The chat template indents JSON by more than 100 columns.")
    environment.take(size)
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


@pass_eval_context
def _join(context: EvalContext, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> Any:
    environment = _sandbox(context.environment)
    if attribute is not None:
        value = map(filters.make_attrgetter(environment, attribute), value)
    values = list(value)
    environment.take(size_of(values) + len(str(d)) * len(values))
    return filters.do_join(context, values, d)


@pass_eval_context
def _replace(context: EvalContext, s: str, old: str, new: str, count: int | None = None) -> str:
    text = str(s)
    _sandbox(context.environment).take(len(text) + text.count(str(old)) * len(str(new)))
    return filters.do_replace(context, text, old, new, count)


@pass_environment
def _indent(environment: Sandbox, s: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    columns = width if isinstance(width, int) else len(width)
    environment.take(len(s) + (str(s).count("\n") + 1) * columns)
    return filters.do_indent(s, width, first, blank)


@pass_environment
def _format(environment: Sandbox, value: str, *args: Any, **kwargs: Any) -> str:
    environment._take_format(str(value), (args, kwargs))
    return filters.do_format(value, *args, **kwargs)


@pass_environment
def _string(environment: Sandbox, value: Any) -> Any:
    return environment.shown(value)


@pass_environment
def _pprint(environment: Sandbox, value: Any) -> str:
    environment.take(size_of(value))
    return filters.do_pprint(value)


def _parts(cut: Callable[..., Any]) -> Callable[..., Any]:
    def limited(value: Any, count: int, fill_with: Any = None) -> Any:
        if count > _MOST_PARTS:
            raise TemplateError(f"The chat template cuts a list into {count:,} parts.")
        return cut(value, count, fill_with)

    return limited


def _sandbox(environment: Environment) -> Sandbox:
    assert isinstance(environment, Sandbox)
    return environment


_FILTERS: Mapping[str, Callable[..., Any]] = {
    "batch": _parts(filters.do_batch),
    "format": _format,
    "indent": _indent,
    "join": _join,
    "pprint": _pprint,
    "replace": _replace,
    "slice": _parts(filters.do_slice),
    "string": _string,
}
