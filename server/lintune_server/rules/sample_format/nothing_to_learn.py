from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.contents import Spoken
    from lintune_server.lint.sample import Line


@line_rule("SF109", Severity.ERROR)
def nothing_to_learn(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a conversation without an assistant message, or whose assistant messages all have weight 0; raw text in
    segments of which none is learned.

    ## Why it hurts
    Only what the assistant says is learned. The sample costs time in every epoch and teaches nothing.

    ## Example
    ```json
    {"messages": [{"role": "user", "content": "Hi"}]}
    ```

    ## Use instead
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}
    ```
    """
    if line.plain or line.layout is None or line.surroundings.train_on_inputs:
        return
    for thread in line.threads:
        answers = [turn for turn in thread.turns if turn.path[0] == thread.answer[0]]
        # A missing or unknown role may well be the assistant's: its own finding says so.
        if not any(turn.role is None or _is_learned(turn) for turn in answers):
            yield Problem(f"Nothing to learn: {_why(answers)}.", Value(thread.answer))
    segments = line.segments
    if segments and all(segment.label is False for segment in segments):
        yield Problem("Nothing to learn: no segment has the label true.", Value(segments[0].path[:1]))


def _is_learned(turn: Spoken) -> bool:
    return turn.message is None or turn.message.trained


def _why(answers: list[Spoken]) -> str:
    messages = [turn.message for turn in answers if turn.message is not None]
    learned = messages[0].keys.learned_roles
    if not any(message.role in learned for message in messages):
        whose = "the assistant's" if learned == {"assistant"} else "of a role that is learned"
        return f"no message is {whose}, and only its messages are learned"
    if key := messages[0].keys.learned_by:
        return f"no message has {key}: true"
    return "every assistant message has weight 0"
