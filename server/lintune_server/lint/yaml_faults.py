"""Where a text stops being YAML, and why, in plain words: the reader's own are about its states, not about the text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Position, Range
from lintune_server.lint.lines import BOM, LINE_END
from lintune_server.lint.yaml_places import Places

if TYPE_CHECKING:
    import yaml

    from lintune_schemas.recipe_yaml import RecipeYamlError

_KEY = re.compile(r"[ ]*(?:- +)*(?P<key>[\w.-]+)(?P<colon>:)(?P<rest>.*)")
_CLOSING = "]}"
_CONFLICT = re.compile(r"(<{7}|={7}|>{7})( |\r?$)")
"""What git writes around the two sides."""


class YamlSyntaxError(Exception):
    """Where the text stops being YAML, and why, in plain words."""

    def __init__(self, message: str, range_: Range, *, is_yaml: bool = False) -> None:
        """is_yaml: it is YAML, but not for a recipe."""
        super().__init__(message)
        self.message = message
        self.range = range_
        self.is_yaml = is_yaml


def of_bounds(error: RecipeYamlError, text: str) -> YamlSyntaxError:
    """YAML that asks for too much, or for what no recipe may have."""
    return YamlSyntaxError(error.message, Places(text).range(error.start, error.end), is_yaml=True)


def of_character(error: yaml.reader.ReaderError, text: str) -> YamlSyntaxError:
    """A character that YAML does not allow anywhere."""
    # One of the two readers gives its number; the places that they give are bytes here and code points there.
    number = error.character if isinstance(error.character, int) else ord(error.character)
    place = Places(text.removeprefix(BOM)).position(max(text.removeprefix(BOM).find(chr(number)), 0))
    message = f"a control character (U+{number:04X}) that YAML does not allow: delete it"
    return YamlSyntaxError(message, _characters(place.line, place.column, place.column + 1))


def of_syntax(error: yaml.MarkedYAMLError, text: str) -> YamlSyntaxError:
    """What the reader met at a place, told by what stands there."""
    words = " ".join(part for part in (error.context, error.problem) if part)
    lines, places = LINE_END.split(text), Places(text)
    mark = error.problem_mark or error.context_mark
    place = places.position(mark.index if mark else 0)
    begun = places.position(error.context_mark.index) if error.context_mark else None
    line, column = place.line, place.column
    marker = next((number for number, text in enumerate(lines) if _CONFLICT.match(text)), None)
    if marker is not None:
        return _at("two versions of the text stand here, of which one has to go (a merge conflict)", lines, marker, 0)
    tab = _tab(lines[line], column)
    if tab is not None:
        return YamlSyntaxError("a tab: YAML is indented with spaces only", _characters(line, *tab))
    if "unexpected end of stream" in words and begun and begun.line < len(lines):
        return _at("this quote is never closed", lines, begun.line, begun.column)
    if "expected ',' or" in words and begun and begun.line < len(lines):
        return _in_brackets(lines, line, column, begun.line, begun.column, "]" if "']'" in words else "}")
    if "mapping values are not allowed" in words:
        return _second_colon(lines, line, column)
    if "did not find expected" in words or "could not find expected" in words:
        found = _misplaced(lines, line, column, words)
        if found is not None:
            return found
    message = next((plain for needle, plain in _PLAIN_WORDS if needle in words), words)
    return _at(message, lines, line, column, column + 1)


_PLAIN_WORDS = (
    ("cannot start any token", "this character cannot begin a value: put the value in quotes"),
    ("unknown escape character", "in double quotes a backslash needs a partner: use single quotes"),
    ("block sequence entries are not allowed", "a list begins on the line below its key, with “- ” before each entry"),
    ("expected comment or line break", "nothing may stand behind “|” or “>”: the text begins on the next line"),
    ("could not find expected ':'", "expected a colon after this key"),
    ("did not find expected node content", "expected a value here"),
    ("duplicate anchor", "this anchor (&name) is there already: give it another name"),
    ("undefined alias", "this alias (*name) has no anchor (&name) above it"),
    ("expected a single document", "a second document (---) begins here: a recipe is one document"),
    ("expected a mapping", "“<<” takes a mapping, or a list of them"),
    ("unexpected end of stream", "the file ends inside a quoted text: a closing quote is missing"),
)


def _tab(line: str, column: int) -> tuple[int, int] | None:
    """The columns of a tab at a place or in the indentation of its line."""
    indentation = line[: len(line) - len(line.lstrip())]
    at = column if line[column : column + 1] == "\t" else indentation.find("\t")
    return (at, at + 1) if at >= 0 else None


def _second_colon(lines: list[str], line: int, column: int) -> YamlSyntaxError:
    text, above = lines[line], _above(lines, line)
    if ":" in text[:column].replace("://", ""):
        message = "a second colon on this line: put the value in quotes"
        return _at(message, lines, line, column, column + 1)
    before = _KEY.match(lines[above]) if above is not None else None
    indent = len(text) - len(text.lstrip())
    if above is not None and (spaceless := _without_space(lines, above)):
        return spaceless
    if before and before["rest"].strip():
        message = f"{before['key']} has its value on the line above: this line must not be indented further than it"
        return _at(message, lines, line, 0, indent)
    if above is not None and before is None:
        start = len(lines[above]) - len(lines[above].lstrip())
        return _at("expected a colon after this key", lines, above, start)
    return _at("a colon where none is expected: put the value in quotes", lines, line, column, column + 1)


def _without_space(lines: list[str], line: int) -> YamlSyntaxError | None:
    """Whether a line is `key:value`, which is no key to YAML."""
    found = _KEY.match(lines[line])
    if found is None or found["rest"][:1] in ("", " ", "/"):
        return None
    message = f"a space is missing behind the colon of {found['key']}"
    return _at(message, lines, line, found.start("colon"), found.end("colon"))


def _in_brackets(lines: list[str], line: int, column: int, begun: int, at: int, closing: str) -> YamlSyntaxError:
    what = "list" if closing == "]" else "mapping"
    if line == begun and column < len(lines[line].rstrip()):
        return _at(f"expected a comma or “{closing}” in this {what}", lines, line, column, column + 1)
    return _at(f"this {what} is never closed: “{closing}” is missing", lines, begun, at)


def _misplaced(lines: list[str], line: int, column: int, words: str) -> YamlSyntaxError | None:
    """A line, or the rest of one, that belongs to nothing that stands above it."""
    if not lines[line].strip() and (before := _above(lines, line)) is not None:  # the end of the text
        line, column = before, len(lines[before]) - len(lines[before].lstrip())
    text = lines[line]
    indent = len(text) - len(text.lstrip())
    if text[column : column + 1] in _CLOSING and text[column : column + 1]:
        return _at("this bracket closes nothing", lines, line, column, column + 1)
    if column > indent:
        before_it = text[:column].rstrip()[-1:]
        what = "quote" if before_it in ("'", '"') else "bracket" if before_it in _CLOSING else ""
        message = f"text behind a closing {what}: put all of the value in quotes"
        return _at(message, lines, line, column) if what else None
    above = _above(lines, line)
    if above is None or "node content" in words:
        return None
    if spaceless := _without_space(lines, above):
        return spaceless
    if lines[above].startswith("..."):
        return _at("the document ends here (...): a recipe is one document", lines, above, 0, 3)
    if ":" not in text and not text.lstrip().startswith("-"):
        return _at("expected a colon after this key", lines, line, indent)
    before = len(lines[above]) - len(lines[above].lstrip())
    message = f"this line is indented by {_spaces(indent)}, which fits none of the lines above"
    if indent == before:
        message = "an entry of a list (- ) and a key cannot stand side by side: indent one of them"
    return _at(message, lines, line, 0, max(indent, 1))


def _spaces(count: int) -> str:
    return "no space" if count == 0 else "1 space" if count == 1 else f"{count} spaces"


def _above(lines: list[str], line: int) -> int | None:
    """The nearest line above that is neither blank nor a comment."""
    numbers = range(min(line, len(lines)) - 1, -1, -1)
    return next((number for number in numbers if lines[number].strip() and lines[number].lstrip()[0] != "#"), None)


def _at(message: str, lines: list[str], line: int, start: int, end: int | None = None) -> YamlSyntaxError:
    """end: None for that of the line.

    Where there is no character to underline, the last one of the line is taken, or of the nearest above that has any.
    """
    if not lines[line] and (above := _above(lines, line)) is not None:
        line, start, end = above, len(lines[above]), None
    length = len(lines[line].rstrip("\r"))
    end = length if end is None else min(end, length)
    start = min(start, max(length - 1, 0))
    return YamlSyntaxError(message, _characters(line, start, max(end, start + 1)))


def _characters(line: int, start: int, end: int) -> Range:
    return Range(Position(line, start), Position(line, end))
