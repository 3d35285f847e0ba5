"""Defects of tools, of calls and of their results (SF114 … SF116)."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from benchmarks.planted.codes import WARNING
from benchmarks.planted.formats import message
from benchmarks.planted.layout import Defect, dump, scatter
from benchmarks.planted.registry import Garden, plants
from benchmarks.planted.sample_shapes import replaced
from benchmarks.planted.templates import TOOLS
from benchmarks.planted.tool_chats import call as make_call
from benchmarks.planted.tool_chats import clean, errand, result, tool_chat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.planted.layout import Folder, Sample


def tool_folder(garden: Garden, name: str, defects: Sequence[Defect], base: int = 120) -> Folder:
    """Defects among clean conversations with tool calls, under a template that writes them."""
    lines = [dump(clean(garden.rng)) for _ in range(base)]
    file = scatter(garden.rng, "train.jsonl", lines, defects)
    return garden.folder(name, [file], lambda _: clean(garden.rng), recipe=TOOLS.recipe)


def _functions(sample: Sample) -> list[Sample]:
    return [call["function"] for turn in sample["messages"] for call in turn.get("tool_calls", ())]


@plants("SF114")
def bad_call(garden: Garden) -> list[Folder]:
    rng = garden.rng

    def broken(arguments: str) -> Callable[[Sample], None]:
        return lambda function: function.update(arguments=arguments)

    def requoted(function: Sample) -> None:
        function["arguments"] = str(json.loads(function["arguments"]))

    def cut(function: Sample) -> None:
        function["arguments"] = function["arguments"][:-2]

    def listed(function: Sample) -> None:
        function["arguments"] = json.dumps([json.loads(function["arguments"])])

    changes: dict[str, Callable[[Sample], Any]] = {
        "arguments cut off": cut,
        "arguments in Python's quotes": requoted,
        "arguments are a list": listed,
        "arguments are prose": broken("city: Lisbon, tomorrow"),
        "arguments are a number": broken("42"),
        "arguments are a text": broken('"Lisbon"'),
        "arguments are null": broken("null"),
        "arguments are empty": broken(""),
        "name is empty": lambda function: function.update(name=""),
        "name with a typo": lambda function: function.update(name=function["name"][:-1]),
        "tool that is not declared": lambda function: function.update(name="delete_account"),
        "name in other case": lambda function: function.update(name=function["name"].upper()),
    }
    defects = []
    for name, change in changes.items():
        for _ in range(3):
            sample = tool_chat(rng, rng.choice((1, 2)))
            change(rng.choice(_functions(sample)))
            defects.append(garden.defect(name, sample))
    for _ in range(3):
        sample = tool_chat(rng)
        del _functions(sample)[0]["name"]
        defects.append(garden.defect("no name", sample, accept=("SF103",)))
    return [tool_folder(garden, "calls", [*defects, *_schema_breaks(garden)])]


def _schema_breaks(garden: Garden) -> list[Defect]:
    """Arguments that are an object, but not the one that the tool's own schema wants."""
    defects = []
    for variant in ("missing", "unknown", "wrong type", "outside the enum or range"):
        for _ in range(4):
            sample, broken = None, False
            while not broken:
                sample = tool_chat(garden.rng)
                broken = _break(sample, variant)
            assert sample is not None
            defects.append(garden.defect(f"schema: {variant}", sample, severity=WARNING))
    return defects


def _break(sample: Sample, variant: str) -> bool:
    """Break the arguments of a sample's call; False where this tool's schema cannot be broken in this way."""
    function = _functions(sample)[0]
    arguments = json.loads(function["arguments"])
    schema = next(
        tool["function"]["parameters"] for tool in sample["tools"] if tool["function"]["name"] == function["name"]
    )
    if variant == "missing":
        del arguments[schema["required"][0]]
    elif variant == "unknown":
        arguments["colour"] = "green"
    elif variant == "wrong type":
        name = schema["required"][-1]
        arguments[name] = [arguments[name]]
    else:
        enums = [name for name, value in schema["properties"].items() if "enum" in value]
        ranges = [name for name, value in schema["properties"].items() if {"minimum", "exclusiveMinimum"} & set(value)]
        if not (enums or ranges):
            return False
        arguments |= {enums[0]: "kelvin"} if enums else {ranges[0]: -40}
    function["arguments"] = json.dumps(arguments)
    return True


@plants("SF115")
def unanswered(garden: Garden) -> list[Folder]:
    makers = {
        "another call's id": _misdirected,
        "no call at all": _uncalled,
        "a result at the start": _premature,
        "one result too many": _surplus,
    }
    defects = [garden.defect(name, make(garden)) for name, make in makers.items() for _ in range(6)]
    for name, make in {"the user goes on": _ignored, "one of two": _half_answered}.items():
        defects += [garden.defect(name, make(garden), severity=WARNING) for _ in range(6)]
    decoys = [garden.decoy("results in another order", _reordered(garden)) for _ in range(4)]
    return [tool_folder(garden, "results", [*defects, *decoys])]


def _misdirected(garden: Garden) -> Sample:
    sample = tool_chat(garden.rng)
    stranger = make_call(garden.rng, "get_weather", {})
    next(turn for turn in sample["messages"] if turn["role"] == "tool")["tool_call_id"] = stranger["id"]
    return sample


def _uncalled(garden: Garden) -> Sample:
    """The assistant answers in words, and a result comes nevertheless."""
    sample = tool_chat(garden.rng)
    sample["messages"][1] = message("assistant", "One moment, I will look that up.")
    return sample


def _premature(garden: Garden) -> Sample:
    sample = tool_chat(garden.rng)
    stray = result(make_call(garden.rng, "get_weather", {}), {"sky": "clear", "degrees": 21})
    sample["messages"].insert(1, stray)
    return sample


def _surplus(garden: Garden) -> Sample:
    sample = tool_chat(garden.rng)
    sample["messages"].insert(3, result(make_call(garden.rng, "get_weather", {}), {"sky": "fog", "degrees": 4}))
    return sample


def _ignored(garden: Garden) -> Sample:
    """A call, then the user's next question, which is answered."""
    first, second = tool_chat(garden.rng), errand(garden.rng)
    messages = [*first["messages"][:2], message("user", second.request), message("assistant", second.answer)]
    return {**first, "messages": messages}


def _half_answered(garden: Garden) -> Sample:
    sample = tool_chat(garden.rng, errands=2, follow_up=True)
    del sample["messages"][3]
    return sample


def _reordered(garden: Garden) -> Sample:
    sample = tool_chat(garden.rng, errands=2)
    turns = sample["messages"]
    turns[2], turns[3] = turns[3], turns[2]
    return sample


@plants("SF116")
def bad_declaration(garden: Garden) -> list[Folder]:
    changes: dict[str, tuple[tuple[str | int, ...], Any]] = {
        "unknown type": (("function", "parameters", "properties"), {"city": {"type": "str"}}),
        "type of another language": (("function", "parameters", "properties"), {"city": {"type": "float"}}),
        "properties is a list": (("function", "parameters", "properties"), ["city", "day"]),
        "required is a text": (("function", "parameters", "required"), "city"),
        "required is true": (("function", "parameters", "required"), True),
        "parameters is a text": (("function", "parameters"), "city: string"),
        "parameters is a list": (("function", "parameters"), [{"name": "city"}]),
        "enum is a text": (("function", "parameters", "properties"), {"unit": {"type": "string", "enum": "celsius"}}),
        "minimum is a text": (("function", "parameters", "properties"), {"day": {"type": "integer", "minimum": "1"}}),
        "items is a text": (("function", "parameters", "properties"), {"days": {"type": "array", "items": "string"}}),
        "name is empty": (("function", "name"), ""),
        "name is a number": (("function", "name"), 7),
    }
    defects = []
    for name, (path, value) in changes.items():
        for _ in range(3):
            accept = ("SF104",) if value in (7, "city: string") else ()
            defects.append(garden.defect(name, _redeclared(garden, path, value), accept=accept))
    for name, value in {"a text": "get_weather", "no function": {"type": "function"}, "empty": {}}.items():
        sample = tool_chat(garden.rng)
        sample["tools"].append(value)
        defects.append(garden.defect(f"the entry is {name}", sample, accept=("SF103", "SF104")))
    for _ in range(3):
        sample = tool_chat(garden.rng)
        spare = copy.deepcopy(sample["tools"][-1])
        del spare["function"]["name"]
        sample["tools"][-1] = spare
        defects.append(garden.defect("no name", sample, accept=("SF103",)))
    return [tool_folder(garden, "tools", defects)]


def _redeclared(garden: Garden, path: tuple[str | int, ...], value: Any) -> Sample:
    """A conversation with one more declaration, which is broken; the tools it calls stay whole."""
    sample = tool_chat(garden.rng)
    broken = copy.deepcopy(sample["tools"][0])
    broken["function"]["name"] = garden.rng.choice(("list_museums", "open_shutters", "water_plants", "print_label"))
    sample["tools"].append(replaced(broken, path, value))
    return sample
