"""YAML with positions, read by the rules of YAML 1.1 as Axolotl's own reader (PyYAML) does.

So `1e-4` is a string here and `no` is false: the traps are seen as the trainer would see them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from lintune_schemas import recipe_yaml
from lintune_server.lint import yaml_faults
from lintune_server.lint.findings import Position, Range
from lintune_server.lint.yaml_faults import YamlSyntaxError

if TYPE_CHECKING:
    from lintune_schemas.samples import Path

__all__ = ["YamlNode", "YamlSyntaxError", "parse"]


@dataclass(slots=True)
class YamlNode:
    """A value and its place; the raw text is what stands there, quotes included."""

    value: Any
    range: Range
    raw: str
    keys: dict[str | int, YamlNode] = field(default_factory=dict)
    key_ranges: dict[str, Range] = field(default_factory=dict)
    repeated: dict[str, list[Range]] = field(default_factory=dict)
    """Where else in this mapping a key stands; of those in `key_ranges`, which are the last ones, the others."""

    def at(self, path: Path) -> YamlNode:
        """The value at a path. Raises KeyError when there is none."""
        node = self
        for key in path:
            node = node.keys[key]
        return node


def parse(text: str) -> YamlNode | None:
    """The document's root; None when it is empty. Raises YamlSyntaxError, for YAML that asks for too much as well."""
    try:
        recipe_yaml.check(text)
    except recipe_yaml.RecipeYamlError as error:
        raise yaml_faults.of_bounds(error) from error
    loader = recipe_yaml.Loader(text)
    try:
        root = loader.get_single_node()
        return _convert(loader, root, text, {}) if root else None
    except recipe_yaml.RecipeYamlError as error:
        raise yaml_faults.of_bounds(error) from error
    except yaml.MarkedYAMLError as error:
        raise yaml_faults.of_syntax(error, text) from error
    except yaml.reader.ReaderError as error:
        raise yaml_faults.of_character(error, text) from error
    finally:
        loader.dispose()


def _convert(loader: Any, node: yaml.Node, text: str, seen: dict[int, YamlNode]) -> YamlNode:
    if id(node) in seen:  # an alias: the anchor's value once more
        return seen[id(node)]
    place = _place(node)
    found = YamlNode(None, place, text[node.start_mark.index : node.end_mark.index])
    seen[id(node)] = found
    if isinstance(node, yaml.MappingNode):
        found.repeated = _repeated(node)
        loader.flatten_mapping(node)  # `<<: *defaults`
        found.value = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(key_node.value)
            child = _convert(loader, value_node, text, seen)
            found.keys[key], found.value[key] = child, child.value
            found.key_ranges[key] = _place(key_node)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            found.keys[index] = _convert(loader, item, text, seen)
        found.value = [child.value for child in found.keys.values()]
    else:
        found.value = loader.construct_object(node)
    if found.keys and isinstance(node, yaml.CollectionNode) and not node.flow_style:
        # A block ends where the next one begins, by PyYAML's marks; for a person it ends with its last value.
        found.range = Range(place.start, max(child.range.end for child in found.keys.values()))
    return found


def _repeated(node: yaml.MappingNode) -> dict[str, list[Range]]:
    """Before merges (`<<`) are seen to: what a merge brings in and the mapping says otherwise is no repetition."""
    places: dict[str, list[Range]] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            places.setdefault(key.value, []).append(_place(key))
    return {key: ranges[:-1] for key, ranges in places.items() if len(ranges) > 1}


def _place(node: yaml.Node) -> Range:
    start, end = node.start_mark, node.end_mark
    return Range(Position(start.line, start.column), Position(end.line, end.column))
