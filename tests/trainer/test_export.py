"""`export` and `verify` on a run that is over; and files that are not what was trained."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from lintune_schemas import runs
from lintune_schemas.events import ArtefactWritten, Verified
from lintune_trainer.proof.gguf_head import Reader
from lintune_trainer.quantizations import QUANTIZATIONS

from .trainer_process import Ended, run

pytestmark = pytest.mark.slow


def checks(ended: Ended) -> dict[str, bool]:
    (verified,) = ended.of(Verified)
    return {check.name: check.ok for check in verified.checks}


def scale(gguf: Path, tensor_name: str, factor: float) -> None:
    """Multiply a tensor of an f16 file in place."""
    (tensor,) = (tensor for tensor in Reader(gguf, "r+").tensors if tensor.name == tensor_name)
    tensor.data[:] = tensor.data * np.float16(factor)


def test_more_quantizations_of_a_finished_run(finished_run: Path) -> None:
    before = (finished_run / runs.EVENTS).read_bytes()
    ended = run("export", finished_run, "--gguf", "q8_0,f16")
    assert ended.code == 0, ended
    assert [event.path for event in ended.of(ArtefactWritten)] == ["model-q8_0.gguf"]
    assert all(checks(ended).values())
    assert "weights of model-q8_0.gguf" in checks(ended)
    assert ended.words == ""
    assert (finished_run / runs.EVENTS).read_bytes() == before


def test_a_proof_can_be_repeated(finished_run: Path) -> None:
    (finished_run / "verify.json").unlink()
    ended = run("verify", finished_run)
    assert ended.code == 0, ended
    assert all(checks(ended).values())
    written = json.loads((finished_run / "verify.json").read_text())
    assert written["ok"]
    schema = json.loads(files("lintune_schemas").joinpath("json/verify.schema.json").read_text())
    jsonschema.validate(written, schema)


def test_weights_changed_in_the_f16_file(finished_run: Path) -> None:
    scale(finished_run / "model-f16.gguf", "blk.15.ffn_down.weight", -1)
    ended = run("verify", finished_run)
    assert ended.code == 1
    assert not checks(ended)["weights of model-f16.gguf"]
    assert not checks(ended)["logits of model-f16.gguf"]
    assert sorted(path.name for path in finished_run.glob("model-*")) == [
        "model-f16.gguf.rejected",
        "model-q4_k_m.gguf.rejected",
    ]
    assert not json.loads((finished_run / "verify.json").read_text())["ok"]


def test_weights_changed_in_the_quantized_file_only(finished_run: Path) -> None:
    gguf = finished_run / "model-q4_k_m.gguf"
    tensor = next(tensor for tensor in Reader(gguf, "r+").tensors if tensor.name == "blk.15.ffn_down.weight")
    rows = tensor.data.reshape(-1, tensor.data.shape[-1])
    rows[:] = rows[::-1].copy()
    ended = run("verify", finished_run)
    assert ended.code == 1
    assert next(name for name, ok in checks(ended).items() if not ok) == "weights of model-q4_k_m.gguf"
    assert [path.name for path in finished_run.glob("*.rejected")] == ["model-q4_k_m.gguf.rejected"]


def test_another_chat_template_and_half_a_file(finished_run: Path) -> None:
    gguf = finished_run / "model-f16.gguf"
    whole = gguf.read_bytes()
    template = b"You are a helpful AI assistant"
    assert template in whole
    gguf.write_bytes(whole.replace(template, template[::-1]))
    ended = run("verify", finished_run)
    assert ended.code == 1
    assert not checks(ended)["chat template of model-f16.gguf"]

    for rejected in finished_run.glob("*.rejected"):
        rejected.rename(rejected.with_suffix(""))
    gguf.write_bytes(whole[: len(whole) // 2])
    ended = run("verify", finished_run)
    assert ended.code == 1
    assert not checks(ended)["model-f16.gguf loads"]


def test_what_was_rejected_is_written_again(finished_run: Path) -> None:
    for gguf in finished_run.glob("model-*.gguf"):
        gguf.rename(gguf.with_name(gguf.name + ".rejected"))
    shutil.rmtree(finished_run / "merged")
    ended = run("export", finished_run)
    assert ended.code == 0, ended
    assert (finished_run / "model-q4_k_m.gguf").is_file()
    assert all(checks(ended).values())


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_every_quantization_keeps_the_weights(trained: tuple[Path, Ended], tmp_path: Path, quantization: str) -> None:
    from lintune_trainer.gguf_files import quantize
    from lintune_trainer.proof import tensors

    f16, gguf = trained[0] / "model-f16.gguf", tmp_path / "model.gguf"
    quantize(f16, gguf, quantization)
    check = tensors.as_before(Reader(f16), gguf, Reader(gguf))
    assert check.ok, check.detail
