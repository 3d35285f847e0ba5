"""Values that could be written at the cursor of a sample: only where there are few to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import SEGMENT_LABEL, TOOL_CALL_ID, TOOL_CALLS, WEIGHT, Kind
from lintune_server.language_server.datasets import skeletons
from lintune_server.language_server.recipes.candidate import Candidate, Sort
from lintune_server.lint.ignoring import takes_sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Layout, Path
    from lintune_server.language_server.datasets.cursor import Cursor
    from lintune_server.language_server.datasets.place import Place

_ANSWERED_BY = {None: "user", "system": "user", "user": "assistant", "assistant": "user", "tool": "assistant"}
"""Who speaks next."""
_MOST_LABELS = 50


def candidates(place: Place) -> Iterator[Candidate]:
    cursor, field = place.cursor, place.field
    if field is None or place.layout is None:
        return
    if place.is_answer:
        yield from _labels(place)
    elif (path := place.within_messages) is not None:
        yield from _below_message(place, place.layout, path)
    elif (path := place.below(Kind.SEGMENTS)) is not None:
        if path == (SEGMENT_LABEL,):
            yield from _flags(cursor)
        elif path == ():
            yield from _pieces(cursor, [("learned", skeletons.segment(True)), ("read", skeletons.segment(False))])
    elif (path := place.below(Kind.TOOLS)) is not None:
        if path == ("type",):
            yield from _choices(cursor, ["function"])
        elif path == ():
            yield from _pieces(cursor, [("tool", skeletons.tool())])
    elif field.kind is Kind.FLAG:
        yield from _flags(cursor)


def _labels(place: Place) -> Iterator[Candidate]:
    """Of a data set whose answers are a closed set of labels: those, the usual ones first."""
    # What is there once may be the one that is being written.
    used = [one for one in place.reader.labels.most_common(_MOST_LABELS) if one[1] > 1]
    details = [f"{count:,} of the first {len(place.reader.head):,} lines" for _, count in used]
    yield from _choices(place.cursor, [label for label, _ in used], details)


def rules(cursor: Cursor) -> Iterator[Candidate]:
    """Codes for a sample's list of what is to be ignored."""
    there = cursor.around if isinstance(cursor.around, list) else []
    if len(cursor.path) == 1:
        yield from _pieces(cursor, [("codes", [skeletons.HERE])])
        return
    from lintune_server.rule_book import RULES  # the rules of recipes: not before they are asked for

    for rule in RULES:
        if takes_sample(rule.code) and rule.code not in there:
            yield _literal(rule.code, Sort.RULE, cursor, detail=rule.name, page=rule.summary)


def _below_message(place: Place, layout: Layout, path: Path) -> Iterator[Candidate]:
    keys, cursor = layout.message, place.cursor
    match path:
        case ():
            follows = _next_role(place, layout)
            names = [follows, *(role for role in ("user", "assistant", "tool", "system") if role != follows)]
            yield from _pieces(cursor, [(role, skeletons.message(keys, role)) for role in names])
        case (key,) if key == keys.role:
            usual, likely = skeletons.usual_names(keys), skeletons.name_of(keys, _next_role(place, layout))
            for name in usual:
                yield _literal(name, Sort.CHOICE, cursor, detail=_meaning(name, keys.roles), rank=int(name != likely))
        case (key,) if key == keys.learned_by:
            yield from _flags(cursor)
        case (key,) if key == WEIGHT:
            yield from _choices(cursor, [0, 1], ["read, but not learned", "learned"])
        case (key,) if key == TOOL_CALL_ID:
            yield from _choices(cursor, _open_calls(place))
        case ("name",) if place.role == "tool":
            yield from _choices(cursor, list(place.tools))
        case (key, int(), "type") if key == keys.content:
            yield from _choices(cursor, ["text"])
        case ("tool_calls", int()):
            yield from _pieces(cursor, [(name, skeletons.call(name)) for name in place.tools])
        case ("tool_calls", int(), "type"):
            yield from _choices(cursor, ["function"])
        case ("tool_calls", int(), "function", "name"):
            yield from _choices(cursor, list(place.tools))
        case ("tool_calls", int(), "function", "arguments", str() as parameter):
            name = place.value_at((*cursor.path[:-2], "name"))
            schema = place.parameters_of(name).get(parameter, {})
            if schema.get("type") == "boolean":
                yield from _flags(cursor)
            elif isinstance(allowed := schema.get("enum"), list):
                yield from _choices(cursor, allowed)


def _next_role(place: Place, layout: Layout) -> str:
    """Who speaks at the cursor, by the messages before it."""
    index = place.cursor.path[1]
    before = place.messages[index - 1] if isinstance(index, int) and 0 < index <= len(place.messages) else None
    if not isinstance(before, dict):
        return "user"
    if before.get(TOOL_CALLS):
        return "tool"
    raw = before.get(layout.message.role)
    return _ANSWERED_BY[layout.message.roles.get(raw) if isinstance(raw, str) else None]


def _open_calls(place: Place) -> list[str]:
    """The ids of calls before the cursor; those that nothing answers yet first."""
    ids: list[str] = []
    answered: set[Any] = set()
    index = place.cursor.path[1]
    for message in place.messages[: index if isinstance(index, int) else None]:
        if not isinstance(message, dict):
            continue
        calls = message.get(TOOL_CALLS)
        made = [call.get("id") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
        ids += [id_ for id_ in made if isinstance(id_, str)]
        if isinstance(message.get(TOOL_CALL_ID), str):
            answered.add(message[TOOL_CALL_ID])
    return sorted(dict.fromkeys(ids), key=lambda one: one in answered)


def _flags(cursor: Cursor) -> Iterator[Candidate]:
    yield from _choices(cursor, [True, False])


def _choices(cursor: Cursor, values: list[Any], details: list[str] | None = None) -> Iterator[Candidate]:
    for rank, value in enumerate(values):
        if isinstance(value, str) or not cursor.quoted:
            sort = Sort.CHOICE if isinstance(value, str) else Sort.NUMBER
            yield _literal(value, sort, cursor, detail=details[rank] if details else "", rank=rank)


def _pieces(cursor: Cursor, pieces: list[tuple[str, Any]]) -> Iterator[Candidate]:
    """Objects, which are offered only where nothing is written yet."""
    if cursor.quoted:
        return
    for rank, (name, value) in enumerate(pieces):
        text, stop = skeletons.written(value)
        brackets = text[0] + text[-1]
        yield Candidate(f"{brackets} {name}", Sort.SECTION, text + cursor.comma, rank=rank, stop=stop)


def _literal(value: Any, sort: Sort, cursor: Cursor, *, detail: str = "", page: str = "", rank: int = 0) -> Candidate:
    text, _ = skeletons.written(value)
    label = value if isinstance(value, str) else text
    return Candidate(label, sort, text[cursor.quoted :] + cursor.comma, detail, page, rank)


def _meaning(name: str, roles: Any) -> str:
    role = roles.get(name, "")
    return "" if role == name else f"the {role}"
