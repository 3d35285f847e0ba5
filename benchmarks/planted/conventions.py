"""Samples that fall out of their own file: of its answers' shape, length, language, labels (QL405 … QL408, QL411)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from benchmarks.planted import formats, languages
from benchmarks.planted.formats import balanced, conversation
from benchmarks.planted.layout import Defect, Plant, dump, scatter, to_bytes
from benchmarks.planted.registry import Garden, plants

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.planted.layout import Folder, Sample
    from benchmarks.planted.problems import Problem

BASE = 400
"""Clean samples of a file with at most twelve defects: 97 of 100 keep to the convention."""


def _answered(sample: Sample, answer: str) -> Sample:
    return {"messages": [*sample["messages"][:-1], {"role": "assistant", "content": answer}]}


def _answer(sample: Sample) -> str:
    text: str = sample["messages"][-1]["content"]
    return text


def _json(sample: Sample) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(_answer(sample))
    return value


def _defects(
    garden: Garden, make: Callable[[Problem], Sample], changes: dict[str, Callable[[Sample], str]]
) -> list[Defect]:
    """Each change, twice, made to the answer of a clean sample. What is cut off ends in the midst of things, too."""
    return [
        garden.defect(name, _answered(sample, change(sample)), also=("QL407",) if "cut" in name else ())
        for name, change in changes.items()
        for sample in garden.samples(make, 2)
    ]


@plants("QL405")
def odd_answer(garden: Garden) -> list[Folder]:
    no_json: dict[str, Callable[[Sample], str]] = {
        "prose": lambda sample: f"The result is {_json(sample)['result']}, which I would call {_json(sample)['size']}.",
        "cut off": lambda sample: _answer(sample)[:-4],
        "in a fence": lambda sample: f"```json\n{_answer(sample)}\n```",
        "words before": lambda sample: f"Here it is: {_answer(sample)}",
        "single quotes": lambda sample: str(_json(sample)),
    }
    other_keys: dict[str, Callable[[Sample], str]] = {
        "a key is missing": lambda sample: dump({key: value for key, value in _json(sample).items() if key != "size"}),
        "a key has a typo": lambda sample: _answer(sample).replace('"result"', '"reslut"'),
        "a key in other case": lambda sample: _answer(sample).replace('"size"', '"Size"'),
        "one key more": lambda sample: dump({**_json(sample), "confidence": 0.9}),
        "wrapped": lambda sample: dump({"answer": _json(sample)}),
    }
    no_label: dict[str, Callable[[Sample], str]] = {
        "label in a sentence": lambda sample: f"I would say that it is {_answer(sample)}, all things considered.",
        "label explained": lambda sample: f"{_answer(sample)}, because the numbers are of that size",
    }
    folders = [
        garden.scattered("json", formats.json_answer, BASE, _defects(garden, formats.json_answer, no_json)),
        garden.scattered("keys", formats.json_answer, BASE, _defects(garden, formats.json_answer, other_keys)),
    ]
    labels = _defects(garden, formats.labelled, no_label)
    labels = [Defect(one.code, one.variant, one.line, also=("QL406", "QL407"), accept=("QL411",)) for one in labels]
    folders.append(_labels(garden, "labels", labels))
    for prefix in ("Answer:", "Let's think step by step."):

        def make(one: Problem, prefix: str = prefix) -> Sample:
            return formats.prefixed(one, prefix)

        bare = [garden.defect(f"without {prefix}", formats.chat(garden.problem())) for _ in range(8)]
        folders.append(garden.scattered(f"prefix-{len(folders)}", make, BASE, bare))
    return folders


def _labels(garden: Garden, name: str, defects: Sequence[Defect], late: Sequence[Defect] = ()) -> Folder:
    """Defects among answers that are one of three labels. late: at the end of the file."""
    lines = [dump(formats.labelled(one)) for one in balanced(garden.iterator(), garden.rng, BASE)]
    file = scatter(garden.rng, "train.jsonl", lines, defects)
    for number, defect in enumerate(late, start=BASE + len(defects) + 1):
        file.data += to_bytes([defect.line])
        file.plants.append(Plant(file.name, number, defect))
    # What is no label of the set is, for the whole file, a label with fewer than five samples.
    return garden.folder(name, [file], formats.labelled, also=frozenset({"DS503"}))


TYPOS = {
    "small": ("smal", "smalll", "Small", "samll"),
    "medium": ("medum", "meduim", "MEDIUM"),
    "large": ("lage", "larg", "Large"),
}
DRIFT = ("tiny", "huge", "mid", "big", "unknown")


def _mislabelled(garden: Garden, label: str, wrong: str) -> Sample:
    while True:
        sample = formats.labelled(garden.problem())
        if _answer(sample) == label:
            return _answered(sample, wrong)


@plants("QL411")
def odd_label(garden: Garden) -> list[Folder]:
    pairs = [(label, wrong) for label, typos in TYPOS.items() for wrong in typos]
    folders = []
    for name, chosen in (("typos-1", pairs[::2]), ("typos-2", pairs[1::2])):
        defects = [garden.defect(f"{wrong} for {label}", _mislabelled(garden, label, wrong)) for label, wrong in chosen]
        folders.append(_labels(garden, name, defects))
    defects = [garden.defect(f"another label: {label}", _mislabelled(garden, "large", label)) for label in DRIFT]
    folders.append(_labels(garden, "drift", defects))
    for label in ("enormous", "zero"):  # which nobody used in the first 400 samples
        late = [garden.defect(f"late: {label}", _mislabelled(garden, "large", label)) for _ in range(2)]
        folders.append(_labels(garden, f"late-{label}", [], late))
    enum = []
    for label, wrong in (pairs[0], pairs[2], pairs[4], pairs[7], ("large", "huge"), ("small", "tiny")):
        sample = formats.json_answer(garden.problem())
        while _json(sample)["size"] != label:
            sample = formats.json_answer(garden.problem())
        enum.append(
            garden.defect(f"{wrong} for {label} in JSON", _answered(sample, dump({**_json(sample), "size": wrong})))
        )
    return [*folders, garden.scattered("json", formats.json_answer, BASE, enum)]


SHORT = (("Hi.", "Hello."), ("Ok?", "Yes."), ("And?", "No."), ("Why?", "Ok."))


@plants("QL406")
def odd_length(garden: Garden) -> list[Folder]:
    """Odd whether it is answers that are measured or samples: both are long, or both are short."""
    folders = []
    for index in range(2):
        defects = []
        for number in range(6):
            one = garden.problem()
            answer = " ".join([one.prose, *(garden.problem().prose for _ in range(20))])
            questions = [garden.problem().question for _ in range(10)] if number % 2 else []
            variant = "long answer to a long prompt" if questions else "long answer"
            defects.append(
                garden.defect(variant, {"messages": conversation(" ".join([*questions, one.question]), answer)})
            )
        defects += [garden.defect("short", {"messages": conversation(*pair)}) for pair in SHORT]
        folders.append(garden.scattered(f"chat-{index}", formats.chat, BASE, defects, recipe={"sequence_len": 8192}))
    return folders


@plants("QL407")
def stops_short(garden: Garden) -> list[Folder]:
    folders = []
    for index in range(2):
        defects = []
        for number in range(12):
            variant = ("in a word", "after a word", "after a comma")[number % 3]
            question, text = _stopped(garden)
            text = {"in a word": text[:-2], "after a word": text, "after a comma": f"{text},"}[variant]
            defects.append(garden.defect(f"stops {variant}", {"messages": conversation(question, text)}))
        folders.append(garden.scattered(f"chat-{index}", formats.chat, BASE, defects))
    return [*folders, _open_fences(garden)]


def _stopped(garden: Garden) -> tuple[str, str]:
    """A question, and an answer up to some plain word in its second half."""
    while True:
        one = garden.problem()
        words = one.prose.split(" ")
        inner = [place for place in range(len(words) // 2, len(words) - 3) if re.fullmatch(r"[a-z]{4,}", words[place])]
        if inner:
            return one.question, " ".join(words[: garden.rng.choice(inner) + 1])


def _open_fences(garden: Garden) -> Folder:
    defects = []
    for number, sample in enumerate(garden.samples(formats.program, 12)):
        block = _answer(sample).rpartition("```")[0]
        variant = ("no closing fence", "cut in the code", "a second block is open")[number % 3]
        text = {
            "no closing fence": block.rstrip(),
            "cut in the code": block[: block.rindex("print(") + len("print(")],
            "a second block is open": f"{block}```\n\nOr shorter:\n\n```python\nprint(1)",
        }[variant]
        defects.append(garden.defect(variant, _answered(sample, text)))
    decoys = []
    for sample in garden.samples(formats.program, 6):
        block = _answer(sample).rpartition("```")[0]
        decoys.append(garden.decoy("ends with its fence", _answered(sample, f"{block}```")))
    return garden.scattered("code", formats.program, BASE, [*defects, *decoys])


@plants("QL408")
def other_language(garden: Garden) -> list[Folder]:
    defects = [
        garden.defect(language, {"messages": conversation(*pair)})
        for language, pairs in languages.FOREIGN.items()
        for pair in pairs
    ]
    decoys = [garden.decoy("names", {"messages": conversation(*pair)}) for pair in languages.ENGLISH_WITH_NAMES]
    return [garden.scattered("chat", formats.chat, BASE + 100, [*defects, *decoys])]
