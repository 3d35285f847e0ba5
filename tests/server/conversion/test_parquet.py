"""Rows of Parquet files as samples."""

from __future__ import annotations

import json
import sys
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from lintune_schemas.errors import LintuneError
from lintune_server.conversion import parquet
from lintune_server.conversion.items import Left, Taken

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = [{"role": "user", "content": "é"}, {"role": "assistant", "content": "b"}]


def write(path: Path, columns: dict[str, list[object]]) -> Path:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as writer

    writer.write_table(arrow.table(columns), path)
    return path


def test_nested_values(tmp_path: Path):
    path = write(
        tmp_path / "a.parquet",
        {
            "messages": [MESSAGES, None],
            "day": [date(2026, 11, 25), None],
            "price": [Decimal("1.50"), None],
            "big": [2**63 - 1, 0],
            "none": [None, None],
        },
    )
    told: list[tuple[int, int]] = []
    items = list(parquet.read(path, lambda *done: told.append(done)))
    assert told == [(2, 2)]
    assert all(isinstance(item, Taken) for item in items)
    assert '"price":1.50' in items[0].text  # type: ignore[union-attr]
    assert json.loads(items[0].text) == {  # type: ignore[union-attr]
        "messages": MESSAGES,
        "day": "2026-11-25",
        "price": 1.5,
        "big": 2**63 - 1,
        "none": None,
    }


def test_what_json_does_not_have(tmp_path: Path):
    path = write(tmp_path / "a.parquet", {"a": [b"x", None], "b": [1.0, float("nan")]})
    items = list(parquet.read(path, lambda *_: None))
    assert items == [
        Left("row 1", "it holds bytes, which JSON does not have"),
        Left("row 2", "it holds the number nan, which JSON does not have"),
    ]


def test_a_broken_file(tmp_path: Path):
    path = write(tmp_path / "a.parquet", {"a": [1]})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(LintuneError, match="no sound Parquet file"):
        list(parquet.read(path, lambda *_: None))


def test_without_pyarrow_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(LintuneError, match="pip install pyarrow"):
        list(parquet.read(tmp_path / "a.parquet", lambda *_: None))
