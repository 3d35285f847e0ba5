from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import TOOL_CALL_ID
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.rules.sample_format.tools import calls_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.contents import Thread
    from lintune_schemas.samples import Message
    from lintune_server.lint.sample import Line
    from lintune_server.rules.sample_format.tools import Call

_CALLS_IN_TEXT = ("<tool_call", "<function", "<|tool_call", "<|python_tag|>", "[TOOL_CALLS]", "functools[", '"name":')
"""How models write calls: where such a text stands in an answer, its author has written the template out by hand
(Hermes, Glaive), and the results answer calls that are no fields."""


@line_rule("SF115", Severity.ERROR)
def unanswered_call(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a tool's result that answers no call of the assistant's; and, as a warning, a call that has no result when
    the conversation goes on. A call at the very end needs none: it is what is learned.

    ## Why it hurts
    The model learns to expect results that it never asked for, or to make up what a tool has not said.

    ## Example
    ```json
    {"messages": [
      {"role": "user", "content": "Does it rain in Oslo?"},
      {"role": "assistant", "content": "One moment."},
      {"role": "tool", "tool_call_id": "1", "content": "rain"},
      {"role": "assistant", "content": "It does."}
    ]}
    ```

    ## Use instead
    ```json
    {"messages": [
      {"role": "user", "content": "Does it rain in Oslo?"},
      {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "weather", "arguments": {}}}]},
      {"role": "tool", "tool_call_id": "1", "content": "rain"},
      {"role": "assistant", "content": "It does."}
    ]}
    ```
    """
    if line.plain or line.layout is None:
        return
    for thread in line.threads:
        yield from _in_thread(thread)


@dataclass(slots=True)
class _Open:
    """The calls that wait for a result."""

    calls: list[Call] = field(default_factory=list)
    in_text: bool = False
    """Whether an answer held calls that were not read."""

    def take(self, id_: Any) -> bool:
        """Take away the call that a result answers; False when there is none. Without an id it answers the next."""
        for index, call in enumerate(self.calls):
            if id_ is None or call.id is None or call.id == id_:
                del self.calls[index]
                return True
        return False


def _in_thread(thread: Thread) -> Iterator[Problem]:
    waiting = _Open()
    for index, turn in enumerate(thread.turns):
        message, said_before = turn.message, index < thread.start
        if turn.role == "assistant" and message is not None:
            calls = list(calls_in(message))
            waiting.calls += calls
            waiting.in_text = not calls and _writes_calls(message)
        elif turn.role == "tool" and message is not None and isinstance(message.value, dict):
            id_ = message.value.get(TOOL_CALL_ID)
            if not waiting.take(id_) and not waiting.in_text and not said_before:
                yield _answers_nothing(message, id_, waiting)
        elif turn.role == "user":
            if not said_before:
                yield from _unanswered(waiting.calls)
            waiting = _Open()
    last = thread.turns[-1].message
    yield from _unanswered([call for call in waiting.calls if call.message is not last])


def _answers_nothing(message: Message, id_: Any, waiting: _Open) -> Problem:
    why = f"no call that waits for one has the id {id_}" if waiting.calls else "no call waits for one here"
    spot = Value(message.role_path if id_ is None else (*message.path, TOOL_CALL_ID))
    return Problem(f"This result answers no call: {why}.", spot)


def _unanswered(calls: list[Call]) -> Iterator[Problem]:
    for call in calls:
        name = call.name.value if isinstance(call.name.value, str) else "a tool"
        yield Problem(
            f"This call of {name} is never answered: put the tool's result behind it.",
            Value(call.path),
            severity=Severity.WARNING,
        )


def _writes_calls(message: Message) -> bool:
    content = message.content
    return isinstance(content, str) and any(mark in content for mark in _CALLS_IN_TEXT)
