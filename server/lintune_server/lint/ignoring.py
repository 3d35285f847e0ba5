"""The edits by which a person says that a finding is fine: on the sample itself, or in the recipe."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import orjson

from lintune_schemas.samples import IGNORE_KEY
from lintune_server.lint import fixing, json_source, yaml_source
from lintune_server.lint.findings import Edit, Position, Range
from lintune_server.lint.lines import BOM, LINE_END

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.lint.findings import Finding
    from lintune_server.lint.yaml_source import YamlNode

_PATH = ("lintune", "lint", "ignore")
_LARGEST = 1_000_000
"""Characters of a recipe that is edited. A person's has some thousands."""
_NOT_OF_SAMPLES = ("DS", "RC", "HW")
"""Families of rules that no single sample can have ignored."""
_ITEM = re.compile(r"([ \t]*)-[ \t]+")


def takes_sample(code: str) -> bool:
    """Whether a single sample can have a rule ignored."""
    return code[:2] not in _NOT_OF_SAMPLES


def on_sample(finding: Finding, line: str) -> Edit | None:
    """The edit that puts a finding's rule among those that its sample has ignored; None where that does not work.

    line: the one that the finding is on.
    """
    if finding.whole_file or not takes_sample(finding.code):
        return None
    try:
        sample = orjson.loads(line.removeprefix(BOM))
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
    if not isinstance(sample, dict):
        return None
    top, code = json_source.scan(line), f'"{finding.code}"'
    comma, colon = (", ", ": ") if '": ' in line else (",", ":")
    codes = sample.get(IGNORE_KEY)
    if IGNORE_KEY not in sample:
        column = len(line[: top.end - 1].rstrip())
        text = f'{comma if sample else ""}"{IGNORE_KEY}"{colon}[{code}]'
    elif not isinstance(codes, list) or finding.code in codes:
        return None
    elif codes:
        column, text = top.at((IGNORE_KEY, len(codes) - 1)).end, f"{comma}{code}"
    else:
        column, text = top.at((IGNORE_KEY,)).start + 1, code
    place = Position(finding.range.start.line, column)
    return Edit(Range(place, place), text)


def in_recipe(text: str, code: str) -> Edit | None:
    """The edit that adds a rule to a recipe's `lintune.lint.ignore` and leaves everything else, comments too, as it is.

    None where it is there already, and for a recipe that is written so that no edit does that.
    """
    if len(text) > _LARGEST:
        return None
    try:
        root = yaml_source.parse(text)
        if root is None or not isinstance(root.value, dict):
            return None
        wanted = _with_code(root.value, code)
        edit = _Recipe(text, root).edit(code) if wanted is not None else None
        # YAML can be written in more ways than are known here: what comes out is looked at.
        changed = yaml_source.parse(fixing.apply(text, [edit])) if edit else None
    except (yaml_source.YamlSyntaxError, KeyError, IndexError):
        return None
    return edit if changed is not None and changed.value == wanted else None


def _with_code(recipe: dict[str, Any], code: str) -> dict[str, Any] | None:
    """What the recipe is to say."""
    wanted = copy.deepcopy(recipe)
    section = wanted
    for key in _PATH[:-1]:
        if section.get(key) is None:
            section[key] = {}
        section = section[key]
        if not isinstance(section, dict):
            return None
    codes = section.get(_PATH[-1])
    codes = [codes] if isinstance(codes, str) else codes or []
    if not isinstance(codes, list) or any(isinstance(one, str) and one and code.startswith(one) for one in codes):
        return None
    section[_PATH[-1]] = [*codes, code]
    return wanted


class _Recipe:
    def __init__(self, text: str, root: YamlNode) -> None:
        self._lines: Sequence[str] = LINE_END.split(text)
        found = LINE_END.search(text)
        self._end = found.group() if found else "\n"
        self._root = root

    def edit(self, code: str) -> Edit | None:
        node = self._root
        for depth, key in enumerate(_PATH):
            if key not in node.keys:
                return self._new_key(node, _PATH[:depth], _PATH[depth:], code)
            parent, node = node, node.keys[key]
            if node.value is None:
                return self._instead_of_nothing(node, parent.key_ranges[key], _PATH[depth + 1 :], code)
        return self._new_code(node, code)

    def _new_key(self, node: YamlNode, path: tuple[str, ...], keys: Sequence[str], code: str) -> Edit:
        """One more key of a mapping: in a block the section's first, so that comments stay with what they are about."""
        if node.raw.startswith("{"):
            comma, place = (", ", _last(node).range.end) if node.keys else ("", _inside(node))
            return _insert(place, f"{comma}{_in_brackets(keys, code)}")
        if not path:
            last = len(self._lines) - 1
            before, after = (self._end, "") if self._lines[last] else ("", self._end)
            place = Position(last, len(self._lines[last]))
            return _insert(place, f"{before}{self._block('', keys, code)}{after}")
        line = self._root.at(path[:-1]).key_ranges[path[-1]].end.line
        return self._below(line, self._indent_after(line), keys, code)

    def _instead_of_nothing(self, node: YamlNode, key: Range, keys: Sequence[str], code: str) -> Edit:
        if node.raw or not keys:  # `~`, or a list, which is short
            return Edit(node.range, f"{'' if node.raw else ' '}{_in_braces(keys, code)}")
        return self._below(key.end.line, f"{' ' * key.start.column}  ", keys, code)

    def _new_code(self, node: YamlNode, code: str) -> Edit | None:
        if isinstance(node.value, str):
            return Edit(node.range, f"[{node.raw}, {code}]")
        if node.raw.startswith("["):
            return _insert(_last(node).range.end, f", {code}") if node.keys else _insert(_inside(node), code)
        start = _last(node).range.start
        dash = _ITEM.fullmatch(self._lines[start.line][: start.column])
        return self._new_line(_last(node).range.end.line, f"{dash[1]}- {code}") if dash else None

    def _below(self, line: int, indent: str, keys: Sequence[str], code: str) -> Edit:
        return self._new_line(line, self._block(indent, keys, code))

    def _new_line(self, line: int, text: str) -> Edit:
        return _insert(Position(line, len(self._lines[line])), f"{self._end}{text}")

    def _block(self, indent: str, keys: Sequence[str], code: str) -> str:
        lines = [f"{indent}{'  ' * depth}{key}:" for depth, key in enumerate(keys)]
        return f"{self._end.join(lines)} [{code}]"

    def _indent_after(self, line: int) -> str:
        """How far the first key below a line stands to the right."""
        below = next(one for one in self._lines[line + 1 :] if one.strip() and not one.lstrip().startswith("#"))
        return below[: len(below) - len(below.lstrip())]


def _in_brackets(keys: Sequence[str], code: str) -> str:
    return f"{keys[0]}: {_in_braces(keys[1:], code)}"


def _in_braces(keys: Sequence[str], code: str) -> str:
    return f"{{{_in_brackets(keys, code)}}}" if keys else f"[{code}]"


def _last(node: YamlNode) -> YamlNode:
    return max(node.keys.values(), key=lambda child: child.range.end)


def _inside(node: YamlNode) -> Position:
    return Position(node.range.start.line, node.range.start.column + 1)


def _insert(place: Position, text: str) -> Edit:
    return Edit(Range(place, place), text)
