from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.data_set import fact
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import file_rule
from lintune_server.lint.words import listed
from lintune_server.rules.tokens import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import MeasuredChat
    from lintune_schemas.conversations import Turn
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line


@fact("b")
def never_stops(line: Line) -> int:
    """Whether an answer has no token in it at which the model stops."""
    measured, tokenizer = line.counted, line.surroundings.tokenizer
    if measured is None or tokenizer is None:
        return 0
    text, ends = measured.rendered.text, tokenizer.end_tokens
    for start, stop in _endings(line, measured):
        # What is learned of an answer ends with the last such token in it. As a rule that is its very end.
        if not any(text.rfind(end, start, stop) >= 0 for end in ends):
            return 1
    return 0


@file_rule("TK203", Severity.ERROR, never_stops)
def missing_end_token(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports an answer that, once the chat template is applied, does not end with a token at which the model stops: its
    EOS, or its end-of-turn token. Raw text, to which no template is applied, has to bring that token itself. Where the
    template is to blame, the first sample stands for all of them.

    ## Why it hurts
    The model never learns to stop. The loss looks fine, and the tuned model goes on and on, often repeating itself.

    ## Example
    ```yaml
    chat_template: jinja
    chat_template_jinja: "{% for m in messages %}<|im_start|>{{ m.role }}\\n{{ m.content }}\\n{% endfor %}"
    ```

    ## Use instead
    ```yaml
    chat_template: tokenizer_default
    ```
    """
    for index, where in places.marked(data.column(never_stops)):
        line = data.line(index)
        for turn, message in _unended(line):
            yield index, Problem(message + where, places.of_turn(turn, line))
            if where:
                break


def _endings(line: Line, measured: MeasuredChat) -> tuple[tuple[int, int], ...]:
    """The ranges of rendered text that have to end with such a token."""
    trained = measured.rendered.trained
    conversation = line.conversation
    if conversation is None or conversation.templated:
        return trained
    # Raw text may be learned in parts; it is over only at its end.
    return trained[-1:] if trained and trained[-1][1] == len(measured.rendered.text) else ()


def _unended(line: Line) -> Iterator[tuple[Turn, str]]:
    tokenizer, tokenized, conversation = line.surroundings.tokenizer, line.tokenized, line.conversation
    if tokenizer is None or tokenized is None or conversation is None or line.measured is None:
        return
    ends = tokenizer.end_tokens
    endings = _endings(line, line.measured)
    answers = [turn for turn in conversation.turns if turn.trained][-len(endings) :]
    for turn, (start, stop) in zip(answers, endings, strict=True):
        inside = [index for index, (first, _) in enumerate(tokenized.offsets) if start <= first < stop]
        last = next((index for index in reversed(inside) if tokenized.trained[index]), None)
        if last is None or tokenized.ids[last] in ends.values():
            continue
        shown = tokenized.rendered.text[slice(*tokenized.offsets[last])]
        wanted = f": {listed(ends, 'or')}" if ends else ""
        if conversation.templated:
            yield (
                turn,
                f"After the chat template this answer ends with {shown!r}, not with a token at which the model stops"
                f"{wanted}. The tuned model would not stop. Correct the chat template.",
            )
        else:
            yield (
                turn,
                f"This text ends with {shown!r}, not with a token at which the model stops{wanted}. The tuned model "
                "would not stop. No chat template is applied to it: write the token at its end.",
            )
