"""Writes axolotl-vocabulary.json: what an Axolotl release says about its configuration, as facts without its text.

python schemas/read_vocabulary.py FOLDER RELEASE   # FOLDER: an unpacked source release; RELEASE: "0.21.0 (2026-10)"

Names, types, bounds, defaults and enum values are read off the source: nothing of it runs.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PLACES = ("src/axolotl/utils/schemas/*.py", "src/axolotl/integrations/*/args.py")

# What is no part of a recipe: where a job runs in the cloud, what the machine can do, arguments of Python classes.
LEFT_OUT = ("cloud", "baseten", "modal", "nebius")
LEFT_OUT_CLASSES = ("KDTrainingArgsMixin", "GPUCapabilities", "EnvCapabilities", "AxolotlConfigWCapabilities")
# Bases whose keys are listed under their own names already.
TOP_CLASS = "AxolotlInputConfig"

NAMES = {
    "Optional": "Optional",
    "List": "list",
    "Dict": "dict",
    "StrictStr": "str",
    "StrictBool": "bool",
}
BOUNDS = ("gt", "ge", "lt", "le")

Facts = dict[str, Any]


def vocabulary(folder: Path, release: str) -> Facts:
    lines = [
        (_module(path), node)
        for place in PLACES
        for path in sorted(folder.glob(place))
        if _module(path) not in LEFT_OUT
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    ]
    classes = {
        f"{module}.{node.name}": node
        for module, node in lines
        if isinstance(node, ast.ClassDef) and node.name not in LEFT_OUT_CLASSES
    }
    choices = dict(filter(None, (_choice(node) for _, node in lines)))
    by_name = {node.name: node for node in classes.values()}
    enums = {node.name: _members(node) for node in classes.values() if "Enum" in _bases(node)}
    sections = {name: _fields(node, by_name, choices) for name, node in classes.items() if node.name not in enums}
    what = "names, types, bounds, defaults and enum values of its configuration; no text"
    return {
        "source": f"Axolotl {release}, Apache-2.0: {what}",
        "enums": {name: values for name, values in enums.items() if values},
        "sections": {name: fields for name, fields in sections.items() if fields},
    }


def _module(path: Path) -> str:
    return path.parent.name if path.name == "args.py" else path.stem


def _bases(node: ast.ClassDef) -> list[str]:
    return [base.id for base in node.bases if isinstance(base, ast.Name)]


def _members(node: ast.ClassDef) -> list[Any]:
    found = []
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            constant = isinstance(line.value, ast.Constant)
            found.append(ast.literal_eval(line.value) if constant else line.targets[0].id)
    return found


def _choice(node: ast.stmt) -> tuple[str, ast.expr] | None:
    """`Recipe = Literal["a", "b"]`: a name for a type."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript(value=ast.Name(id="Literal")) as type_):
            return name, type_
    return None


def _fields(node: ast.ClassDef, by_name: dict[str, ast.ClassDef], choices: dict[str, ast.expr]) -> dict[str, Facts]:
    found: dict[str, Facts] = {}
    for base in _bases(node) if node.name != TOP_CLASS else []:
        if base in by_name:
            found |= _fields(by_name[base], by_name, choices)
    for line in node.body:
        match line:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=type_, value=value):
                if isinstance(type_, ast.Subscript) and ast.unparse(type_.value) in ("ClassVar", "Final"):
                    continue
                if not name.isupper():
                    alias = choices.get(type_.id) if isinstance(type_, ast.Name) else None
                    found[name] = _field(alias or type_, value)
    return found


def _field(type_: ast.expr, value: ast.expr | None) -> Facts:
    calls = [call for call in (value, *_annotations(type_)) if isinstance(call, ast.Call)]
    keywords = {keyword.arg: keyword.value for call in calls for keyword in call.keywords}
    default = value
    if isinstance(value, ast.Call):  # of pydantic's Field
        default = value.args[0] if value.args else keywords.get("default")
    facts: Facts = {"type": ast.unparse(_plain(type_))}
    if (literal := _literal(default)) is not None:
        facts["default"] = literal
    if "alias" in keywords:
        facts["alias"] = _literal(keywords["alias"])
    if bounds := {bound: ast.unparse(keywords[bound]) for bound in BOUNDS if _literal(keywords.get(bound)) is not None}:
        facts["bounds"] = bounds
    if "deprecated" in keywords:
        facts["deprecated"] = True
    return facts


def _annotations(type_: ast.expr) -> list[ast.expr]:
    match type_:
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[_, *rest])):
            return rest
    return []


def _plain(type_: ast.expr) -> ast.expr:
    """A type without annotations, in built-in names, unions written with bars."""
    match type_:
        case ast.Constant(value=str(text)):
            return _plain(ast.parse(text, mode="eval").body)
        case ast.Name(id=name):
            return ast.Name(NAMES.get(name, name))
        case ast.BinOp(left=left, right=right):
            return ast.BinOp(_plain(left), ast.BitOr(), _plain(right))
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[first, *_])):
            return _plain(first)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return ast.BinOp(_plain(inner), ast.BitOr(), ast.Constant(None))
        case ast.Subscript(value=ast.Name(id="Literal")):
            return type_
        case ast.Subscript(value=outer, slice=ast.Tuple(elts=inner)):
            return ast.Subscript(_plain(outer), ast.Tuple([_plain(part) for part in inner]))
        case ast.Subscript(value=outer, slice=inner):
            return ast.Subscript(_plain(outer), _plain(inner))
    return type_


def _literal(node: ast.expr | None) -> Any:
    """A value that is written out; also `256 << 20`. None where it is computed."""
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except ValueError:
        pass
    match node:
        case ast.BinOp(left=ast.Constant(value=int(left)), op=ast.LShift(), right=ast.Constant(value=int(right))):
            return left << right
        case ast.Attribute(attr=name) if name.islower():  # a member of an enum
            return name
    return None


if __name__ == "__main__":
    built = vocabulary(Path(sys.argv[1]), sys.argv[2])
    (HERE / "axolotl-vocabulary.json").write_text(json.dumps(built, indent=1) + "\n", encoding="utf-8")
