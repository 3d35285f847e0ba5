"""Defects of the data set as a whole (DS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.planted import formats
from benchmarks.planted.codes import ERROR, INFO
from benchmarks.planted.formats import conversation
from benchmarks.planted.layout import ANYWHERE, DataFile, Folder, Plant, clean_file, dump, to_bytes
from benchmarks.planted.registry import Garden, plants

if TYPE_CHECKING:
    from benchmarks.planted.layout import Sample


@plants("DS501")
def few_samples(garden: Garden) -> list[Folder]:
    folders = []
    for count in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 20, 30, 45, 60, 120, 250, 999, 1000, 1001):
        file = clean_file("train.jsonl", garden.lines(formats.chat, count))
        if count < 1000:
            severity = ERROR if count < 10 else INFO
            file.plants.append(Plant(file.name, 1, garden.defect(f"{count} samples", "", severity=severity)))
        folders.append(garden.folder(f"{count:04}", [file], formats.chat))
    return folders


@plants("DS502")
def no_eval_split(garden: Garden) -> list[Folder]:
    folders = []
    for index in range(20):
        name = tuple(formats.FORMATS)[index % len(formats.FORMATS)]
        file = clean_file("train.jsonl", garden.lines(formats.FORMATS[name], 30))
        folder = Folder(f"DS502-{index:02}", [file])
        if index % 4 == 3:
            folder.recipe = {"val_set_size": 0.0}
        folder.recipe_plants = [garden.defect("no split", "")]
        file.twin = None  # clean it would have a split, and be another folder
        folders.append(folder)
    for index, share in enumerate((0.1, 0.2, 0.05)):
        file = clean_file("train.jsonl", garden.lines(formats.chat, 500))
        folders.append(Folder(f"DS502-split-{index}", [file], recipe={"val_set_size": share}))
    return folders


@plants("DS503")
def lopsided(garden: Garden) -> list[Folder]:
    folders = []
    for index in range(20):
        count = garden.rng.randrange(150, 250)
        if index % 2:
            few = garden.rng.randrange(6, 10)  # over 90 %, and no label with fewer than five
            labels = ["ham"] * (count - few) + ["spam"] * few
            variant = f"{count - few} of {count} alike"
        else:
            rare = garden.rng.randrange(1, 5)
            half = (count - rare) // 2
            labels = ["ham"] * half + ["spam"] * (count - rare - half) + ["phishing"] * rare
            variant = f"{rare} of one label"
        garden.rng.shuffle(labels)
        file = DataFile("train.jsonl", to_bytes([dump(_mail(garden, label)) for label in labels]))
        file.plants.append(Plant(file.name, ANYWHERE, garden.defect(variant, "")))
        labels = ["ham", "spam", "phishing"] * 9
        held_out = clean_file("eval.jsonl", [dump(_mail(garden, label)) for label in labels], training=False)
        folders.append(Folder(f"DS503-{index:02}", [file, held_out]))
    return folders


def _mail(garden: Garden, label: str) -> Sample:
    question = f"{garden.problem().question}\n\nIs this mail ham, spam or phishing?"
    return {"messages": conversation(question, label)}


@plants("DS504")
def small_eval(garden: Garden) -> list[Folder]:
    folders = []
    for count in (*range(1, 20), 20, 21, 30):
        training = clean_file("train.jsonl", garden.lines(formats.chat, 60))
        held_out = clean_file("eval.jsonl", garden.lines(formats.chat, count), training=False)
        if count < 20:
            held_out.plants.append(Plant(held_out.name, 1, garden.defect(f"{count} samples", "")))
        folders.append(Folder(f"DS504-{count:02}", [training, held_out]))
    return folders


@plants("DS505")
def bad_file(garden: Garden) -> list[Folder]:
    """The finding is on the recipe, or on the file itself where there is one."""
    folders = []
    for index in range(20):
        kind = ("missing", "missing, in a folder", "a directory", "empty", "a directory named like a file")[index % 5]
        training = clean_file("train.jsonl", garden.lines(formats.chat, 30))
        folder = garden.folder(f"{index:02}", [training], formats.chat)
        name = ("other.jsonl", "data/other.jsonl", "parts", "other.jsonl", "parts.jsonl")[index % 5]
        if kind == "empty":
            folder.files.append(DataFile(name, b""))
        else:
            folder.listed = [name]
        folder.folders = [name] if "directory" in kind else []
        folder.recipe_plants = [garden.defect(kind, "")]
        folders.append(folder)
    return folders
