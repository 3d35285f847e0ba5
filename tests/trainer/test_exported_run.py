"""A run's export with everything that a recipe can ask of it, on a tiny model."""

from pathlib import Path

import pytest

from lintune_schemas.events import AdapterSaved, ArtefactWritten, CheckpointSaved, Verified, Warned

from .trainer_process import only_run, train

pytestmark = pytest.mark.long


def test_importance_and_an_adapter_that_llama_cpp_has_no_place_for(lamps: Path, small_model: Path) -> None:
    ended = train(
        lamps,
        f"base_model={small_model}",
        "lintune.export.gguf=[q4_0,q8_0]",
        "lintune.export.imatrix=true",
        "max_steps=2",
        "save_steps=1",
        "peft_use_dora=true",
    )
    assert ended.code == 0, ended
    folder = only_run(lamps)
    assert (folder / "imatrix.gguf").is_file()
    written = [event.path for event in ended.of(ArtefactWritten)]
    assert written == ["adapter", "merged", "model-f16.gguf", "model-q4_0.gguf", "model-q8_0.gguf"]
    (verified,) = ended.of(Verified)
    assert verified.ok, verified
    assert (folder / "Modelfile").read_text(encoding="utf-8").startswith("FROM ./model-q4_0.gguf\n")
    assert len(ended.of(CheckpointSaved)) == 2
    assert not ended.of(AdapterSaved)
    about_it = [event.message for event in ended.of(Warned) if "No adapter for llama.cpp" in event.message]
    assert len(about_it) == 1
    assert not list(folder.rglob("adapter*.gguf"))
