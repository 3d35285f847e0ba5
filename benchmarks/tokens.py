"""Token counts and loss masks against Hugging Face's tokenizers, and how much faster they come.

python -m benchmarks.tokens [../shared/data/gsm8k-train.jsonl]

Both ways get the same conversations, for each of eight tokenizers: real English (the file; each of its lines has a
question and an answer), JSON, code, the world's scripts, emoji, any Unicode, white space, control characters, and
special tokens inside texts. The obvious way is written out here: Jinja renders, `Tokenizer.encode` tokenizes, and a
loop over all tokens makes the mask. Times are of the CPU, all threads together. Any difference is an error. The last
line is the figures as JSON.
"""

from __future__ import annotations

import json
import random
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tests import tokenizers

from lintune_schemas.chat import ChatTokenizer, RenderedChat
from lintune_schemas.chat_template import TemplateError
from lintune_schemas.conversations import Conversation, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_schemas.token_counts import Counts

GSM8K = Path(__file__).resolve().parents[2] / "shared" / "data" / "gsm8k-train.jsonl"
EACH = 500
"""Texts of each made-up kind."""
ENGLISH = 2_000
"""Conversations of real English."""
BATCH = 1_000
"""Conversations that are measured at once, as the linter does."""

WORDS = {
    "Chinese": "数学 问题 你好 世界 ， 。 、 学生 3 个 苹果 每 一 共 多少 ？ 《 》 々 々〇",
    "Japanese": "これは 日本語 です 。 カタカナ を 書く 、 「 」 東京 ゝ ー",
    "Korean": "안녕하세요 세계 한국어 문장 입니다 . 수학",
    "Arabic": "مرحبا العالم هذا نص ، ؟ كتاب ١٢٣ السلام عليكم لا",
    "Hindi": "नमस्ते दुनिया यह हिन्दी वाक्य है । गणित १२३ क्या",
    "Thai": "สวัสดี ชาวโลก ภาษาไทย ๑๒๓ ก็",
    "Russian": "Привет мир это русский текст ё Ё № —",
    "European": "Größe façade naïve crème brûlée señor Ångström œuvre ﬁne İstanbul ſtraße “quoted” ‘it’s’ – — … €",
    "emoji": "🏠 👩‍👩‍👧 🇩🇪 👍🏽 ❤️ 😀😀 🧑🏿‍🚀 ☃ ✓ 𝒳 𝔘 Ⅷ Ⓐ ½ ²",
    "Vietnamese and combining": "Tiếng Việt ê\u0301 e\u0301 n\u0303 o\u0308 Å A\u030a ạ̈ ế",
    "Hebrew and Greek": "שלום עולם Γειά σου Κόσμε ά ΐ",
}


def texts(special: list[str], english: list[str]) -> Iterator[tuple[str, str]]:
    """Kinds of texts, and texts."""
    chance = random.Random(7)
    for kind, words in WORDS.items():
        pool = words.split(" ")
        for _ in range(EACH):
            parts = [chance.choice(pool) for _ in range(chance.randint(1, 40))]
            yield kind, chance.choice(["", " ", " ", "\n"]).join(parts) + chance.choice(["", " the end", "\n", " "])
    for _ in range(EACH):
        sentence = chance.choice(english)
        value = {"q": sentence, "n": [chance.random(), chance.randint(0, 10**9), None], "é": sentence[:9]}
        yield "JSON", json.dumps(value, indent=chance.choice([None, 2, 4, "\t"]), ensure_ascii=chance.random() < 0.5)
    code = [path.read_text(encoding="utf-8") for path in sorted(Path(json.__file__).parent.glob("*.py"))]
    for _ in range(EACH):
        text = chance.choice(code)
        begin = chance.randrange(len(text))
        yield "code", text[begin : begin + chance.randint(1, 900)].replace("    ", chance.choice(["    ", "\t"]))
    alphabets = {
        "printable ASCII": [chr(code) for code in range(32, 127)],
        "ASCII": [chr(code) for code in range(128)],
        "white space": [
            *" \n\t",
            " ",
            "  ",
            "\n\n",
            "\r\n",
            "\x0b",
            "\x0c",
            "\u00a0",
            "\u3000",
            "a",
            "'s",
            ".",
            "1",
            "<",
        ],
        "control characters": [chr(code) for code in (*range(32), *range(127, 160))] + ["a", " "],
        "digits": [*"0123456789,.- $%", "a", "१", "٣"],
        "special tokens": [
            *special,
            *special,
            *(token[:-1] for token in special),
            " ",
            "\n",
            "a",
            "The",
            "<",
            "<|",
            "|>",
        ],
    }
    for kind, alphabet in alphabets.items():
        for _ in range(EACH):
            yield kind, "".join(chance.choices(alphabet, k=chance.randint(1, 60)))
    for _ in range(EACH):
        planes = [(32, 0x250), (32, 0xD800), (0xE000, 0x10000), (0x10000, 0x20000), (0x20000, 0x110000)]
        points = [chance.randrange(*chance.choice(planes)) for _ in range(chance.randint(1, 40))]
        yield "any Unicode", "".join(map(chr, points))
    for size in (5_000, 20_000, 80_000):
        for _ in range(4):
            begin = chance.randrange(len(english) - 400)
            yield "long", "\n".join(english[begin : begin + 400])[:size]
        yield from (("long", part * (size // len(part))) for part in ("=", " ", "ab ", "word\nWord ", "中文。\nA"))


def conversations(
    special: list[str], english: list[tuple[str, str]], templated: bool
) -> Iterator[tuple[str, Conversation]]:
    def talk(*parts: tuple[str, str]) -> Conversation:
        return Conversation(
            tuple(Turn(role, text, role == "assistant", ()) for role, text in parts), templated=templated
        )

    for question, answer in english[:ENGLISH]:
        yield "English", talk(("user", question), ("assistant", answer))
    made = list(texts(special, [question for question, _ in english]))
    for index, (kind, text) in enumerate(made):
        other = made[(index * 7 + 1) % len(made)][1] if index % 5 == 0 else text[::-1]
        match index % 4:
            case 0:
                yield kind, talk(("system", text), ("user", other), ("assistant", text))
            case 1:
                yield kind, talk(("user", text), ("assistant", other), ("user", other), ("assistant", text))
            case 2:
                yield kind, talk(("user", text), ("assistant", f"<think>\n{other}\n</think>\n\n{text}"))
            case _:
                yield kind, talk(("user", other), ("assistant", text))


class ObviousWay:
    """What is counted, written down without a thought for speed."""

    def __init__(self, chat: ChatTokenizer) -> None:
        self._chat = chat
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
        environment.globals["raise_exception"] = self._refuse
        environment.globals["strftime_now"] = lambda format_: datetime.now().strftime(format_)
        self._template = environment.from_string(chat.template.source) if chat.template else None

    def counts(self, conversation: Conversation) -> Counts | None:
        """Tokens and trained tokens; None when the template refuses."""
        turns = conversation.turns
        if self._template is None:
            text, spans = self._plain(conversation)
        else:
            whole = self._rendered(turns, False)
            if whole is None:
                return None
            text, spans = whole, []
            for index, turn in enumerate(turns):
                if turn.trained:
                    spans.append(
                        (self._length(text, turns[:index], True), self._length(text, turns[: index + 1], False))
                    )
                    if None in spans[-1]:
                        spans[-1] = self._approximate(text, turns, index)
        encoding = self._chat.tokenizer.encode(text, add_special_tokens=False)
        ids = encoding.ids
        learned = [False] * len(ids)
        for begin, end in spans:
            inside = [index for index, (first, _) in enumerate(encoding.offsets) if begin <= first < end]
            ends = [index for index in inside if ids[index] in self._chat.end_tokens.values()]
            for index in inside:
                learned[index] = not ends or index <= ends[-1]
        return len(learned), sum(learned)

    def _plain(self, conversation: Conversation) -> tuple[str, list[Any]]:
        special = self._chat.special
        text, spans = special.get("bos_token", "") if self._chat.add_bos else "", []
        for turn in conversation.turns:
            begin = len(text)
            text += turn.content
            if turn is conversation.turns[-1]:
                text += special.get("eos_token", "")
            if turn.trained:
                spans.append((begin, len(text)))
        return text, spans

    def _approximate(self, text: str, turns: Sequence[Turn], index: int) -> tuple[int, int]:
        """Where a turn's rendering is no beginning of the whole, it takes no place after the turn before it."""
        start = end = 0
        for count in range(1, index + 2):
            start = end
            length = self._length(text, turns[:count], False)
            end = start if length is None else length
        prompt = self._length(text, turns[:index], True)
        return (start if prompt is None else prompt), end

    def _length(self, text: str, turns: Sequence[Turn], prompt: bool) -> int | None:
        rendered = self._rendered(turns, prompt)
        return len(rendered) if rendered is not None and text.startswith(rendered) else None

    def _rendered(self, turns: Sequence[Turn], prompt: bool) -> str | None:
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        assert self._template is not None
        try:
            return self._template.render(
                messages=messages, add_generation_prompt=prompt, tools=None, **self._chat.special
            )
        except JinjaError:
            return None

    @staticmethod
    def _refuse(message: str) -> None:
        raise JinjaError(message)


class Watched(ChatTokenizer):
    """Counts what is left to Jinja and to the exact tokenizer."""

    rendered_slowly = 0
    counted_slowly = 0

    def render(self, conversation: Conversation) -> RenderedChat:
        self.rendered_slowly += 1
        return super().render(conversation)

    def _exact_counts(self, chat: RenderedChat, train_on_inputs: bool) -> Counts:
        self.counted_slowly += 1
        return super()._exact_counts(chat, train_on_inputs)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one tokenizer. Times in microseconds of the CPU for one conversation."""

    strings: int
    different: int
    rendered_fast: float
    counted_fast: float
    obvious_us: float
    fast_us: float
    english_obvious_us: float
    english_fast_us: float
    english_first_us: float


def compare(name: str, english: list[tuple[str, str]]) -> Figures:
    loaded = tokenizers.load(name)
    template = loaded.template.source if loaded.template else None
    file = tokenizers.folder(name) / "tokenizer.json"
    chat = Watched(loaded.tokenizer, template, loaded.special, loaded.add_bos, file)
    added = [token.content for token in chat.tokenizer.get_added_tokens_decoder().values()]
    special = random.Random(3).sample(added, min(len(added), 60)) + [*chat.end_tokens] * 5
    cases = list(conversations(special, english, template is not None))
    obvious = ObviousWay(chat)
    begin = time.process_time()
    expected = [obvious.counts(conversation) for _, conversation in cases]
    took = time.process_time() - begin
    found = measure(chat, [conversation for _, conversation in cases])
    different = 0
    for (kind, conversation), counts, exact in zip(cases, found, expected, strict=True):
        if counts != exact:
            different += 1
            print(f"{name}, {kind}: {counts} for {exact}: {[turn.content for turn in conversation.turns]!r}"[:400])
    rendered_fast, counted_fast = 1 - chat.rendered_slowly / len(cases), 1 - chat.counted_slowly / len(cases)
    begin = time.process_time()
    measure(chat, [conversation for _, conversation in cases])
    fast = time.process_time() - begin
    return Figures(
        sum(len(conversation.turns) for _, conversation in cases),
        different,
        round(rendered_fast, 4),
        round(counted_fast, 4),
        round(1e6 * took / len(cases), 1),
        round(1e6 * fast / len(cases), 1),
        *speed(chat, obvious, [conversation for kind, conversation in cases if kind == "English"]),
    )


def measure(chat: ChatTokenizer, cases: list[Conversation]) -> list[Counts | None]:
    found = [measured for at in range(0, len(cases), BATCH) for measured in chat.measure(cases[at : at + BATCH])]
    return [
        None if isinstance(measured, TemplateError) else (measured.tokens, measured.trained_tokens)
        for measured in found
    ]


def speed(chat: Watched, obvious: ObviousWay, english: list[Conversation]) -> tuple[float, float, float]:
    """Microseconds a conversation of real English: the obvious way, ours, and ours when no word was met before."""
    chat = Watched(
        chat.tokenizer, chat.template.source if chat.template else None, chat.special, chat.add_bos, chat.file
    )
    chat.measure([Conversation((Turn("user", "x" * 400_000, False, ()),))])  # load
    begin = time.process_time()
    measure(chat, english)
    first = time.process_time() - begin
    ours = slow = float("inf")
    for _ in range(5):
        begin = time.process_time()
        measure(chat, english)
        ours = min(ours, time.process_time() - begin)
        begin = time.process_time()
        for conversation in english[:200]:
            obvious.counts(conversation)
        slow = min(slow, (time.process_time() - begin) / 200)
    return round(1e6 * slow, 1), round(1e6 * ours / len(english), 1), round(1e6 * first / len(english), 1)


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else GSM8K
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    english = [(line["question"], line["answer"]) for line in lines]
    all_figures: dict[str, Figures] = {}
    head = (
        "strings",
        "different",
        "fast: template",
        "tokens",
        "obvious",
        "ours",
        "ratio",
        "English: obvious",
        "ours",
        "first",
    )
    print(f"{'':<10}", *(f"{title:>{max(len(title), 8)}}" for title in head))
    for name in tokenizers.NAMES:
        all_figures[name] = one = compare(name, english)
        row = (
            *(
                f"{one.strings:,}",
                str(one.different),
                f"{one.rendered_fast:.1%}" if one.rendered_fast else "no template",
                f"{one.counted_fast:.1%}",
            ),
            *(f"{one.obvious_us:.0f} µs", f"{one.fast_us:.0f} µs", f"{one.fast_us / one.obvious_us:.3f}"),
            *(f"{one.english_obvious_us:.0f} µs", f"{one.english_fast_us:.1f} µs", f"{one.english_first_us:.1f} µs"),
        )
        print(
            f"{name:<10}", *(f"{cell:>{max(len(title), 8)}}" for cell, title in zip(row, head, strict=True)), flush=True
        )
    different = sum(one.different for one in all_figures.values())
    strings = sum(one.strings for one in all_figures.values())
    print(f"{strings:,} strings, {different} differences")
    fields = Figures.__slots__  # type: ignore[attr-defined]
    figures = {name: {field: getattr(one, field) for field in fields} for name, one in all_figures.items()}
    print(json.dumps({"strings": strings, "different": different, "tokenizers": figures}))
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
