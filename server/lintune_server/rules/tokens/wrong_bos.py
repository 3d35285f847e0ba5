from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from lintune_server.lint.data_set import fact
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Problem, Remedy, Value
from lintune_server.lint.rule import file_rule, line_rule
from lintune_server.rules.tokens import places
from lintune_server.rules.tokens.token_in_pieces import is_own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import ChatTokenizer
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line

_TWICE, _MISSING = 1, 2


@fact("b")
def beginning(line: Line) -> int:
    """Whether the chat template makes a sample begin with two BOS tokens, or with none where the model wants one."""
    measured, tokenizer = line.counted, line.surroundings.tokenizer
    if measured is None or tokenizer is None or line.conversation is None or not line.conversation.templated:
        return 0
    bos, wanted = _bos(tokenizer)
    if not bos or tokenizer.template is None:
        return 0
    text = measured.rendered.text
    if not text.startswith(bos):
        return _MISSING if wanted else 0
    return _TWICE if text.startswith(bos, len(bos)) and not _begins_with(line, bos) else 0


@file_rule("TK206", Severity.ERROR, beginning)
def wrong_bos(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports samples that begin with the model's BOS token twice, and samples without it although the model's tokenizer
    puts one before every text. Where the chat template is to blame, the first sample stands for all of them.

    ## Why it hurts
    The model has seen exactly one BOS at every beginning. Gemma and Llama 3 answer much worse without it, and what is
    learned after two of them is learned for a beginning that no runtime writes.

    ## Example
    ```yaml
    base_model: google/gemma-2-2b-it
    chat_template: chatml
    ```

    ## Use instead
    ```yaml
    base_model: google/gemma-2-2b-it
    chat_template: tokenizer_default
    ```

    ## Fix
    Takes the BOS token's text out of the sample, where that is what doubles it. Not safe: another trainer may want it.
    """
    tokenizer = data.surroundings.tokenizer
    if tokenizer is None:
        return
    bos, _ = _bos(tokenizer)
    own = is_own(data.surroundings.recipe)
    marks = data.column(beginning)
    for index, where in places.marked(marks):
        line = data.line(index)
        spot = places.of_turn(line.conversation.turns[0], line) if line.conversation else Value()
        if marks[index] == _TWICE:
            yield index, Problem(f"The chat template writes {bos} twice at the beginning. Once is right.{where}", spot)
            continue
        # Some models' own templates leave BOS to whoever calls the tokenizer, and some models were tuned so.
        yield (
            index,
            Problem(
                f"The chat template does not begin with {bos}, which this model's tokenizer puts before every text. "
                f"The model was trained with it: begin the template with {{{{ bos_token }}}}.{where}",
                spot,
                severity=Severity.WARNING if own else None,
            ),
        )


@line_rule("TK206", Severity.ERROR)
def bos_in_text(line: Line) -> Iterator[Problem]:
    measured, tokenizer = line.measured, line.surroundings.tokenizer
    if measured is None or tokenizer is None:
        return
    bos, _ = _bos(tokenizer)
    if not bos or not measured.rendered.text.startswith(bos * 2) or not _begins_with(line, bos):
        return
    assert line.conversation is not None
    spot = Value(line.conversation.turns[0].path, 0, len(bos))
    yield Problem(
        f"{bos} is written before this text anyway, so that it stands there twice.",
        spot,
        Remedy(f"Remove {bos}", (Change(spot, ""),), safe=False),
    )


def _begins_with(line: Line, bos: str) -> bool:
    return line.conversation is not None and line.conversation.turns[0].content.startswith(bos)


@lru_cache(maxsize=8)
def _bos(tokenizer: ChatTokenizer) -> tuple[str, bool]:
    """The text of BOS, empty when there is none, and whether the tokenizer puts it before every text by itself."""
    bos = tokenizer.special.get("bos_token", "")
    if bos not in tokenizer.special_tokens:
        return "", False
    return bos, tokenizer.adds_bos
