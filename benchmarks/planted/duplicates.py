"""Duplicates and leaks, within a file and across the files of a recipe (DU)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.planted import formats
from benchmarks.planted.codes import WARNING
from benchmarks.planted.formats import conversation
from benchmarks.planted.layout import (
    ANYWHERE,
    DataFile,
    Defect,
    Plant,
    clean_file,
    dump,
    scatter,
    scatter_copies,
    to_bytes,
)
from benchmarks.planted.registry import EVAL_SAMPLES, Garden, plants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.planted.layout import Folder, Sample

BASE = 160
NEAR = 0.86
"""The rule begins at 0.8; word boundaries and case are read in more than one way."""


def _on_texts(line: str, change: Callable[[str], str]) -> str:
    """Change every text of a sample: contents of messages, or the values of its keys."""
    sample: Sample = json.loads(line)
    if "messages" in sample:
        for turn in sample["messages"]:
            turn["content"] = change(turn["content"])
        return dump(sample)
    return dump({key: change(value) if value else value for key, value in sample.items()})


def _sorted(line: str) -> str:
    """The same sample with its keys in another order."""

    def turned(value: object) -> object:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    return dump(turned(json.loads(line)))


COPIES: dict[str, Callable[[str], str]] = {
    "identical": lambda line: line,
    "keys in another order": _sorted,
    "no white space between": lambda line: json.dumps(json.loads(line), ensure_ascii=False, separators=(",", ":")),
    "more white space between": lambda line: line.replace('": ', '" :  ').replace("}, {", "} , {"),
    "characters as escapes": lambda line: line.replace("The answer", "\\u0054he answer"),
}


def _makers(garden: Garden, changes: Mapping[str, Callable[[str], str]], times: int) -> list[Callable[[str], Defect]]:
    """For each change a function from a line to its copy, a defect."""

    def maker(variant: str, change: Callable[[str], str]) -> Callable[[str], Defect]:
        also = ("TK212",) if variant in DENSE else ()
        return lambda line: garden.defect(variant, change(line), also=also)

    return [maker(variant, change) for variant, change in changes.items() for _ in range(times)]


@plants("DU301")
def exact(garden: Garden) -> list[Folder]:
    folders = []
    for name in ("chat", "alpaca", "prompt-completion", "sharegpt", "preference", "text"):
        make, many = formats.FORMATS[name], name == "chat"
        lines = garden.lines(make, BASE if many else 80)
        makers = _makers(garden, COPIES, 3 if many else 1)
        folders.append(garden.folder(name, [scatter_copies(garden.rng, "train.jsonl", lines, makers)], make))
    return [*folders, _across_files(garden)]


def _across_files(garden: Garden) -> Folder:
    """What the first file has, the second has again."""
    first, second = garden.lines(formats.chat, 40), garden.lines(formats.chat, 40)
    again = garden.rng.sample(range(40), 8)
    file = scatter(
        garden.rng, "more.jsonl", second, [garden.defect("in another file", first[index]) for index in again]
    )
    file.plants = [
        replace(plant, partners=(("base.jsonl", first.index(plant.defect.line) + 1),)) for plant in file.plants
    ]
    return garden.folder("files", [clean_file("base.jsonl", first), file], formats.chat)


def _wide(text: str) -> str:
    """Digits, full stops and question marks in the width of Chinese characters."""
    return text.translate({ord(character): chr(ord(character) + 0xFEE0) for character in "0123456789.?"})


def _ligatures(text: str) -> str:
    first = chr(ord(text[0]) + 0xFEE0) if "!" <= text[0] <= "~" else text[0]
    return first + text[1:].replace("fi", "ﬁ").replace("ff", "ﬀ").replace("fl", "ﬂ")


NORMAL: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "lower case": str.lower,
    "title case": lambda text: re.sub(r"\b[a-z]", lambda match: match.group().upper(), text),
    "without commas and full stops": lambda text: re.sub(r"[,.?](?=\s|$)", "", text),
    "exclamation marks": lambda text: re.sub(r"[.?](?=\s|$)", "!", text),
    "in quotes": lambda text: f'"{text}"',
    "two spaces": lambda text: re.sub(r" +", "  ", text),
    "line breaks": lambda text: re.sub(r"([.,?]) ", r"\1\n", text),
    "no-break spaces": lambda text: text.replace(" ", "\xa0"),
    "full-width digits": _wide,
    "ligatures": _ligatures,
}
"""Changes after which the normalized text is the same, whether punctuation is dropped or becomes a space."""

DENSE = ("upper case", "two spaces", "no-break spaces", "full-width digits")
"""Those that take the tokenizer many more tokens for the same text."""


@plants("DU302")
def same_after_normalization(garden: Garden) -> list[Folder]:
    changes = {name: partial(_on_texts, change=change) for name, change in NORMAL.items()}
    folders = []
    for name, times in (("chat", 3), ("alpaca", 1)):
        make = formats.FORMATS[name]
        file = scatter_copies(garden.rng, "train.jsonl", garden.lines(make, BASE), _makers(garden, changes, times))
        folders.append(garden.folder(name, [file], make))
    return folders


def _shingles(text: str, pattern: str) -> set[tuple[str, ...]]:
    words = re.findall(pattern, text)
    return {tuple(words[index : index + 3]) for index in range(len(words) - 2)}


def jaccard(one: str, other: str) -> tuple[float, float]:
    """Least and greatest similarity by word 3-shingles, over the ways to cut a text into words."""
    pairs = [
        (_shingles(first, pattern), _shingles(second, pattern))
        for first, second in ((one, other), (one.lower(), other.lower()))
        for pattern in (r"\S+", r"\w+", r"\w+|[^\w\s]")
    ]
    values = [len(first & second) / len(first | second) for first, second in pairs]
    return min(values), max(values)


FILLERS = ("nearly", "exactly", "roughly", "perhaps", "indeed", "surely", "again", "later", "already", "usually")


def _edited(garden: Garden, text: str, *, edits: int) -> str:
    """Put a word before so many others, none of them the first."""
    words = text.split(" ")
    for place in sorted(garden.rng.sample(range(2, len(words)), edits), reverse=True):
        words.insert(place, garden.rng.choice(FILLERS))
    return " ".join(words)


def _texts(line: str) -> str:
    return "\n".join(turn["content"] for turn in json.loads(line)["messages"])


def _near(garden: Garden, line: str) -> str:
    """Prompt and answer a little changed, and still near by every reading."""
    for _ in range(1000):
        edits = garden.rng.choice((1, 1, 2))
        changed = _on_texts(line, partial(_edited, garden, edits=edits))
        if jaccard(_texts(line), _texts(changed))[0] >= NEAR:
            return changed
    return _prompt_edited(garden, line)


def _prompt_edited(garden: Garden, line: str) -> str:
    sample = json.loads(line)
    sample["messages"][0]["content"] = _edited(garden, sample["messages"][0]["content"], edits=1)
    return dump(sample)


def _far(garden: Garden, line: str) -> str:
    """Changed so much that by no reading it is near any more, though it is plain where it comes from."""
    changed = line
    while jaccard(_texts(line), _texts(changed))[1] > 0.72:
        changed = _on_texts(changed, partial(_edited, garden, edits=3))
    return changed


@plants("DU303")
def near(garden: Garden) -> list[Folder]:
    makers: list[Callable[[str], Defect]] = [
        *[lambda line: garden.defect("one word in the prompt", _prompt_edited(garden, line))] * 12,
        *[lambda line: garden.defect("prompt and answer", _near(garden, line))] * 18,
        *[lambda line: garden.decoy("not near enough", _far(garden, line))] * 10,
    ]
    lines = garden.lines(formats.chat, BASE + 60)
    return [garden.folder("chat", [scatter_copies(garden.rng, "train.jsonl", lines, makers)], formats.chat)]


@plants("DU304")
def two_answers(garden: Garden) -> list[Folder]:
    folders = []
    for name in ("chat", "alpaca", "prompt-completion", "sharegpt"):
        make = formats.FORMATS[name]
        lines = garden.lines(make, BASE)
        makers = [lambda line: garden.defect("another answer", _answered(line, garden.problem().prose))] * 8
        folders.append(garden.folder(name, [scatter_copies(garden.rng, "train.jsonl", lines, makers)], make))
    # One instruction, many inputs: those are many prompts.
    lines = garden.lines(lambda one: formats.alpaca(one, with_input=True), BASE)
    folders.append(garden.folder("inputs", [clean_file("train.jsonl", lines)], formats.alpaca))
    return folders


def _answered(line: str, answer: str) -> Sample:
    """The sample with another answer."""
    sample: Sample = json.loads(line)
    if "messages" in sample:
        sample["messages"][1]["content"] = answer
    elif "conversations" in sample:
        sample["conversations"][1]["value"] = answer
    else:
        sample["output" if "output" in sample else "completion"] = answer
    return sample


@plants("DU305")
def leaked(garden: Garden) -> list[Folder]:
    copies: dict[str, Callable[[str], str]] = dict(COPIES)
    for name in ("upper case", "exclamation marks", "two spaces", "full-width digits", "in quotes"):
        copies[name] = partial(_on_texts, change=NORMAL[name])
    near_copies: dict[str, Callable[[str], str]] = {
        "near": partial(_near, garden),
        "near, prompt alone": partial(_prompt_edited, garden),
    }
    folders = []
    for index in range(3):
        training = garden.lines(formats.chat, BASE)
        origins = garden.rng.sample(range(BASE), len(copies) + len(near_copies))
        defects, places = [], {}
        for origin, (name, change) in zip(origins, {**copies, **near_copies}.items(), strict=True):
            also = ("TK212",) if name in DENSE else ()
            severity = WARNING if name in near_copies else None
            defects.append(garden.defect(name, change(training[origin]), severity=severity, also=also))
            places[defects[-1].line] = origin + 1
        file = scatter(garden.rng, "eval.jsonl", garden.lines(formats.chat, EVAL_SAMPLES), defects)
        file.training = False
        file.plants = [replace(plant, partners=(("train.jsonl", places[plant.defect.line]),)) for plant in file.plants]
        folder = garden.folder(f"eval-{index}", [clean_file("train.jsonl", training)], formats.chat)
        folder.files[-1] = file
        folders.append(folder)
    return folders


STOCK_ANSWERS = (
    "Please ask at the front desk between nine and five. They keep the list, and look up what was agreed in your case.",
    "That depends on your contract. You find the number on the first page, and the table with all rates on the last.",
    "It is written on the invoice, right below the total. If the line is missing, nothing was counted for that month.",
    "Yes, from Monday to Friday. On other days the office is closed, and what comes in is counted on the next one.",
    "We will call you back tomorrow. Until then please keep the papers together, so that we can go through them.",
    "The form is in your account, under the heading for the year. Fill in both pages and send them before April.",
)


@plants("DU306")
def one_answer_for_many(garden: Garden) -> list[Folder]:
    folders = []
    for index, answer in enumerate(STOCK_ANSWERS * 2):
        make = (formats.chat, formats.prompt_completion)[index % 2]
        count = garden.rng.randrange(110, 160)
        folders.append(
            _repeated(garden, f"share-{index:02}", make, count, round(count * garden.rng.uniform(0.09, 0.25)), answer)
        )
    for index, (count, times) in enumerate(((150, 5), (200, 7), (60, 6))):  # under 5 %, or under a hundred samples
        folder = _repeated(garden, f"few-{index}", formats.chat, count, times, STOCK_ANSWERS[index])
        folder.files[0].plants = []
        folders.append(folder)
    labels = [dump(formats.labelled(one)) for one in formats.balanced(garden.iterator(), garden.rng, 150)]
    folders.append(garden.folder("labels", [clean_file("train.jsonl", labels)], formats.labelled))
    return folders


def _repeated(garden: Garden, name: str, make: Callable[..., Sample], count: int, times: int, answer: str) -> Folder:
    """A file in which so many prompts have the same answer. One finding for the file is as good as one a line."""
    lines = garden.lines(make, count)
    for index in garden.rng.sample(range(count), times):
        question = garden.problem().question
        chat = make is formats.chat
        lines[index] = dump(
            {"messages": conversation(question, answer)} if chat else {"prompt": question, "completion": answer}
        )
    file = DataFile("train.jsonl", to_bytes(lines))
    file.plants.append(Plant(file.name, ANYWHERE, garden.defect(f"{times} of {count}", "")))
    return garden.folder(name, [file], make)
