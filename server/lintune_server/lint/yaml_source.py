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
from lintune_server.lint.lines import LINE_END
from lintune_server.lint.yaml_faults import YamlSyntaxError
from lintune_server.lint.yaml_places import Places

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
        raise yaml_faults.of_bounds(error, text) from error
    loader = recipe_yaml.Loader(text)
    try:
        root = loader.get_single_node()
        return _Reading(loader, text).node(root) if root else None
    except recipe_yaml.RecipeYamlError as error:
        raise yaml_faults.of_bounds(error, text) from error
    except yaml.MarkedYAMLError as error:
        raise yaml_faults.of_syntax(error, text) from error
    except yaml.reader.ReaderError as error:
        raise yaml_faults.of_character(error, text) from error
    finally:
        loader.dispose()


class _Reading:
    """One text on its way to nodes."""

    def __init__(self, loader: Any, text: str) -> None:
        self._loader = loader
        self._places = Places(text)
        self._seen: dict[int, YamlNode] = {}

    def node(self, node: yaml.Node) -> YamlNode:
        if id(node) in self._seen:  # an alias: the anchor's value once more
            return self._seen[id(node)]
        found = YamlNode(None, self._place(node), self._raw(node))
        self._seen[id(node)] = found
        if isinstance(node, yaml.MappingNode):
            found.repeated = self._repeated(node)
            self._loader.flatten_mapping(node)  # `<<: *defaults`
            found.value = {}
            for key_node, value_node in node.value:
                key, child = self._key(key_node), self.node(value_node)
                found.keys[key], found.value[key] = child, child.value
                found.key_ranges[key] = self._place(key_node)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                found.keys[index] = self.node(item)
            found.value = [child.value for child in found.keys.values()]
        else:
            found.value = self._loader.construct_object(node)
        if found.keys and isinstance(node, yaml.CollectionNode) and not node.flow_style:
            found.range = Range(found.range.start, _end(found))
        return found

    def _key(self, node: yaml.Node) -> str:
        return str(node.value) if isinstance(node, yaml.ScalarNode) else self._raw(node)

    def _repeated(self, node: yaml.MappingNode) -> dict[str, list[Range]]:
        """Before merges (`<<`) are seen to: what a merge brings in and the mapping says otherwise is no repetition."""
        places: dict[str, list[Range]] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                places.setdefault(key.value, []).append(self._place(key))
        return {key: ranges[:-1] for key, ranges in places.items() if len(ranges) > 1}

    def _raw(self, node: yaml.Node) -> str:
        return self._places.text(node.start_mark.index, node.end_mark.index)

    def _place(self, node: yaml.Node) -> Range:
        return self._places.range(node.start_mark.index, node.end_mark.index)


def _end(block: YamlNode) -> Position:
    """Where a block ends for a person: with its last value. By PyYAML's marks, it ends where the next one begins.

    What an alias or a merge brings in stands elsewhere; its key counts, or the line with the merge.
    """
    start = block.range.start
    places = (*(child.range for child in block.keys.values()), *block.key_ranges.values())
    own = [place.end for place in places if start <= place.start and place.end <= block.range.end]
    return max(own, default=Position(start.line, start.column + len(LINE_END.split(block.raw, maxsplit=1)[0].rstrip())))
