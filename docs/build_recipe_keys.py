"""Writes recipe-keys.md: every key of a recipe, from the schema and the typed recipe that the code goes by.

python docs/build_recipe_keys.py           # writes it
python docs/build_recipe_keys.py --check   # exit code 1 when the page says something else
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from lintune_schemas.recipe_keys import RecipeKey, keys_under

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Path as KeyPath

PAGE = Path(__file__).resolve().parent / "recipe-keys.md"

_HEAD = """\
# Keys of a recipe

A recipe speaks Axolotl: every key of its release 0.21 is known here, those of its plugins among them, and those that it
had once. Keys marked ● are carried out by the built-in trainer; with the others a recipe is Axolotl's to train, and
`lintune check` says so (RC622). An empty key has its default. The section `lintune` is ours.

This page is written by `docs/build_recipe_keys.py`.
"""
_MOST_CHOICES = 12


def page() -> str:
    """The page as it should be."""
    return "\n".join([_HEAD, *(_section(path, keys) for path, keys in _sections((), set()))])


def _sections(path: KeyPath, seen: set[frozenset[tuple[str, str]]]) -> Iterator[tuple[KeyPath, dict[str, RecipeKey]]]:
    """Every mapping that names its keys, from the top down; sections with the same keys once."""
    keys = keys_under(path)
    names = frozenset((key.name, key.description) for key in keys.values())
    if not keys or names in seen:
        return
    seen.add(names)
    yield path, keys
    for name in keys:
        yield from _sections((*path, name), seen)
        yield from _sections((*path, name, 0), seen)


def _section(path: KeyPath, keys: dict[str, RecipeKey]) -> str:
    title = f"## `{_written(path)}`" if path else "## At the top"
    today = [key for key in keys.values() if not key.deprecated]
    former = [key for key in keys.values() if key.deprecated and not _is_prefixed(key, keys)]
    lines = [title, "", "| key | ● | type | default | what it does |", "| --- | --- | --- | --- | --- |"]
    lines += [_row(key) for key in sorted(today, key=lambda key: (not key.carried_out, key.name))]
    if former:
        lines += ["", f"Former keys of `{_written(path)}`:" if path else "Former keys:", ""]
        lines += ["| key | today | what it did |", "| --- | --- | --- |"]
        lines += [f"| `{key.name}` | {_today(key)} | {_cell(key.description)} |" for key in former]
    if len(today) + len(former) < len(keys):
        lines += ["", "Each of these keys may have `fsdp_` before it, as was written once."]
    return "\n".join([*lines, ""])


def _is_prefixed(key: RecipeKey, keys: dict[str, RecipeKey]) -> bool:
    return key.name.startswith("fsdp_") and key.name.removeprefix("fsdp_") in keys


def _row(key: RecipeKey) -> str:
    default = "" if key.default is None else f"`{_value(key.default)}`"
    done = "●" if key.carried_out else ""
    return f"| `{key.name}` | {done} | {_cell(_type(key))} | {_cell(default)} | {_cell(key.description)} |"


def _type(key: RecipeKey) -> str:
    named = [choice for choice in key.choices if choice not in ("true", "false")]
    if not named:
        return key.kind or "anything"
    shown = ", ".join(f"`{choice}`" for choice in named[:_MOST_CHOICES])
    more = f" and {len(named) - _MOST_CHOICES} more" if len(named) > _MOST_CHOICES else ""
    return f"{key.kind}: {shown}{more}"


def _today(key: RecipeKey) -> str:
    if key.replacement is None:
        return ""
    return f"`{key.replacement}: {key.replacement_value}`" if key.replacement_value else f"`{key.replacement}`"


def _value(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _written(path: KeyPath) -> str:
    """`datasets[].type`"""
    return "".join("[]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    text = page()
    if "--check" in sys.argv:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text
        if stale:
            print(f"Not what the schema says: {PAGE.name}. Run: make docs", file=sys.stderr)
        return int(stale)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
