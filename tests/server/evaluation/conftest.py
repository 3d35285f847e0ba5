"""Recorded runs on the demo model, whose tokenizer is real, and with it the questions that are asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from lintune_schemas import base_model, datasets, model_files, run_evaluation
from lintune_schemas.base_model import DEMO_MODEL
from lintune_schemas.run_evaluation import RunEvaluation, SampleResult
from lintune_server.evaluation import eval_set
from lintune_server.training import records

from ..cli.recorded import record, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.chat import ChatTokenizer
    from lintune_server.evaluation.eval_set import EvalSet
    from lintune_server.training.records import Record

NAME = "20261125T094724Z-b29664ca"
TRAIN = [{"prompt": f"Lamp {number} on, please.", "completion": f"Lamp {number} is on."} for number in range(4)]


@pytest.fixture(scope="session")
def chat() -> ChatTokenizer:
    return model_files.load_tokenizer(base_model.find(DEMO_MODEL, Path()))


class Workspace:
    """A folder with data, and a run that was trained on it."""

    def __init__(self, folder: Path, chat: ChatTokenizer) -> None:
        self.folder = folder
        self.chat = chat
        self.write("train.jsonl", TRAIN)

    def write(self, name: str, samples: Sequence[dict[str, Any]]) -> Path:
        path = self.folder / name
        path.write_text("".join(json.dumps(sample) + "\n" for sample in samples), encoding="utf-8")
        return path

    def trained(self, samples: Sequence[dict[str, Any]] = TRAIN, *, snapshots: bool = True, **recipe: object) -> Record:
        """A run whose eval set are these samples."""
        self.write("eval.jsonl", samples)
        return records.read(record(self.folder, NAME, whole(NAME), snapshots=snapshots, **recipe))

    def measured(self, record: Record, path: str, lines: Sequence[int]) -> None:
        """Its eval.json, by which it was evaluated with those lines."""
        found = {sample.line: sample.digest.hex() for sample in datasets.read(self.folder / path).samples}
        each = [SampleResult(path, line, found[line]) for line in lines]
        file = record.folder / run_evaluation.FILE
        file.write_bytes(msgspec.json.encode(RunEvaluation(len(each), 9, [], each)))

    def eval_set(self, record: Record, data: Path | None = None) -> EvalSet:
        return eval_set.of_run(record, eval_set.recipe_of(record), self.chat, data)


@pytest.fixture
def workspace(tmp_path: Path, chat: ChatTokenizer) -> Workspace:
    return Workspace(tmp_path, chat)
