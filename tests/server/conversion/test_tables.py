"""Rows of tables as samples, against what Python's csv writes."""

from __future__ import annotations

import csv
import io
import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_schemas.errors import LintuneError
from lintune_server.conversion import tables
from lintune_server.conversion.items import Left, Taken
from lintune_server.conversion.tables import Dialect

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def read(text: str, dialect: Dialect | None = None) -> list[Taken | Left]:
    found = dialect or tables.dialect_of(text, is_table=True)
    assert found is not None
    return list(tables.read(io.StringIO(text, newline=""), found))


def taken(text: str) -> list[dict[str, object]]:
    return [json.loads(item.text) for item in read(text) if isinstance(item, Taken)]


def left(text: str) -> list[str]:
    return [f"{item.place}: {item.why}" for item in read(text) if isinstance(item, Left)]


@given(
    st.lists(st.tuples(CELLS, CELLS), max_size=6), st.sampled_from(tables.DELIMITERS), st.sampled_from(["\n", "\r\n"])
)
def test_what_csv_writes_is_read(rows: list[tuple[str, str]], delimiter: str, end: str):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("a b", "c"), *rows])
    found = [json.loads(item.text) for item in read(out.getvalue(), Dialect(delimiter))]
    assert found == [{"a b": first, "c": second} for first, second in rows]


@pytest.mark.parametrize("delimiter", tables.DELIMITERS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_delimiter_is_found(delimiter: str, end: str):
    lines = ["prompt|completion", '"a, b; c"|"x\n""y"""', "q|", ""]
    text = end.join(lines).replace("|", delimiter)
    assert tables.dialect_of(text) == Dialect(delimiter)
    assert taken(text) == [
        {"prompt": "a, b; c", "completion": 'x\n"y"'},
        {"prompt": "q", "completion": ""},
    ]


def test_quotes_behind_a_backslash():
    text = 'prompt,completion\n"say \\"hi, you\\"",b\n"c",d\n'
    assert taken(text)[0] == {"prompt": 'say "hi, you"', "completion": "b"}


def test_cells_stay_texts():
    assert taken("a,b\n007,1.50\nnull,true\n") == [{"a": "007", "b": "1.50"}, {"a": "null", "b": "true"}]


def test_lists_of_messages_in_cells():
    messages = [{"role": "user", "content": "it's"}]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("messages", "id"), (json.dumps(messages), "1"), (repr(messages), "2"), ("[oops", "3")])
    text = out.getvalue()
    assert taken(text) == [{"messages": messages, "id": "1"}, {"messages": messages, "id": "2"}]
    assert left(text) == ["4: the cell under “messages” should be a list, and is no JSON"]
    answer = 'prompt,completion\nhi,"[{""room"": 1}, 2]"\n'
    assert taken(answer) == [{"prompt": "hi", "completion": '[{"room": 1}, 2]'}]


def test_broken_rows_are_named():
    text = 'a,b\n1,2\n1,2,3\n"x"y,2\n\n3,4\n5\n"open,6\n7,8\n'
    assert taken(text) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert left(text) == [
        "3: the row has 3 cells, and the header 2",
        '4: something follows the quote that closes a cell: a quote within a cell is written ""',
        "7: the row has 1 cell, and the header 2",
        "8: a quote is opened that is never closed (up to line 9)",
    ]


def test_headers():
    assert taken("\ufeff,a\n1,2\n") == [{"column_1": "1", "a": "2"}]
    with pytest.raises(LintuneError, match="More than one column is called a"):
        read("a,b,a\n1,2,3\n")


def test_a_line_without_end_is_not_held():
    with patch.object(tables, "LONGEST_LINE", 100), pytest.raises(LintuneError, match="Line 2 is longer"):
        read("a,b\n" + "x" * 1000)


def test_prose_is_no_table():
    assert tables.dialect_of("Dear all,\nas you know, nothing happened.\nYours\n") is None
