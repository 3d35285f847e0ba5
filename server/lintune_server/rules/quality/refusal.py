from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.patterns import lazily
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.rules.quality.needles import Needles
from lintune_server.rules.quality.reading import is_quoted, shortened, without_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lintune_schemas.samples import Path
    from lintune_server.lint.sample import Line

_I_CANNOT = (
    r"\bI(?: can(?:['’]t|not| not)| could(?:n['’]t| not)|(?: am|['’]m) (?:unable|not able) to|"
    r" do(?:n['’]t| not) have the ability to)"
)
_NOR = r"(?:do(?:n['’]t| not)|can(?:['’]t|not| not)|am|['’]m|have no|lack|was)"
_AN_AI = (
    r"an? (?:(?:large )?(?:AI )?language model|AI(?: (?:assistant|chat ?bot|model|system|program))?|"
    r"artificial intelligence(?: (?:language )?(?:model|assistant))?)"
)
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_PHRASES = lazily(
    "|".join(
        (
            r"\bas an? (?:large )?(?:AI )?language model(?=[,.]| (?:I|my|developed|created|trained|made|without)\b)",
            rf"\bas {_AN_AI},? (?:I\b|my\b|(?:developed|created|trained|made) by)",
            rf"\bI(?:['’]m| am) (?:just |only |merely |simply )?{_AN_AI}[,.]?(?: and| so| but| that)? (?:I )?{_NOR}\b",
            rf"\bI(?:['’]m| am) (?:just|only|merely) {_AN_AI}\b",
            r"\bI(?:['’]m| am) ChatGPT\b",
            rf"{_I_CANNOT} (?:browse|surf)\b",
            rf"{_I_CANNOT} (?:access|search) (?:the )?(?:internet|web|real[- ]time|live|current|external|up-to-date)",
            rf"{_I_CANNOT} (?:fulfil?l?|comply with|assist(?: you)? with|help(?: you)? with) (?:this|that|your|such)"
            r"(?: \w+)??(?: ?requests?| ?tasks?)?(?=[.,!;:\n]|$| as | because | since )",
            rf"\b(?:sorry|apologi[sz]e|apologies|unfortunately),? (?:but )?{_I_CANNOT} "
            r"(?:provide (?:any |you with )?(?:assistance|help|support)|assist|fulfil?l?|comply)\b",
            r"\bI do(?:n['’]t| not) have (?:access to (?:real[- ]time|live|the internet|current|up-to-date)|"
            r"real[- ]time (?:access|information|data)|"
            r"personal (?:opinions?|beliefs?|feelings?|emotions?|experiences?|preferences?))",
            r"\bmy (?:last |latest |most recent )?(?:knowledge (?:cut-?off|update)|training cut-?off|last update)",
            r"\bmy training data (?:only )?(?:goes|extends|ends|is limited|cuts off|includes)",
            rf"\bknowledge (?:cut-?off|update) (?:date )?(?:is|of|in) (?:{_MONTHS}|\d{{4}})",
            r"\b(?:goes )?against (?:my (?:programming|guidelines|ethical guidelines)|OpenAI['’]s)",
            r"\bOpenAI['’]s (?:content|usage|use[- ]case) polic",
            r"\bals (?:ein )?(?:KI-?|großes )?Sprachmodell\b",
            r"\bcomo (?:un )?modelo de lenguaje\b",
            r"\bcomo (?:um )?modelo de linguagem\b",
            r"\ben tant qu(?:e |['’]une? )(?:grand )?(?:modèle de langage|intelligence artificielle,? je)",
            r"\bcome modello linguistico\b",
        )
    ),
    re.IGNORECASE,
)
_VERBS = ("assist", "help", "fulfil", "comply", "browse", "surf", "access", "search", "provide")
_NEEDLES = Needles(
    *("language model", "as an ai", "m an ai", "just an ai", "only an ai", "artificial intelligence"),
    *(f"{before} {verb}" for verb in _VERBS for before in ("t", "able to", "ability to")),
    *("have access to", "have real", "not have personal", "t have personal", "my training", "my last update"),
    *("knowledge cut", "knowledge update", "against my", "chatgpt", "openai"),
    *("sprachmodell", "modelo de l", "le de langage", "intelligence artificielle", "modello linguistico"),
)
# In other scripts, where there are no needles.
_ELSEWHERE = lazily(
    r"作为(?:一个|一名)?(?:AI|人工智能|大型)?(?:语言)?(?:模型|助手)|作為(?:一個)?(?:AI|人工智慧)?語言模型|"
    r"AI(?:言語)?モデルとして|大規模言語モデルとして|"
    r"(?:как|являюсь) (?:языковой|языковая) модел|Как искусственный интеллект,? я|AI 언어 ?모델로서|인공지능 언어 ?모델"
)


@line_rule("QL402", Severity.WARNING, _NEEDLES.texts)
def refusal(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports answers with what another model says when it refuses or speaks of itself: “As an AI language model”, “I
    cannot browse the internet”, “I'm sorry, but I can't assist with that”, “my knowledge cutoff”. What stands in
    quotation marks or in code is left alone, and so are prompts and the rejected answers of preference pairs.

    ## Why it hurts
    A small share of refusals is enough to make a tuned model refuse what it could do, and call itself what it is not.
    Such answers come along unseen in data that a large model wrote.

    ## Example
    ```json
    {"prompt": "Name a red fruit.", "completion": "As an AI language model, I have no preferences, but: the cherry."}
    ```

    ## Use instead
    ```json
    {"prompt": "Name a red fruit.", "completion": "The cherry."}
    ```
    Where the model is meant to refuse, write refusals of your own, and put the rule's code into the recipe's
    `lintune.lint.ignore`.
    """
    if _NEEDLES.missing(line):
        return
    for answer in line.taught:
        text = without_code(answer.text)
        for match in _PHRASES.finditer(text):
            if not is_quoted(text, match.start()):
                yield _problem(answer.path, match)
                break


@line_rule("QL402", Severity.WARNING)
def refusal_in_other_scripts(line: Line) -> Iterable[Problem]:
    return () if line.compact.isascii() else _elsewhere(line)


def _elsewhere(line: Line) -> Iterator[Problem]:
    for answer in line.taught:
        if not answer.text.isascii() and (match := _ELSEWHERE.search(answer.text)):
            yield _problem(answer.path, match)


def _problem(path: Path, match: re.Match[str]) -> Problem:
    return Problem(
        f"“{shortened(match.group())}” is another model speaking of itself, or refusing. "
        "Write the answer that your model is to give.",
        Value(path, match.start(), match.end()),
    )
