"""Tokens that a model never saw: found in its weights, whatever they are written in."""

from __future__ import annotations

import json
import random
import struct

import pytest

from lintune_schemas import embeddings

WIDTH, ROWS, EMPTY = 4, 200, {150, 151, 199}


def _bytes(value: float, dtype: str) -> bytes:
    if dtype == "BF16":
        return struct.pack("<f", value)[2:]
    return struct.pack({"F16": "<e", "F32": "<f"}[dtype], value)


def embedding(dtype: str, noise: float) -> bytes:
    chance = random.Random(0)
    rows = [[chance.gauss(0, 0.02) for _ in range(WIDTH)] for _ in range(ROWS)]
    rows = [[noise] * WIDTH if index in EMPTY else row for index, row in enumerate(rows)]
    return b"".join(_bytes(value, dtype) for row in rows for value in row)


def file(path, name, dtype, data, shape=(ROWS, WIDTH)):
    entry = {"dtype": dtype, "shape": list(shape), "data_offsets": [8, 8 + len(data)]}
    head = json.dumps({"other": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, name: entry}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(8) + data)


@pytest.mark.parametrize("name", ["model.embed_tokens.weight", "gpt_neox.embed_in.weight", "transformer.wte.weight"])
@pytest.mark.parametrize(("dtype", "noise"), [("BF16", 1e-20), ("F16", 0.0), ("F32", 1e-23)])
def test_rows_that_were_never_trained(tmp_path, name, dtype, noise):
    file(tmp_path / "model.safetensors", name, dtype, embedding(dtype, noise))
    assert embeddings.untrained(tmp_path, range(ROWS)) == EMPTY
    assert embeddings.untrained(tmp_path, [0, 150, 10_000, -1]) == {150}


def test_in_one_of_several_files(tmp_path):
    file(tmp_path / "a.safetensors", "model.norm.weight", "F32", bytes(16), (4,))
    file(tmp_path / "b.safetensors", "model.embed_tokens.weight", "F16", embedding("F16", 0.0))
    index = {"weight_map": {"model.norm.weight": "a.safetensors", "model.embed_tokens.weight": "b.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert embeddings.untrained(tmp_path, [1, 199]) == {199}
    (tmp_path / "a.safetensors").unlink()
    assert embeddings.untrained(tmp_path, [1, 199]) == set()


@pytest.mark.parametrize(
    ("dtype", "data", "shape"),
    [
        ("F16", b"", (ROWS, WIDTH)),
        ("U8", bytes(ROWS * WIDTH), (ROWS, WIDTH)),
        ("F16", bytes(8), (0, 4)),
        ("F16", bytes(8), (4, 0)),
        ("F16", bytes(8), (4,)),
        ("F16", bytes(8), ("a", "b")),
    ],
)
def test_where_it_cannot_be_seen(tmp_path, dtype, data, shape):
    file(tmp_path / "model.safetensors", "model.embed_tokens.weight", dtype, data, shape)
    assert embeddings.untrained(tmp_path, [0, 1]) == set()


def test_without_weights(tmp_path):
    assert embeddings.untrained(tmp_path, [0]) == set()
    (tmp_path / "model.safetensors").write_bytes(b"no")
    assert embeddings.untrained(tmp_path, [0]) == set()
