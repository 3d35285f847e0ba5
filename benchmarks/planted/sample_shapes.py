"""Defects of a sample's keys and types, in every format (SF101 … SF105, SF117, SF119)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from benchmarks.planted import formats
from benchmarks.planted.codes import WARNING
from benchmarks.planted.layout import Defect, dump, scatter, to_bytes, whole_file
from benchmarks.planted.registry import Garden, plants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.planted.layout import Folder, Sample
    from benchmarks.planted.problems import Problem

Path = tuple[str | int, ...]
"""Where in a sample: keys and indices."""

BASE = 120

FOREIGN_KEYS = (
    ("question", "answer"),
    ("query", "reply"),
    ("source", "target"),
    ("premise", "hypothesis"),
    ("title", "body"),
    ("q", "a"),
    ("context", "utterance"),
)
"""Keys of no known format."""


@plants("SF101")
def unknown_format(garden: Garden) -> list[Folder]:
    defects = [
        garden.defect(f"{first}, {second}", {first: one.question, second: one.prose})
        for first, second in FOREIGN_KEYS
        for one in [garden.problem(), garden.problem(), garden.problem()]
    ]
    defects.append(garden.defect("empty object", "{}"))
    # A typo in the one key of a format: as well another format as a missing key.
    defects += [
        garden.defect(f"{key} for messages", {key: formats.chat(garden.problem())["messages"]}, accept=("SF103",))
        for key in ("message", "mesages", "Messages")
    ]
    folders = [garden.scattered("chat", formats.chat, BASE, defects)]
    files = []
    for index, (first, second) in enumerate(FOREIGN_KEYS):
        lines = [dump({first: one.question, second: one.prose}) for one in (garden.problem() for _ in range(15))]
        files.append(
            whole_file(f"part-{index}.jsonl", to_bytes(lines), garden.defect(f"file of {first}, {second}", ""))
        )
    return [*folders, garden.folder("files", files, formats.chat)]


@plants("SF102")
def other_format(garden: Garden) -> list[Folder]:
    hosts = {
        "chat": ("alpaca", "prompt-completion", "sharegpt", "text", "preference", "input-output"),
        "alpaca": ("chat", "prompt-completion", "sharegpt", "text"),
        "prompt-completion": ("chat", "alpaca", "text"),
        "sharegpt": ("chat", "alpaca", "prompt-completion"),
        "preference": ("chat", "sharegpt", "alpaca"),
    }
    folders = []
    for host, guests in hosts.items():
        defects = [
            garden.defect(f"{guest} in {host}", sample)
            for guest in guests
            for sample in garden.samples(formats.FORMATS[guest], 3)
        ]
        folders.append(garden.scattered(host, formats.FORMATS[host], 80, defects))
    return folders


@plants("SF103")
def missing_field(garden: Garden) -> list[Folder]:
    chats = [
        garden.defect(f"message without {key}", _without(garden.samples(formats.chat, 1)[0], ("messages", index), key))
        for index in (0, 1)
        for key in ("role", "content")
        for _ in range(3)
    ]
    chats += [
        garden.defect(f"{typo} for {key}", _renamed(sample, ("messages", 1), key, typo), also=("SF105", "SF109"))
        for key, typo in (("content", "contents"), ("content", "contnet"), ("role", "rol"), ("role", "Role"))
        for sample in garden.samples(formats.chat, 1)
    ]
    alpacas = [
        garden.defect(f"alpaca without {key}", _without(sample, (), key))
        for key in ("instruction", "output")
        for sample in garden.samples(formats.alpaca, 4)
    ]
    alpacas += [
        garden.defect(f"{typo} for {key}", _renamed(sample, (), key, typo), also=("SF105",))
        for key, typo in (("output", "ouput"), ("instruction", "instrution"))
        for sample in garden.samples(formats.alpaca, 2)
    ]
    optional = [
        garden.decoy("alpaca without input", _without(one, (), "input")) for one in garden.samples(formats.alpaca, 4)
    ]
    others: dict[str, list[tuple[Path, str]]] = {
        "prompt-completion": [((), "prompt"), ((), "completion")],
        "sharegpt": [(("conversations", 1), "from"), (("conversations", 0), "value"), (("conversations", 1), "value")],
        "preference": [((), "rejected"), ((), "chosen")],
        "input-output": [(("segments", 1), "text"), (("segments", 1), "label")],
    }
    folders = [
        garden.scattered("chat", formats.chat, BASE, chats),
        garden.scattered("alpaca", formats.alpaca, BASE, [*alpacas, *optional]),
    ]
    for name, gone in others.items():
        defects = [
            garden.defect(f"{name} without {key}", _without(sample, path, key))
            for path, key in gone
            for sample in garden.samples(formats.FORMATS[name], 4)
        ]
        folders.append(garden.scattered(name, formats.FORMATS[name], 60, defects))
    return folders


WHOLE: tuple[Path, ...] = (("messages",), ("conversations",), ("text",), ("segments",))


@plants("SF104")
def wrong_type(garden: Garden) -> list[Folder]:
    pairs: list[tuple[Path, Any]] = [
        ((key,), value) for key in ("prompt", "completion") for value in (42, ["Seven."], {"a": 1})
    ]
    instructions: list[tuple[Path, Any]] = [
        ((key,), value) for key in ("instruction", "output") for value in (7, False, ["Seven."], {"a": "b"})
    ]
    wrong: dict[str, list[tuple[Path, Any]]] = {
        "chat": [
            (("messages", 1, "content"), 42),
            (("messages", 1, "content"), 3.5),
            (("messages", 0, "content"), True),
            (("messages", 1, "content"), {"text": "Seven apples."}),
            (("messages", 1, "content"), {"result": 7, "unit": "apples"}),
            (("messages",), {"role": "user", "content": "How many apples are left?"}),
            (("messages",), "user: How many apples are left?"),
            (("messages",), 3),
            (("messages", 1), "There are seven apples left."),
            (("messages", 0), ["user", "How many apples are left?"]),
            (("messages", 1, "content"), [1, 2, 3]),
        ],
        "alpaca": [*instructions, (("input",), 12), (("input",), ["a", "b"])],
        "prompt-completion": pairs,
        "sharegpt": [
            (("conversations", 1, "value"), 42),
            (("conversations",), "How many?"),
            (("conversations", 0), "How many?"),
            (("conversations", 0, "value"), ["How many?"]),
        ],
        "preference": [(("chosen",), 42), (("rejected",), True), (("prompt",), 7)],
        "text": [(("text",), 42), (("text",), ["How many?"]), (("text",), {"body": "How many?"})],
        "input-output": [(("segments", 1, "text"), 42), (("segments",), "How many?"), (("segments", 1, "label"), 3)],
    }
    folders = []
    for name, values in wrong.items():
        make = formats.FORMATS[name]
        defects = [
            garden.defect(f"{'.'.join(map(str, path))} = {dump(value)[:30]}", replaced(sample, path, value))
            for path, value in values
            # A sample of one key, replaced twice, would be a duplicate.
            for sample in garden.samples(make, 1 if path in WHOLE else 2)
        ]
        if name == "chat":
            defects += _special_types(garden)
        folders.append(garden.scattered(name, make, 80, defects))
    return folders


def _special_types(garden: Garden) -> list[Defect]:
    """Types for which there is more to say; and text parts, which are fine."""
    samples = garden.samples(formats.chat, 8)
    nulls = [
        garden.defect("content null", replaced(sample, ("messages", 1, "content"), None), accept=("SF103", "SF111"))
        for sample in samples[:2]
    ]
    roles = [
        garden.defect("role is no text", replaced(sample, ("messages", 1, "role"), value), also=("SF106", "SF109"))
        for sample, value in zip(samples[2:4], (1, ["assistant"]), strict=True)
    ]
    parts = []
    for sample in samples[4:]:
        for message in sample["messages"]:
            message["content"] = [{"type": "text", "text": message["content"]}]
        parts.append(garden.decoy("text parts", sample))
    return [*nulls, *roles, *parts]


TYPOS = ("tool", "tools_", "mesages", "Tools")
METADATA = [
    "source",
    "lang",
    "score",
    "difficulty",
    "created_at",
    "author",
    "url",
    "notes",
    "split",
    "topic",
    "tags",
    "version",
    "license",
    "reviewer",
    "quality",
    "origin",
    "temperature",
    "subject",
    "grade",
    "batch",
    "status",
    "comment",
    "rating",
    "duration",
]


@plants("SF105")
def unknown_field(garden: Garden) -> list[Folder]:
    def extra(sample: Sample, key: str) -> Sample:
        return {**sample, key: garden.rng.choice(("gsm", "checked", 3, True))}

    chats = [garden.defect(key, extra(formats.chat(garden.problem()), key)) for key in (*METADATA, *TYPOS)]
    for key, sample in zip(("timestamp", "emotion", "lang", "speaker"), garden.samples(formats.chat, 4), strict=True):
        sample["messages"][1][key] = "2024-05-17" if key == "timestamp" else "neutral"
        chats.append(garden.defect(f"{key} in a message", sample))
    alpacas = [
        garden.defect(key, extra(sample, key))
        for key in ("inputs", "sytem", "output_en", "topic", "grade")
        for sample in garden.samples(formats.alpaca, 1)
    ]
    return [
        garden.scattered("chat", formats.chat, BASE, chats),
        garden.scattered("alpaca", formats.alpaca, BASE, alpacas),
    ]


@plants("SF117")
def same_pair(garden: Garden) -> list[Folder]:
    defects = [
        garden.defect("identical", {**sample, "rejected": sample["chosen"]})
        for sample in garden.samples(formats.preference, 14)
    ]
    for index, sample in enumerate(garden.samples(formats.preference, 12)):
        chosen = sample["chosen"]
        rejected = (chosen.replace(". ", ".  ", 1), chosen.replace(". ", ".\n"), f"{chosen}\n")[index % 3]
        variant = ("two spaces", "line breaks", "newline at the end")[index % 3]
        also = ("SF118",) if index % 3 == 2 else ()
        defects.append(garden.defect(variant, {**sample, "rejected": rejected}, severity=WARNING, also=also))
    return [garden.scattered("preference", formats.preference, BASE, defects)]


@plants("SF119")
def odd_field(garden: Garden) -> list[Folder]:
    """Files with metadata in every sample; in about one of a hundred it has another type, or is not there."""
    folders = []
    for name in ("score as text", "score as list", "source missing", "score missing", "source as number"):
        key, change = name.split()[0], name.split()[-1]
        base = [_described(garden, garden.problem()) for _ in range(500)]
        odd = [_described(garden, garden.problem()) for _ in range(5)]
        for sample in odd:
            if change == "missing":
                del sample[key]
            else:
                value = sample[key]
                sample[key] = {"text": str(value), "list": [value], "number": 17}[change]
        defects = [garden.defect(name, sample) for sample in odd]
        file = scatter(garden.rng, "train.jsonl", list(map(dump, base)), defects)
        # Training reads none of these keys: that is so in every line.
        folders.append(garden.folder(name.replace(" ", "-"), [file], formats.chat, also=frozenset({"SF105"})))
    return folders


def _described(garden: Garden, problem: Problem) -> Sample:
    score = round(garden.rng.uniform(1, 5), 2)
    return {**formats.chat(problem), "score": score, "source": garden.rng.choice(("book", "exam", "web", "teacher"))}


def _inside(sample: Sample, path: Sequence[str | int]) -> tuple[Sample, Any]:
    """A copy of the sample, and what is at a path of the copy."""
    whole = copy.deepcopy(sample)
    part: Any = whole
    for step in path:
        part = part[step]
    return whole, part


def _without(sample: Sample, path: Sequence[str | int], key: str) -> Sample:
    whole, part = _inside(sample, path)
    del part[key]
    return whole


def _renamed(sample: Sample, path: Sequence[str | int], key: str, new: str) -> Sample:
    whole, part = _inside(sample, path)
    part[new] = part.pop(key)
    return whole


def replaced(sample: Sample, path: Sequence[str | int], value: Any) -> Sample:
    """A copy of the sample with another value at a path."""
    whole, part = _inside(sample, path[:-1])
    part[path[-1]] = value
    return whole
