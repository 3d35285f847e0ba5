from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.chat_template import TemplateError
from lintune_server.lint.data_set import fact
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.rules.tokens import boundaries, places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.conversations import Conversation, Turn
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line

_NO_PREFIX, _JOINED = 1, 2


@fact("b")
def mask(line: Line) -> int:
    """Why the loss mask cannot be exact: a prompt that is no beginning of the whole, or a token across a border."""
    measured, tokenizer = line.counted, line.surroundings.tokenizer
    if measured is None or tokenizer is None or line.surroundings.train_on_inputs:
        return 0
    if not measured.rendered.exact:
        return _NO_PREFIX
    if not boundaries.may_join(tokenizer, measured.rendered):
        return 0
    tokenized = line.tokenized
    assert tokenized is not None
    joined = any(boundaries.across(tokenized, border) for border in boundaries.borders(measured.rendered))
    return _JOINED if joined else 0


@file_rule("TK209", Severity.WARNING, mask)
def inexact_mask(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports where the border between prompt and answer is not exact: the prompt by itself is no beginning of the whole
    conversation, because the chat template writes earlier turns differently once others follow (Qwen 3 leaves out what
    the assistant thought); or one token reaches across the border. Where template or prompts cause it throughout the
    file, the first sample stands for all.

    ## Why it hurts
    What is learned is then not what the model will see: parts of the prompt are learned, or the first characters of the
    answer are not, and the answer follows a beginning that no runtime writes.

    ## Example
    ```json
    {"segments": [{"label": false, "text": "The answer is "}, {"label": true, "text": "yes</s>"}]}
    ```

    ## Use instead
    ```json
    {"segments": [{"label": false, "text": "The answer is"}, {"label": true, "text": " yes</s>"}]}
    ```
    """
    marks = data.column(mask)
    for index, where in places.marked(marks):
        line = data.line(index)
        found = _without_prefix(line) if marks[index] == _NO_PREFIX else _joined(line)
        if found is not None:
            message, spot = found
            yield index, Problem(message + where, spot)


def _without_prefix(line: Line) -> tuple[str, Value] | None:
    tokenizer, measured, conversation = line.surroundings.tokenizer, line.measured, line.conversation
    if tokenizer is None or measured is None or conversation is None:
        return None
    text = measured.rendered.text
    answers = [(index, turn) for index, turn in enumerate(conversation.turns) if turn.trained]
    unsure = [turn for index, turn in answers if not _is_prefix(tokenizer, conversation, index, text)]
    if unsure and unsure[0] is conversation.turns[0]:
        return (
            "The conversation begins with this answer. The chat template has no prompt for it, so that what it writes "
            "before it is learned, too. Let a user message come first, or give this answer weight 0.",
            places.of_turn(unsure[0], line),
        )
    return (
        "The prompt of this answer is no beginning of the whole conversation: the chat template writes it in another "
        "way once more follows. What is learned of this answer is not exact. Split the conversation so that this "
        "answer is its last, give it weight 0, or correct the template.",
        places.of_turn(unsure[0] if unsure else answers[0][1], line),
    )


def _is_prefix(tokenizer: ChatTokenizer, conversation: Conversation, index: int, text: str) -> bool:
    """Whether the whole begins with the prompt of a turn, and with all up to the turn's end."""
    try:
        prompt = tokenizer.prompt(conversation.upto(index))
        upto = tokenizer.render(conversation.upto(index + 1)).text
    except TemplateError:
        return False
    return text.startswith(prompt) and text.startswith(upto)


def _joined(line: Line) -> tuple[str, Value] | None:
    tokenized, conversation = line.tokenized, line.conversation
    if tokenized is None or conversation is None:
        return None
    rendered = tokenized.rendered
    borders = set(boundaries.borders(rendered))
    answers = [turn for turn in conversation.turns if turn.trained]
    for turn, (start, stop) in zip(answers, rendered.trained, strict=True):
        if start in borders and (token := boundaries.across(tokenized, start)):
            shown = rendered.text[slice(*token)]
            return (
                f"The token {shown!r} begins before this answer and ends in it, so that not all of the answer is "
                f"learned. {_advice(rendered.text, start)}",
                _within(turn, line, 0, token[1] - start),
            )
        if stop in borders and (token := boundaries.across(tokenized, stop)):
            shown = rendered.text[slice(*token)]
            size = len(turn.content)
            return (
                f"The token {shown!r} begins at the end of this part, which is learned, and ends in the next, which is "
                "not. Move the border to the end of a word.",
                _within(turn, line, size - (stop - token[0]), size),
            )
    return None


def _advice(text: str, border: int) -> str:
    if text[border].isspace():
        return "Let the answer begin without white space."
    if text[border - 1].isspace():
        return "Let what stands before it end without white space, and the answer begin with it."
    return "Let a space or a line end come between them, or begin the answer with one."


def _within(turn: Turn, line: Line, start: int, stop: int) -> Value:
    """Some characters of a turn, if its text is one string of the sample and reaches the model as it is."""
    spot = places.of_turn(turn, line)
    text = turn.content[start:stop]
    same = any(path == spot.path and value == turn.content for path, value, *_ in line.texts)
    return Value(spot.path, start, stop) if same and text and start >= 0 else spot
