"""Findings move with the text until the next analysis."""

from dataclasses import replace
from pathlib import Path

from lintune_server.analyst.selection import MOST_SHOWN
from lintune_server.language_server.board import Board
from lintune_server.language_server.text import Change
from lintune_server.lint.findings import Edit, Finding, Fix, Position, Range, Related, Severity


def finding(line: int, code: str = "JL001", *, whole_file: bool = False, related: tuple[Related, ...] = ()) -> Finding:
    place = Range(Position(line, 2), Position(line, 5))
    fix = Fix("mend", (Edit(place, "x"),))
    return Finding(code, "name", Severity.ERROR, f"about {code}", place, fix, related, whole_file)


def shown(board: Board) -> list[tuple[int, str]]:
    found = board.shown()
    assert found == sorted(found, key=lambda one: one.range)
    assert all(one.fix is None or one.fix.edits[0].range == one.range for one in found)
    return [(one.range.start.line, one.code) for one in found]


def settled() -> Board:
    board = Board()
    board.settle([finding(1), finding(3, "DU301"), finding(5, "SF106")], 7, 0)
    assert board.left_out == 7
    return board


def test_what_is_below_moves_and_what_was_edited_goes() -> None:
    board = settled()
    board.edited(Change(3, 1, ["a\n", "b\n", "c\n"]), 1)
    assert shown(board) == [(1, "JL001"), (7, "SF106")]
    board.edited(Change(0, 2, []), 2)
    assert shown(board) == [(5, "SF106")]


def test_what_is_about_the_file_stays_until_it_is_looked_at() -> None:
    board = Board()
    board.settle([finding(0, "DS501", whole_file=True)], 0, 0)
    board.edited(Change(0, 1, ["a\n"]), 1)
    assert shown(board) == [(0, "DS501")]
    board.checked({0: [finding(0, "SF106")]}, 1)
    assert shown(board) == [(0, "DS501"), (0, "SF106")]


def test_a_typed_line_has_its_own_findings_at_once() -> None:
    board = settled()
    board.edited(Change(3, 1, ["a\n"]), 1)
    board.checked({3: [finding(0, "SF109")]}, 1)
    assert shown(board) == [(1, "JL001"), (3, "SF109"), (5, "SF106")]
    board.edited(Change(0, 0, ["above\n"]), 2)
    assert shown(board) == [(2, "JL001"), (4, "SF109"), (6, "SF106")]
    board.edited(Change(4, 1, ["b\n"]), 3)
    assert shown(board) == [(2, "JL001"), (6, "SF106")]


def test_a_result_of_an_older_text_is_moved_to_where_that_is_now() -> None:
    board = settled()
    board.edited(Change(1, 1, ["a\n"]), 1)
    board.edited(Change(0, 0, ["above\n"]), 2)
    board.edited(Change(4, 1, ["c\n"]), 3)
    board.checked({4: [finding(0, "QL402")]}, 3)
    board.settle([finding(1, "SF111"), finding(3, "DU301"), finding(5, "SF106")], 0, 1)
    assert shown(board) == [(2, "SF111"), (4, "QL402"), (6, "SF106")]
    board.settle([finding(2, "SF111")], 0, 3)
    assert shown(board) == [(2, "SF111")]


def test_other_places_of_the_same_line_move_along() -> None:
    here = Related(Path("a.jsonl"), 4, "here", (1, 2))
    first, elsewhere = Related(Path("a.jsonl"), 0, "the first"), Related(Path("b.jsonl"), 4, "there")
    board = Board()
    board.settle([finding(4, related=(here, first, elsewhere))], 0, 0)
    board.edited(Change(1, 0, ["new\n"]), 1)
    assert [other.line for other in board.shown()[0].related] == [5, 0, 4]


def test_a_fix_of_lines_that_changed_is_none_any_more() -> None:
    board = Board()
    last = Fix("remove", (Edit(Range(Position(3, 7), Position(4, 9)), ""),))  # with the line end before it
    whole = finding(0, "JL006", whole_file=True)
    board.settle([whole, finding(2), replace(finding(4, "DU301"), fix=last)], 0, 0)
    board.edited(Change(3, 1, ["longer\n"]), 1)
    assert [(one.code, one.fix is None) for one in board.shown()] == [
        ("JL006", True),
        ("JL001", False),
        ("DU301", True),
    ]


def test_lines_that_were_looked_at_keep_what_only_the_whole_shows() -> None:
    """Where there are more findings than are shown."""
    board = Board()
    board.settle([finding(1), finding(3, "DU301")], 7, 0)
    board.checked({1: [finding(0)], 3: [finding(0, "SF106")], 5: [finding(0, "SF109")]}, 0)
    assert shown(board) == [(1, "JL001"), (3, "DU301"), (3, "SF106"), (5, "SF109")]
    board.edited(Change(3, 1, ["a\n"]), 1)
    board.checked({3: [finding(0, "SF111")]}, 1)
    assert shown(board) == [(1, "JL001"), (3, "SF111"), (5, "SF109")]
    board.settle([finding(1), finding(3, "DU301")], 7, 1)
    assert shown(board) == [(1, "JL001"), (3, "DU301"), (3, "SF111"), (5, "SF109")]


def test_what_a_training_said_stays_on_its_line() -> None:
    text = ["a\n", "b\n", "c\n"]
    board = settled()
    board.note([finding(1, "training"), finding(9, "training")], text)
    assert shown(board) == [(1, "JL001"), (1, "training"), (3, "DU301"), (5, "SF106")], "line 9 is gone"
    board.edited(Change(1, 1, ["bb\n"]), 1)  # typed into it
    assert [one.range.start.line for one in board.noted] == [1]
    board.edited(Change(1, 1, ["new\n", "bb\n"]), 2)  # a line above it
    assert [one.range.start.line for one in board.noted] == [2]
    board.edited(Change(2, 1, ["bb\n", "new\n"]), 3)  # a line below it
    assert [one.range.start.line for one in board.noted] == [2]
    board.settle([], 0, 3)
    assert shown(board) == [(2, "training")]
    board.edited(Change(0, 3, []), 4)
    assert board.noted == []


def test_what_is_in_sight_takes_the_place_of_what_is_not() -> None:
    """VS Code drops what is beyond a thousand, and the note that there is more would be gone."""
    board = Board()
    board.settle([finding(line) for line in range(MOST_SHOWN)], 5_000, 0)
    board.checked({4_000 + line: [finding(0)] for line in range(40)}, 0)
    lines = [one.range.start.line for one in board.shown()]
    assert lines == [*range(MOST_SHOWN - 40), *range(4_000, 4_040)]
    assert board.last_looked_at == {*range(4_000, 4_040)}
