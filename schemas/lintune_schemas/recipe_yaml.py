"""Reading a recipe's YAML, by the rules of YAML 1.1 as Axolotl's own reader (PyYAML) does, within bounds.

Plain YAML can ask for any amount of time and memory: a few lines of aliases stand for billions of values, a thousand
brackets overflow the reader's stack. What no recipe needs is refused before a value is built.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 1 << 20
"""Characters. The longest of Axolotl's examples has 12,190; a recipe may hold a chat template or a list of tokens."""

DEEPEST = 64
"""Levels. A recipe has four; libyaml itself stops at 1,000, but what reads the values afterwards recurses, too."""

MOST_VALUES = 10_000
"""With every alias standing for what it names. Axolotl's largest example has 248; a list of tokens can be longer."""

_CHARACTERS = 64
"""So many characters of a text count as one value: an alias of a long text makes work each time that it is read."""

_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))
_LARGEST_INTEGER = 2**63
_SURROGATE = re.compile("[\ud800-\udfff]")
"""An editor may send one; UTF-8 has none, and libyaml reads UTF-8."""

_Reader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RecipeYamlError(yaml.YAMLError):
    """What is YAML, but not for a recipe: in one sentence without its full stop, and where.

    Places are the reader's: code points from the beginning, without a byte order mark.
    """

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


class Loader(_Reader):  # type: ignore[misc]
    """PyYAML's safe reader; what it cannot build, or nobody can count with, is an error with a place."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except (ValueError, LookupError, OverflowError) as error:
            raise _at(node, _unreadable(node)) from error
        if isinstance(value, float) and not math.isfinite(value):
            raise _at(node, f"{node.value} is no number that can be counted with")
        if isinstance(value, int) and abs(value) >= _LARGEST_INTEGER:
            raise _at(node, "this number is too large")
        return value


def load(text: str) -> Any:
    """The values of a recipe. Raises yaml.YAMLError, of which RecipeYamlError says why in plain words."""
    check(text)
    return yaml.load(text, Loader=Loader)  # noqa: S506 (it is a SafeLoader)


def check(text: str) -> None:
    """Raises RecipeYamlError for a recipe that is too large or deep, or has what no recipe may have.

    It takes one pass of the parser. Where that stops, the text is no YAML: that is for the reader to say.
    """
    if len(text) > LARGEST:
        raise RecipeYamlError(
            f"this recipe has {len(text):,} characters, and {LARGEST:,} are the most that are read: data belongs into "
            "files of its own",
            0,
            len(text.split("\n", 1)[0][:80]),
        )
    if half := _SURROGATE.search(text):
        place = half.start() - text.startswith("\ufeff")
        raise RecipeYamlError("half of a character stands here: delete it", place, place + 1)
    loader = Loader(text)
    try:
        _count(_events(loader))
    except RecipeYamlError:
        raise
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in str(error.problem) and error.problem_mark:
            raise _too_deep(error.problem_mark) from error
    except yaml.YAMLError:
        pass
    finally:
        loader.dispose()


def _events(loader: Any) -> Iterator[Any]:
    while loader.check_event():
        yield loader.get_event()


def _count(events: Iterator[Any]) -> None:
    sizes: dict[str, int] = {}
    """Of what each anchor names."""
    opened: list[tuple[str | None, int]] = [(None, 0)]
    """Sections and lists that are not closed yet: their anchors, and their values so far."""
    for event in events:
        match event:
            case yaml.AliasEvent():
                if any(event.anchor == anchor for anchor, _ in opened):
                    raise _at(event, f"*{event.anchor} stands inside of what &{event.anchor} names: it would never end")
                size = sizes.get(event.anchor or "", 1)
            case yaml.ScalarEvent():
                _refuse_tag(event)
                size = 1 + len(event.value) // _CHARACTERS
                if event.anchor:
                    sizes[event.anchor] = size
            case yaml.CollectionStartEvent():
                _refuse_tag(event)
                if len(opened) > DEEPEST:
                    raise _too_deep(event.start_mark)
                opened.append((event.anchor, 1))
                continue
            case yaml.CollectionEndEvent():
                anchor, size = opened.pop()
                if anchor:
                    sizes[anchor] = size
            case _:
                continue
        outer, before = opened.pop()
        opened.append((outer, before + size))
        if before + size > MOST_VALUES:
            what = "aliases stand for" if isinstance(event, yaml.AliasEvent) else "this recipe holds"
            raise _at(event, f"{what} more than {MOST_VALUES:,} values, which no recipe needs")


def _refuse_tag(event: Any) -> None:
    if event.tag is not None and event.tag != "!" and event.tag not in _TAGS:
        place, shown = event.start_mark.index, event.tag.replace("tag:yaml.org,2002:", "!!")
        raise RecipeYamlError("YAML tags (!…) are not allowed in a recipe: take it out", place, place + len(shown))


def _too_deep(mark: Any) -> RecipeYamlError:
    message = f"more than {DEEPEST} levels inside each other, which no recipe needs"
    return RecipeYamlError(message, max(mark.index - 1, 0), max(mark.index, 1))


def _unreadable(node: yaml.Node) -> str:
    kind = node.tag.rsplit(":", 1)[-1]
    if kind == "timestamp":
        return f"{node.value} looks like a date, and there is no such day: put it in quotes"
    if kind in ("int", "float") and len(node.value) > _LONGEST_NUMBER:
        return "this number is too large"
    return f"this cannot be read as {_WORDS.get(kind, 'a value')}"


_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}
_LONGEST_NUMBER = 300
"""Digits; a float has no more of them before its point."""


def _at(place: Any, message: str) -> RecipeYamlError:
    """place: an event or a node."""
    return RecipeYamlError(message, place.start_mark.index, place.end_mark.index)
