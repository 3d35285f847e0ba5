"""Defects of conversations: roles, their order, what is learned, white space (SF106 … SF113, SF118)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.planted import formats, templates
from benchmarks.planted.codes import ERROR, WARNING
from benchmarks.planted.formats import conversation, message
from benchmarks.planted.layout import Defect, dump, scatter
from benchmarks.planted.registry import Garden, plants

if TYPE_CHECKING:
    from benchmarks.planted.layout import Folder, Sample

BASE = 120


def _turns(garden: Garden, problems: int = 2) -> list[Sample]:
    """A conversation of users and assistants alone, two turns a problem."""
    found = [garden.problem() for _ in range(problems)]
    return conversation(*(text for problem in found for text in (problem.question, problem.prose)))


def _chats(garden: Garden) -> list[str]:
    """Clean lines: one or several problems, some with a system message."""
    problems = garden.iterator()
    many = formats.grouped(problems, garden.rng, BASE // 2)
    return [*map(dump, many), *garden.lines(formats.chat, BASE // 2)]


def _folder(garden: Garden, defects: list[Defect], name: str = "chat", **more: object) -> Folder:
    file = scatter(garden.rng, "train.jsonl", _chats(garden), defects)
    return garden.folder(name, [file], formats.chat, **more)


@plants("SF106")
def unknown_role(garden: Garden) -> list[Folder]:
    users = ("human", "Human", "User", "USER", "usr", "users", "customer")
    assistants = ("gpt", "bot", "Assistant", "ASSISTANT", "asistant", "assistent", "assitant", "chatbot", "ai", "model")
    defects = []
    for index, names in enumerate((users, assistants)):
        for name in names:
            messages = _turns(garden, 1)
            messages[index]["role"] = name
            defects.append(garden.defect(name, {"messages": messages}))
    for user, assistant in (("human", "gpt"), ("Human", "Assistant"), ("human", "bot"), ("Q", "A")) * 2:
        messages = _turns(garden)
        for turn in messages:
            turn["role"] = user if turn["role"] == "user" else assistant
        defects.append(garden.defect(f"{user}, {assistant}", {"messages": messages}))
    for name in ("System", "sytem", "SYSTEM", "narrator", "context", ""):
        sample = {"messages": [message(name, "Be brief."), *_turns(garden, 1)]}
        defects.append(garden.defect(name or "no role at all", sample))
    return [_folder(garden, defects), _unknown_speakers(garden)]


def _unknown_speakers(garden: Garden) -> Folder:
    defects = []
    for name, index in (("humna", 0), ("customer", 0), ("robot", 1), ("gtp", 1), ("narrator", 1), ("", 1)):
        for sample in garden.samples(formats.sharegpt, 2):
            sample["conversations"][index]["from"] = name
            defects.append(garden.defect(f"from {name or 'nobody'}", sample))
    return garden.scattered("sharegpt", formats.sharegpt, 60, defects)


@plants("SF107")
def same_role_twice(garden: Garden) -> list[Folder]:
    defects = [garden.defect(*_doubled(garden, index)) for index in range(24)]
    sharegpt = []
    for index in range(8):
        sample = garden.samples(formats.sharegpt, 1)[0]
        extra = {"from": ("human", "gpt")[index % 2], "value": garden.problem().steps[0]}
        sample["conversations"].insert(1 if index % 2 == 0 else 2, extra)
        sharegpt.append(garden.defect(f"{extra['from']} twice", sample))
    refused = [
        garden.defect(f"{name}, and the template refuses", sample, severity=ERROR, also=("TK207",))
        for name, sample in (_doubled(garden, index) for index in range(8))
    ]
    return [
        _folder(garden, defects),
        garden.scattered("sharegpt", formats.sharegpt, 60, sharegpt),
        _folder(garden, refused, "strict-template", recipe=templates.ALTERNATING.recipe),
    ]


def _doubled(garden: Garden, index: int) -> tuple[str, Sample]:
    """A conversation in which somebody speaks twice in a row, at another place for each index."""
    messages, extra = _turns(garden), garden.problem()
    place, role, content = (
        (1, "user", extra.question),
        (2, "assistant", extra.prose),
        (3, "user", extra.question),
        (4, "assistant", extra.prose),
    )[index % 4]
    messages.insert(place, message(role, content))
    system = [message("system", "You are a patient maths tutor.")] if index % 3 == 0 else []
    return f"{role} twice, turn {place}", {"messages": [*system, *messages]}


@plants("SF108")
def misplaced_system(garden: Garden) -> list[Folder]:
    system = message("system", "Name the result at the end.")
    defects = []
    for _ in range(5):
        for variant, place in (("second", 1), ("third", 2), ("last", 4)):
            messages = _turns(garden)
            messages.insert(place, system)
            defects.append(garden.defect(variant, {"messages": messages}))
        first = message("system", garden.rng.choice(formats.SYSTEM_PROMPTS))
        defects.append(garden.defect("two at the start", {"messages": [first, system, *_turns(garden)]}))
        messages = [first, *_turns(garden)]
        messages.insert(3, system)
        defects.append(garden.defect("one first, one later", {"messages": messages}))
    sharegpt = []
    for sample in garden.samples(formats.sharegpt, 6):
        sample["conversations"].insert(1, {"from": "system", "value": "Name the result at the end."})
        sharegpt.append(garden.defect("second", sample))
    return [_folder(garden, defects), garden.scattered("sharegpt", formats.sharegpt, 60, sharegpt)]


@plants("SF109")
def nothing_to_learn(garden: Garden) -> list[Folder]:
    defects = []
    for _ in range(7):
        question = _turns(garden, 1)[0]
        system = message("system", garden.rng.choice(formats.SYSTEM_PROMPTS))
        defects.append(garden.defect("user alone", {"messages": [question]}))
        defects.append(garden.defect("system and user", {"messages": [system, _turns(garden, 1)[0]]}))
        unlearned = [{**turn, "weight": 0} if turn["role"] == "assistant" else turn for turn in _turns(garden)]
        defects.append(garden.defect("weight 0 throughout", {"messages": unlearned}))
    defects.append(garden.defect("system alone", {"messages": [message("system", "You teach maths in Riga.")]}))
    decoys = []
    for _ in range(4):
        messages = _turns(garden)
        messages[1]["weight"] = 0
        messages[3]["weight"] = 1
        decoys.append(garden.decoy("one answer of weight 1", {"messages": messages}))
    sharegpt = []
    for sample in garden.samples(formats.sharegpt, 6):
        del sample["conversations"][1]
        sharegpt.append(garden.defect("human alone", sample))
    return [_folder(garden, [*defects, *decoys]), garden.scattered("sharegpt", formats.sharegpt, 60, sharegpt)]


@plants("SF110")
def ends_with_user(garden: Garden) -> list[Folder]:
    defects = []
    for index in range(24):
        messages = _turns(garden, garden.rng.choice((1, 2)))
        messages.append(message("user", garden.problem().question if index % 2 else "Thanks, that helped me a lot!"))
        system = [message("system", "You are a patient maths tutor.")] if index % 3 == 0 else []
        defects.append(garden.defect("question" if index % 2 else "thanks", {"messages": [*system, *messages]}))
    sharegpt = []
    for sample in garden.samples(formats.sharegpt, 6):
        sample["conversations"].append({"from": "human", "value": garden.problem().question})
        sharegpt.append(garden.defect("sharegpt", sample))
    return [_folder(garden, defects), garden.scattered("sharegpt", formats.sharegpt, 60, sharegpt)]


BLANKS = {
    "empty": "",
    "space": " ",
    "spaces": "   ",
    "newlines": "\n\n",
    "tab": "\t",
    "no-break space": "\xa0",
    "wide": "\u3000",
}


@plants("SF111")
def empty_content(garden: Garden) -> list[Folder]:
    defects = []
    for name, blank in BLANKS.items():
        for _ in range(2):
            messages = _turns(garden)
            messages[garden.rng.choice((1, 3))]["content"] = blank
            defects.append(garden.defect(f"assistant: {name}", {"messages": messages}))
            messages = _turns(garden)
            messages[garden.rng.choice((0, 2))]["content"] = blank
            defects.append(garden.defect(f"user: {name}", {"messages": messages}, severity=WARNING))
    folders = [_folder(garden, defects)]
    answers = {"alpaca": "output", "prompt-completion": "completion", "text": "text", "preference": "chosen"}
    for format_, key in answers.items():
        make = formats.FORMATS[format_]
        blanks = [
            # Texts of white space alone are duplicates of each other.
            garden.defect(f"{key}: {name}", {**sample, key: blank}, also=("DU302", "DU303") if key == "text" else ())
            for name, blank in list(BLANKS.items())[:4]
            for sample in garden.samples(make, 1)
        ]
        decoys = [garden.decoy("no input", {**one, "input": ""}) for one in garden.samples(make, 2)]
        folders.append(garden.scattered(format_, make, 60, [*blanks, *(decoys if format_ == "alpaca" else ())]))
    sharegpt = []
    for name, blank in BLANKS.items():
        sample = garden.samples(formats.sharegpt, 1)[0]
        sample["conversations"][1]["value"] = blank
        sharegpt.append(garden.defect(f"gpt: {name}", sample))
    return [*folders, garden.scattered("sharegpt", formats.sharegpt, 60, sharegpt)]


@plants("SF112")
def empty_list(garden: Garden) -> list[Folder]:
    chats = [garden.defect("messages", {"messages": []}, also=("DU301", "DU302", "DU303")) for _ in range(10)]
    chats.append(garden.defect("messages, tools", {"messages": [], "tools": []}))
    sharegpt = [
        garden.defect("conversations", {"conversations": []}, also=("DU301", "DU302", "DU303")) for _ in range(10)
    ]
    return [_folder(garden, chats), garden.scattered("sharegpt", formats.sharegpt, 60, sharegpt)]


@plants("SF113")
def bad_weight(garden: Garden) -> list[Folder]:
    defects = []
    for value in (2, 0.5, -1, 10, 100, 0.1):
        for _ in range(2):
            messages = _turns(garden)
            messages[garden.rng.choice((1, 3))]["weight"] = value
            defects.append(garden.defect(f"weight {value}", {"messages": messages}))
    for value in (0, 1):
        for _ in range(4):
            messages = _turns(garden)
            messages[garden.rng.choice((0, 2))]["weight"] = value
            defects.append(garden.defect(f"user, weight {value}", {"messages": messages}))
            system = {**message("system", "You are a patient maths tutor."), "weight": value}
            defects.append(garden.defect(f"system, weight {value}", {"messages": [system, *_turns(garden)]}))
    decoys = []
    for _ in range(4):
        messages = _turns(garden)
        messages[1]["weight"] = 0
        decoys.append(garden.decoy("weight 0 on an answer", {"messages": messages}))
    return [_folder(garden, [*defects, *decoys])]


EDGES = {
    "leading space": " {}",
    "trailing space": "{} ",
    "leading newline": "\n{}",
    "trailing newline": "{}\n",
    "trailing newlines": "{}\n\n",
    "trailing tab": "{}\t",
}


@plants("SF118")
def edge_white_space(garden: Garden) -> list[Folder]:
    defects = []
    for name, edge in EDGES.items():
        for index in (0, 1):
            for sample in garden.samples(formats.chat, 2):
                turn = sample["messages"][index]
                turn["content"] = edge.format(turn["content"])
                defects.append(garden.defect(f"{turn['role']}: {name}", sample))
    alpacas = [
        garden.defect(f"output: {name}", {**sample, "output": edge.format(sample["output"])})
        for name, edge in EDGES.items()
        for sample in garden.samples(formats.alpaca, 1)
    ]
    pairs = [
        garden.defect(f"completion: {name}", {**sample, "completion": edge.format(sample["completion"])})
        for name, edge in EDGES.items()
        for sample in garden.samples(formats.prompt_completion, 1)
    ]
    trimmed = []
    for name, edge in EDGES.items():
        for sample in garden.samples(formats.chat, 2):
            answer = sample["messages"][1]
            answer["content"] = edge.format(answer["content"])
            trimmed.append(garden.decoy(f"{name}, which the template takes away", sample))
    return [
        _folder(garden, defects),
        garden.scattered("alpaca", formats.alpaca, 60, alpacas),
        garden.scattered("prompt-completion", formats.prompt_completion, 60, pairs),
        _folder(garden, trimmed, "trimming-template", recipe=templates.TRIMMING.recipe),
    ]
