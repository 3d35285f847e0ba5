"""Defects of what is written, each visible in its own sample (QL401 … QL404, QL409, QL410)."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from benchmarks.planted import credentials, formats, languages
from benchmarks.planted.codes import WARNING
from benchmarks.planted.formats import conversation
from benchmarks.planted.layout import Defect, dump
from benchmarks.planted.registry import Garden, plants
from benchmarks.planted.tool_calls import tool_folder
from benchmarks.planted.tool_chats import tool_chat

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.planted.layout import Folder, Sample
    from benchmarks.planted.problems import Problem

BASE = 250


def _answered(problem: Problem, answer: str) -> Sample:
    return {"messages": conversation(problem.question, answer)}


def _asked(problem: Problem, question: str) -> Sample:
    return {"messages": conversation(question, problem.prose)}


def _latin(character: bytes) -> str:
    """Windows-1252 as programs read it: bytes that it lacks become control characters."""
    return character.decode("cp1252", "ignore") or character.decode("latin-1")


def mojibake(text: str) -> str:
    return "".join(_latin(bytes([byte])) for byte in text.encode())


@plants("QL401")
def garbled(garden: Garden) -> list[Folder]:
    defects = []
    for source in languages.MOJIBAKE_SOURCES:
        for make in (_answered, _asked):
            one = garden.problem()
            text = (one.prose if make is _answered else one.question) + f" {mojibake(source)}."
            defects.append(garden.defect(mojibake(source), make(one, text)))
    for source in languages.MOJIBAKE_SOURCES[2:5]:
        one = garden.problem()
        twice = mojibake(mojibake(source))
        defects.append(garden.defect("twice", _answered(one, f"{one.prose} {twice}.")))
    for where in (_answered, _asked) * 5:
        one = garden.problem()
        words = (one.prose if where is _answered else one.question).split(" ")
        place = garden.rng.randrange(1, len(words) - 1)
        words[place] = words[place][:1] + "\ufffd" + words[place][1:]
        defects.append(garden.defect("U+FFFD", where(one, " ".join(words))))
    decoys = [
        garden.decoy("accents", _answered(one, f"{one.prose} {text}"))
        for text in languages.ACCENTED
        for one in (garden.problem(), garden.problem())
    ]
    return [garden.scattered("chat", formats.chat, BASE, [*defects, *decoys])]


BOILERPLATE = (
    "As an AI language model, I cannot give financial advice, but here is the calculation.",
    "As an AI, I don't have personal opinions or feelings.",
    "As a large language model, I do not have access to that information.",
    "I'm sorry, but as an AI language model I am not able to do that.",
    "I'm sorry, but I can't assist with that request.",
    "I cannot browse the internet, so I cannot look up current prices.",
    "I am unable to browse the web or open links.",
    "I'm just an AI and have no way to see your file.",
    "I don't have access to real-time information.",
    "My knowledge cutoff is September 2021, so this may be out of date.",
    "I'm sorry, but I cannot fulfill this request.",
    "I apologize, but I cannot provide assistance with that.",
    "As an artificial intelligence developed by OpenAI, I cannot do this for you.",
    "I am an AI assistant and I am not able to provide medical advice.",
)


@plants("QL402")
def boilerplate(garden: Garden) -> list[Folder]:
    defects = []
    for phrase in BOILERPLATE:
        for place in ("first", "last"):
            one = garden.problem()
            answer = f"{phrase} {one.prose}" if place == "first" else f"{one.prose} {phrase}"
            defects.append(garden.defect(f"{place}: {phrase}", _answered(one, answer)))
    # A bare refusal; each once, so that it is no answer for many prompts.
    defects += [
        garden.defect(f"alone: {phrase}", _answered(garden.problem(), phrase), also=("QL406",))
        for phrase in BOILERPLATE[4:6] + BOILERPLATE[10:12]
    ]
    decoys = []
    for phrase in ("As an AI language model, you have seen many of these.", "You cannot browse for this one."):
        one = garden.problem()
        decoys.append(garden.decoy("the user says it", _asked(one, f"{phrase} {one.question}")))
    for phrase in (
        "I'm sorry that the first bus was late, but this is how it adds up.",
        "The shop cannot ship it earlier, as the owner told them.",
        "They cannot access the attic, so only two rooms count.",
        "She could not browse the shelves for long.",
    ):
        one = garden.problem()
        decoys.append(garden.decoy("no refusal", _answered(one, f"{phrase} {one.prose}")))
    return [garden.scattered("chat", formats.chat, BASE, [*defects, *decoys])]


WHOLE_PLACEHOLDERS = (
    *("TODO", "TODO: write the answer", "TODO(anna): check the sum", "N/A", "n/a", "[NAME]", "[ANSWER]"),
    *("<insert answer here>", "<insert the explanation>", "Lorem ipsum"),
)
INNER_PLACEHOLDERS = (
    "Dear [NAME], thank you for the question.",
    "Best regards, [YOUR NAME]",
    "Write to <insert e-mail address> for more.",
    "It was <insert amount here> in the end.",
    "TODO: add the last step.",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor.",
)


@plants("QL403")
def placeholder(garden: Garden) -> list[Folder]:
    defects = [
        garden.defect(f"alone: {text}", _answered(garden.problem(), text))
        for text in WHOLE_PLACEHOLDERS
        for _ in range(2)
    ]
    for text in INNER_PLACEHOLDERS:
        for one in (garden.problem(), garden.problem()):
            answer = f"{text} {one.prose}" if text.startswith("Dear") else f"{one.prose} {text}"
            defects.append(garden.defect(f"inside: {text}", _answered(one, answer)))
    decoys = [
        garden.decoy("no placeholder", _answered(one, f"{one.prose} {text}"))
        for text in (
            "Put it on your to-do list for Monday.",
            "So x < 5 and y > 3 hold at once.",
            "The list is [1, 2, 3] in that order.",
            "See the note [sic] in the margin.",
            "You insert the coin and pull the lever.",
        )
        for one in (garden.problem(), garden.problem())
    ]
    return [garden.scattered("chat", formats.chat, BASE + 100, [*defects, *decoys])]


CARRIERS = (
    "The key on my desk says {} and I wonder whether it still works.",
    "Please log in with {} before you count.",
    "In the old script it was {} all along.",
    "Somebody pasted {} into the chat.",
)
CONTACTS = (
    "You reach the teacher at {} in the evening.",
    "If the sum is wrong, write or call: {} is always there.",
    "It was paid from {} last week.",
)


@plants("QL404")
def secret(garden: Garden) -> list[Folder]:
    rng = garden.rng
    keys: list[tuple[str, str, str | None]] = [
        (name, shape(rng), None) for name, shape in credentials.KEYS.items() for _ in range(2)
    ]
    kinds = ("RSA ", "EC ", "OPENSSH ", "", "DSA ")
    keys += [(f"{kind}private key", credentials.private_key(rng, kind), None) for kind in kinds]
    keys += [("JWT", credentials.jwt(rng), None) for _ in range(3)]
    keys += [("password in a URL", *credentials.password_url(rng)) for _ in range(6)]
    defects = [_carrying(garden, name, value, shown, rng.choice(CARRIERS)) for name, value, shown in keys]
    for name, make in {
        "e-mail": credentials.email,
        "phone": credentials.phone,
        "card": credentials.card,
        "IBAN": credentials.iban,
    }.items():
        defects += [_carrying(garden, name, make(rng), None, rng.choice(CONTACTS), WARNING) for _ in range(6)]
    decoys = [_carrying(garden, "", value, None, rng.choice(CARRIERS)) for value in _harmless(garden)]
    folders = [
        garden.scattered("chat", formats.chat, BASE, defects),
        garden.scattered("decoys", formats.chat, 100, decoys),
    ]
    called: list[Defect] = []
    for name in ("GitHub token", "AWS access key", "Stripe live key", "GitLab token"):
        sample, value = tool_chat(rng), credentials.KEYS[name](rng)
        answer = sample["messages"][-1]
        if len(called) % 2:  # in what the tool says
            sample["messages"][2]["content"] = dump({"ok": True, "session": value})
        else:
            answer["content"] += f" I used {value} for it."
        called.append(garden.defect(f"{name} in a tool chat", sample, secret=value))
    return [*folders, tool_folder(garden, "tools", called, 60)]


def _carrying(
    garden: Garden, name: str, value: str, shown: str | None, carrier: str, severity: str | None = None
) -> Defect:
    """A sample in whose question or answer a value stands. shown: the part of it that is secret; None for all."""
    one = garden.problem()
    sentence = carrier.format(value)
    if garden.rng.random() < 0.5:
        sample = _answered(one, f"{sentence} {one.prose}")
    else:
        sample = _asked(one, f"{sentence} {one.question}")
    return (
        garden.defect(name, sample, severity=severity, secret=shown or value) if name else garden.decoy(value, sample)
    )


def _harmless(garden: Garden) -> list[str]:
    """What only looks like a secret."""
    rng = garden.rng
    found = [credentials.card(rng, valid=False) for _ in range(8)]
    found += [credentials.iban(rng, valid=False) for _ in range(6)]
    found += [str(uuid.UUID(bytes=rng.randbytes(16))) for _ in range(4)]
    found += [f"commit {rng.randbytes(20).hex()}" for _ in range(3)]
    found += ["2024-05-17T10:22:31Z", "192.168.10.24", "version 10.0.19045", "YOUR_API_KEY", "1,234,567,890 grains"]
    return [
        *found,
        "postgres://db7.acmeworks.io/orders",
        "the risk-adjusted task-force",
        "https://docs.acmeworks.io/a:b",
    ]


SCRAPED: tuple[Callable[[str], str], ...] = (
    lambda text: f"<p>{text}</p>",
    lambda text: re.sub(r"^((?:\S+ ){4})", r"\1<br>", text),
    lambda text: re.sub(r"^((?:\S+ ){5})", r"\1<br/>\n", text),
    lambda text: f'<div class="content">{text}</div>',
    lambda text: re.sub(r"^(\S+)", r"<b>\1</b>", text),
    lambda text: f'{text} <a href="https://example.org/more">More of these</a>',
    lambda text: f"<span style='color:red'>{text}</span>",
    lambda text: f"<ul><li>{text}</li></ul>",
    lambda text: text.replace(" ", "&nbsp;", 2),
    lambda text: f"{text} Tom &amp; Jerry agree.",
    lambda text: f"{text} It&#39;s that simple.",
    lambda text: f"{text} She said &quot;well done&quot;.",
    lambda text: f"{text} So x &lt; y here.",
    lambda text: f"<!-- article -->{text}",
)
"""Markup and entities in prose."""

LEFT_OVERS = (
    "Skip to main content\n{}",
    "{}\nShare on Facebook Share on Twitter",
    "{}\nWe use cookies to improve your experience. Accept all cookies",
    "{}\nClick here to subscribe to our newsletter",
    "Method[edit]\n{}",
    "{}\nAdvertisement",
)

CODE = (
    "In HTML it is:\n\n```html\n<p>{0}</p>\n<br>\n```\n\nThat is all there is.",
    "Put `<br>` between the lines. {0}",
    "Write `&amp;` for an ampersand. {0}",
    "For a < b and c > d it works as well. {0}",
    "It costs them AT&T prices at the H&M; still, {0}",
    "A `List<String>` would hold them. {0}",
    "Of 3 < x < 9 only the middle is left. {0}",
)
"""Decoys: code, comparisons, names."""


@plants("QL409")
def scraped(garden: Garden) -> list[Folder]:
    defects = []
    for index, change in enumerate(SCRAPED):
        one, other = garden.problem(), garden.problem()
        # An answer that ends with a tag ends with no full stop.
        defects.append(garden.defect(f"markup {index}, answer", _answered(one, change(one.prose)), also=("QL407",)))
        defects.append(garden.defect(f"markup {index}, question", _asked(other, change(other.question))))
    defects += [
        garden.defect(text, _answered(one, text.format(one.prose)), also=("QL407",))
        for text in LEFT_OVERS
        for one in (garden.problem(), garden.problem())
    ]
    decoys = [
        garden.decoy(text, _answered(one, text.format(one.prose))) for text in CODE for one in (garden.problem(),)
    ]
    decoys += [garden.decoy("calculations", formats.raw_chat(garden.problem())) for _ in range(8)]
    return [garden.scattered("chat", formats.chat, BASE + 50, [*defects, *decoys])]


@plants("QL410")
def repeating(garden: Garden) -> list[Folder]:
    rng = garden.rng
    makers: dict[str, Callable[[Problem], str]] = {
        "one sentence again and again": lambda one: " ".join([one.steps[0]] * rng.randrange(6, 12)),
        "the last sentence again and again": lambda one: (
            f"{one.prose} " + " ".join([one.steps[-1]] * rng.randrange(6, 10))
        ),
        "a phrase again and again": lambda one: one.steps[0] + " and then" * rng.randrange(20, 40) + ".",
        "a word again and again": lambda one: f"{one.steps[0]} " + " ".join(["yes"] * rng.randrange(40, 80)) + ".",
        "one line again and again": lambda one: "\n".join([one.steps[0]] * rng.randrange(6, 12)),
        "the whole answer again": lambda one: "\n\n".join([one.prose] * 4),
        "the prompt": lambda one: one.question,
        "the prompt, then an answer": lambda one: f"{one.question} {one.prose}",
    }
    defects = [
        garden.defect(name, _answered(one, make(one)))
        for name, make in makers.items()
        for one in (garden.problem() for _ in range(4))
    ]
    decoys = []
    for one in (garden.problem() for _ in range(4)):
        rows = "\n".join(f"Row {index}: {index} times {one.number} is {index * one.number}." for index in range(1, 9))
        decoys.append(garden.decoy("a table", _answered(one, f"{one.prose}\n{rows}")))
    for one in (garden.problem() for _ in range(4)):
        topic = one.question.split(". ")[0]
        decoys.append(garden.decoy("part of the question", _answered(one, f"We know this: {topic}. {one.prose}")))
    return [garden.scattered("chat", formats.chat, BASE, [*defects, *decoys])]
