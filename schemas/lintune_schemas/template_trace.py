"""Running a chat template once on stand-ins for the messages' contents, to learn what it does with any contents.

A stand-in carries a real text, so the template runs as it always does, and notes what becomes of it: a `Trace` holds
the output as an expression over the contents, and every question about contents that decided something ("is `</think>`
in it?") with its answer. For other contents that give the same answers, the template takes the same way and writes the
same expression. A stand-in can only be put together, stripped and asked as is written here; whatever else a template
does with it (its length, a slice, JSON, a filter) ends the run, and the template is then rendered by Jinja each time.

It is no `str`, so no code in C looks at its text behind its back; filters, tests and functions do not get to see it
unless they are known to treat all texts alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import Undefined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_KEPT_METHODS = ("strip", "lstrip", "rstrip", "removeprefix", "removesuffix")
"""Methods of a text that give a text, not a longer one."""
_ASKED_METHODS = ("startswith", "endswith")
METHODS = (*_KEPT_METHODS, *_ASKED_METHODS, "split")


class Untraceable(BaseException):
    """The template looks at contents in a way that is not followed. Not an Exception: Jinja must not handle it."""


@dataclass(frozen=True, slots=True)
class Content:
    """The content of the message with this index."""

    index: int


@dataclass(frozen=True, slots=True)
class Step:
    """What a method of a text gives: `strip`, or `split` and then one of its parts."""

    of: Expression
    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Texts one after the other. No part is itself joined, and no two strings stand together."""

    parts: tuple[Expression, ...]


Expression = str | Content | Step | Joined


@dataclass(frozen=True, slots=True)
class Guard:
    """A question about contents that the template asked, and the answer on which it went on."""

    of: Expression
    method: str
    argument: str
    answer: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """A rendering: what is written, under which conditions."""

    output: Joined
    refusal: str | None
    """In which words the template refused; there is no output then."""
    guards: tuple[Guard, ...]
    dates: tuple[tuple[str, str], ...]
    """Formats of `strftime_now`, and what they gave."""
    longest: int
    """With contents of at most so many characters each, what the rendering builds stays within the sandbox's limits."""


class Recorder:
    """What is noted during one run."""

    def __init__(self) -> None:
        self.guards: dict[Guard, None] = {}
        self.dates: dict[str, str] = {}
        # What was built in all: characters of the template's own, and how many times a content went into it.
        self.characters = 0
        self.contents = 0


class Traced:
    """A stand-in for a text. Python's operators on it give stand-ins, or answers that are noted."""

    __slots__ = ("expression", "recorder", "text")

    def __init__(self, recorder: Recorder, expression: Expression, text: str) -> None:
        self.recorder = recorder
        self.expression = expression
        self.text = text

    def __add__(self, other: Any) -> Traced:
        return joined(self.recorder, (self, other))

    def __radd__(self, other: Any) -> Traced:
        return joined(self.recorder, (other, self))

    def __bool__(self) -> bool:
        return not self._ask("__eq__", "")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Traced | TracedParts):
            raise Untraceable("compares contents")
        return isinstance(other, str) and self._ask("__eq__", other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __contains__(self, part: object) -> bool:
        return self._ask("__contains__", part)

    def step(self, method: str, arguments: tuple[Any, ...]) -> Traced:
        if not all(type(argument) in (str, int, type(None)) for argument in arguments):
            raise Untraceable(f"calls {method} with other than plain texts")
        text = getattr(self.text, method)(*arguments)
        return Traced(self.recorder, Step(self.expression, method, arguments), text)

    def _ask(self, method: str, argument: object) -> bool:
        if type(argument) is not str:
            raise Untraceable(f"asks {method} of other than a plain text")
        answer = bool(getattr(self.text, method)(argument))
        self.recorder.guards[Guard(self.expression, method, argument, answer)] = None
        return answer

    def split(self, separator: Any, *more: Any) -> TracedParts:
        if type(separator) is not str or not separator or more:
            raise Untraceable("splits in another way than at a text")
        return TracedParts(self, separator)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise Untraceable("looks at contents")

    __str__ = __repr__ = __format__ = __hash__ = __iter__ = __len__ = __getitem__ = __call__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __mod__ = __rmod__ = __mul__ = __rmul__ = __int__ = __float__ = __index__ = (
        _refuse
    )


def _kept(name: str) -> Callable[..., Traced]:
    def method(self: Traced, *arguments: Any) -> Traced:
        return self.step(name, arguments)

    return method


def _asked(name: str) -> Callable[..., bool]:
    def method(self: Traced, argument: Any) -> bool:
        return self._ask(name, argument)

    return method


for _name in _KEPT_METHODS:
    setattr(Traced, _name, _kept(_name))
for _name in _ASKED_METHODS:
    setattr(Traced, _name, _asked(_name))


class TracedParts:
    """What `split` gives: at least one part, so there is always a first and a last one."""

    __slots__ = ("of", "separator")

    def __init__(self, of: Traced, separator: str) -> None:
        self.of = of
        self.separator = separator

    def __getitem__(self, index: Any) -> Traced:
        if type(index) is not int or index not in (0, -1):
            raise Untraceable("takes a part that may not be there")
        text = self.of.text.split(self.separator)[index]
        expression = Step(Step(self.of.expression, "split", (self.separator,)), "__getitem__", (index,))
        return Traced(self.of.recorder, expression, text)

    def _refuse(self, *_: Any) -> NoReturn:
        raise Untraceable("looks at parts of contents")

    __str__ = __repr__ = __format__ = __hash__ = __iter__ = __len__ = __bool__ = __contains__ = _refuse
    __eq__ = __ne__ = __add__ = __radd__ = _refuse


def joined(recorder: Recorder, pieces: Sequence[Any]) -> Traced:
    """Stand-ins and plain texts one after the other, as a stand-in."""
    text = "".join([piece.text if isinstance(piece, Traced) else str(piece) for piece in pieces])
    return Traced(recorder, join(recorder, pieces), text)


def join(recorder: Recorder, pieces: Sequence[Any]) -> Joined:
    parts: list[Expression] = []
    for piece in pieces:
        if isinstance(piece, Traced):
            added = piece.expression.parts if isinstance(piece.expression, Joined) else (piece.expression,)
        elif type(piece) is str:
            added = (piece,)
        else:  # Markup, too: it escapes what is added to it
            raise Untraceable("adds contents to other than a plain text")
        for part in added:
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part != "":
                parts.append(part)
            if isinstance(part, str):
                recorder.characters += len(part)
            else:
                recorder.contents += 1
    return Joined(tuple(parts))


def tainted(value: Any, depth: int = 8) -> bool:
    """Whether contents may be in a value."""
    if value is None or isinstance(value, str | int | float | Undefined):
        return False
    if isinstance(value, dict) and depth:
        return any(tainted(part, depth - 1) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple) and depth:
        return any(tainted(part, depth - 1) for part in value)
    return True
