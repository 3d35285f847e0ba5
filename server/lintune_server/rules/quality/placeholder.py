from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_server.lint.data_set import fact
from lintune_server.lint.findings import Severity
from lintune_server.lint.patterns import lazily
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule, line_rule
from lintune_server.rules.quality.needles import Needles
from lintune_server.rules.quality.reading import is_quoted, shortened, without_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line

_INSIDE = lazily(
    r"(?i:\blorem ipsum\b)|"
    r"(?i:<(?:insert|enter|fill in|add|your) [^<>\n]{1,60}>|\[(?:insert|enter|fill in|add) [^\[\]\n]{1,60}\])|"
    r"(?:^|(?<=[.!?] )|(?<=\n))(?:TODO|FIXME|TBD|XXX)(?::|\(\w+\):) ?\S[^.!?\n]{0,60}|"
    r"\[(?:(?:YOUR|MY|FULL|FIRST|LAST|COMPANY|USER|CUSTOMER) )*(?:NAME|ANSWER|EMAIL|ADDRESS|PHONE|COMPANY|DATE)\]|"
    r"\{\{ ?(?:[a-z]+_)?(?:name|answer|output|response|text|input|question|date|email|user|company)(?:_[a-z]+)? ?\}\}"
)
_NEEDLES = Needles(
    *("lorem ipsum", "<insert", "<enter", "<fill in", "<add ", "<your ", "[insert", "[enter", "[fill in", "[add "),
    *("todo", "fixme", "tbd", "xxx", "name]", "answer]", "email]", "address]", "phone]", "company]", "date]", "{{"),
)
# A template is something to fill in, and so is much of what is asked about code.
_ASKED_FOR = lazily(
    r"template|placeholder|lorem|boilerplate|letter|e-?mail|dummy|to-?do|fixme|jinja|handlebars|mustache|regex|html|"
    r"anonymi[sz]|redact|mask|\{\{|\[[A-Z]{2}|fill in|<insert|\bcode\b|function|script",
    re.IGNORECASE,
)


@line_rule("QL403", Severity.WARNING, _NEEDLES.texts)
def placeholder(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports answers that were never filled in: those that are nothing but `TODO`, `N/A`, `[NAME]` or `…`, and those with
    `lorem ipsum`, `<insert …>`, `TODO: …`, `[NAME]` or `{{name}}` inside. What stands in code or in quotation marks is
    left alone, and so are answers to prompts that ask for a template, a letter, or code. An answer like `N/A` that many
    samples have is taken for a label.

    ## Why it hurts
    The model learns to answer with the placeholder.

    ## Example
    ```json
    {"prompt": "What is the capital of Peru?", "completion": "TODO: look it up"}
    ```

    ## Use instead
    ```json
    {"prompt": "What is the capital of Peru?", "completion": "Lima."}
    ```
    """
    if _NEEDLES.missing(line):
        return
    for answer in line.taught:
        text = without_code(answer.text)
        for match in _INSIDE.finditer(text):
            whole = match.group() == text.strip()
            if whole or is_quoted(text, match.start()):
                continue  # the whole answer is the other function's
            if _looks_like_code(text) or any(_ASKED_FOR.search(prompt.text) for prompt in line.prompts):
                break
            yield Problem(
                f"“{shortened(match.group())}” is a placeholder: it was never filled in.",
                Value(answer.path, match.start(), match.end()),
            )
            break


def _looks_like_code(text: str) -> bool:
    return (
        text.lstrip()[:1] in ("{", "<", "[", "#", "/")
        or ">>> " in text
        or "</" in text
        or ";\n" in text
        or "():" in text
    )


_NOTHING = lazily(
    r"(?:to-?do|tbd|tbc|fixme|xxx+|n/a|n\.a\.|nan|null|undefined|\.{2,}|…+|-+|_+|\?{2,}|lorem ipsum\W*|"
    r"(?:to be|not yet) (?:done|added|written|determined|defined|filled(?: in)?|completed|announced|available)|"
    r"placeholder|(?:your |the )?(?:answer|response|text|content) (?:goes )?here|insert (?:answer|response|text) here|"
    r"<[a-z][a-z _-]*>|\[[a-z][a-z _-]*\]|\{\{? ?[a-z][a-z _]* ?\}?\}|<[^<>]*\b(?:here|your|insert)\b[^<>]*>)[.!]?",
    re.IGNORECASE,
)
_LONGEST_NOTHING = 60
_TASK = lazily(r"(?:TODO|FIXME|TBD)(?::|\(\w+\):?| -) ?[^\n]*")
_MOST = 0.05
"""The share of answers from which on `N/A` is a label, or `[MASK]` what the file is about."""


@fact()
def nothing_answered(line: Line) -> str | None:
    """The first answer that is nothing but a placeholder, in small letters."""
    for answer in line.taught:
        if len(answer.text) <= _LONGEST_NOTHING:
            text = answer.text.strip()
            if _NOTHING.fullmatch(text):
                return text.lower()
            if _TASK.fullmatch(text):
                return "todo:"
    return None


@file_rule("QL403", Severity.WARNING, nothing_answered)
def nothing_but_a_placeholder(data: DataSet) -> Iterator[tuple[int, Problem]]:
    column = data.column(nothing_answered)
    found = [index for index, text in enumerate(column) if text is not None]
    counts: dict[str, int] = {}
    for index in found:
        counts[column[index]] = counts.get(column[index], 0) + 1
    for index in found:
        if counts[column[index]] > max(3, _MOST * len(column)):
            continue
        line = data.line(index)
        for answer in line.taught:
            text = answer.text.strip()
            asked_for = any(text.lower() in prompt.text.lower() for prompt in line.prompts)
            if (_NOTHING.fullmatch(text) or _TASK.fullmatch(text)) and not asked_for:
                yield (
                    index,
                    Problem(f"“{shortened(text)}” is a placeholder, not an answer. Write one.", Value(answer.path)),
                )
