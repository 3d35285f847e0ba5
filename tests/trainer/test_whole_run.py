"""A whole run on the demo model: what it reports, what it leaves, and that others can use it."""

import contextlib
import json
import math
from pathlib import Path

import jsonschema
import llama_cpp
import numpy as np
import orjson
import pytest
import torch
from safetensors import safe_open

from lintune_schemas import atomic, base_model, events, runs
from lintune_schemas.base_model import DEMO_MODEL
from lintune_schemas.events import (
    AdapterSaved,
    ArtefactWritten,
    CheckpointSaved,
    Evaluation,
    Progress,
    RunFinished,
    RunStarted,
    StageChanged,
    Verified,
)
from lintune_trainer import checkpoints, models

from .trainer_process import LAMPS, Ended

pytestmark = pytest.mark.slow

Trained = tuple[Path, Ended]

SCHEMA = Path(events.__file__).parent / "json" / "run-event.schema.json"


def test_events_are_in_order_and_recorded_as_printed(trained: Trained) -> None:
    folder, ended = trained
    assert list(events.read(folder / runs.EVENTS)) == ended.events
    stages = [event.stage for event in ended.of(StageChanged) if event.seconds is not None]
    assert stages == ["prepare", "baseline", "train", "evaluate", "export", "verify"]
    assert [event.step for event in ended.of(Progress)] == list(range(1, 9))
    assert [event.path for event in ended.of(CheckpointSaved)] == [
        "checkpoints/checkpoint-4",
        "checkpoints/checkpoint-8",
    ]
    (started,) = ended.of(RunStarted)
    assert (started.samples, started.eval_samples, started.total_steps) == (32, 8, 8)
    assert (folder.parents[2] / started.run_dir) == folder
    assert isinstance(ended.last, RunFinished)


def test_events_fit_their_schema(trained: Trained) -> None:
    validator = jsonschema.Draft202012Validator(orjson.loads(SCHEMA.read_bytes()))
    for line in (trained[0] / runs.EVENTS).read_bytes().splitlines():
        validator.validate(orjson.loads(line))


def test_nothing_but_events_reaches_the_user(trained: Trained) -> None:
    assert trained[1].words == ""


def test_it_learned(trained: Trained) -> None:
    ended = trained[1]
    evaluations = ended.of(Evaluation)
    assert [event.kind for event in evaluations] == ["baseline", "checkpoint", "final"]
    assert evaluations[-1].eval_loss < 0.5 * evaluations[0].eval_loss
    for event in evaluations:
        assert event.perplexity == pytest.approx(math.exp(event.eval_loss), rel=1e-3)
    finished = ended.last
    assert isinstance(finished, RunFinished)
    assert finished.eval_loss_before == evaluations[0].eval_loss
    assert finished.eval_loss_after == evaluations[-1].eval_loss


def test_the_run_directory_is_complete(trained: Trained) -> None:
    folder, ended = trained
    assert sorted(path.name for path in folder.iterdir()) == [
        "Modelfile",
        "README.md",
        "adapter",
        "adapter.gguf",
        "checkpoints",
        "dataset.lock.json",
        "eval.json",
        "events.jsonl",
        "loss.png",
        "loss.svg",
        "merged",
        "model-f16.gguf",
        "model-q4_k_m.gguf",
        "recipe.lock.yaml",
        "trainer.log",
        "verify.json",
    ]
    assert not list(folder.rglob(f"{atomic.PARTIAL_PREFIX}*"))
    written = {event.path: event.bytes for event in ended.of(ArtefactWritten)}
    assert written.keys() == {"adapter", "adapter.gguf", "merged", "model-f16.gguf", "model-q4_k_m.gguf"}
    for path, size in written.items():
        whole = folder / path
        files = [whole] if whole.is_file() else list(whole.iterdir())
        assert sum(file.stat().st_size for file in files) == size
    finished = ended.last
    assert isinstance(finished, RunFinished)
    assert finished.model == "model-q4_k_m.gguf"
    evaluated = json.loads((folder / "eval.json").read_text())
    assert [each["eval_loss"] for each in evaluated["evaluations"]] == [
        event.eval_loss for event in ended.of(Evaluation)
    ]
    card = (folder / "README.md").read_text()
    assert DEMO_MODEL in card
    assert "apache-2.0" in card
    assert [event.path for event in ended.of(AdapterSaved)] == [
        f"checkpoints/adapter-{saved.step}.gguf" for saved in ended.of(CheckpointSaved)
    ]
    for saved in ended.of(CheckpointSaved):
        assert checkpoints.whole(folder / saved.path)


def test_the_export_is_proven(trained: Trained) -> None:
    folder, ended = trained
    (verified,) = ended.of(Verified)
    assert verified.ok, verified.checks
    assert [check.name for check in verified.checks] == [
        "merged weights",
        "chat template of model-f16.gguf",
        "tokens of model-f16.gguf",
        "end tokens of model-f16.gguf",
        "configuration of model-f16.gguf",
        "chat template of model-q4_k_m.gguf",
        "tokens of model-q4_k_m.gguf",
        "end tokens of model-q4_k_m.gguf",
        "configuration of model-q4_k_m.gguf",
        "weights of model-f16.gguf",
        "logits of model-f16.gguf",
        "greedy answers",
        "generation stops",
        "adapter.gguf on the base model",
        "weights of model-q4_k_m.gguf",
        "quantization of model-q4_k_m.gguf",
    ]
    assert json.loads((folder / "verify.json").read_text())["ok"]


def test_merged_weights_are_base_and_adapter(trained: Trained) -> None:
    folder = trained[0]
    settings = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    scale = settings["lora_alpha"] / settings["r"]
    base = models.weights_folder(base_model.find(DEMO_MODEL, LAMPS))
    changed = 0
    with (
        safe_open(base / "model.safetensors", "pt") as before,
        safe_open(folder / "adapter" / "adapter_model.safetensors", "pt") as adapter,
        safe_open(folder / "merged" / "model.safetensors", "pt") as merged,
    ):
        assert set(merged.keys()) == set(before.keys())
        low_rank = set(adapter.keys())
        for name in merged.keys():  # noqa: SIM118 (it is no mapping)
            expected = before.get_tensor(name).double()
            prefix = f"base_model.model.{name.removesuffix('.weight')}"
            if f"{prefix}.lora_A.weight" in low_rank:
                a, b = (adapter.get_tensor(f"{prefix}.lora_{part}.weight").double() for part in "AB")
                assert b.any()
                expected += scale * (b @ a)
                changed += 1
            # Each bf16 number has 8 bits: the sum is rounded, and so may be what is added to it.
            torch.testing.assert_close(merged.get_tensor(name).double(), expected, rtol=2**-7, atol=2**-12)
    assert changed == 7 * 30


def test_peft_loads_the_adapter(trained: Trained) -> None:
    from peft import PeftModel

    folder = trained[0]
    base = models.load(models.weights_folder(base_model.find(DEMO_MODEL, LAMPS)), torch.float32)
    prompt = torch.arange(100, 120)[None]
    with torch.no_grad():
        untuned = base(input_ids=prompt).logits
        tuned = PeftModel.from_pretrained(base, folder / "adapter").eval()(input_ids=prompt).logits
        merged = models.load(folder / "merged", torch.float32)(input_ids=prompt).logits
    assert not torch.allclose(tuned, untuned, atol=0.5)
    torch.testing.assert_close(merged, tuned, rtol=0.05, atol=0.3)  # merged/ is in bf16


def json_answers(gguf: Path) -> int:
    """How many of the eight evaluation prompts llama.cpp answers with one JSON object and nothing else."""
    llama = llama_cpp.Llama(str(gguf), n_ctx=512, verbose=False)
    count = 0
    for line in (LAMPS / "eval.jsonl").read_bytes().splitlines():
        asked = orjson.loads(line)["messages"][:-1]
        answer = llama.create_chat_completion(asked, temperature=0.0, max_tokens=40)
        with contextlib.suppress(orjson.JSONDecodeError):
            count += isinstance(orjson.loads(answer["choices"][0]["message"]["content"]), dict)
    llama.close()
    return count


def test_llama_cpp_answers_in_the_taught_form(trained: Trained) -> None:
    base = base_model.find(DEMO_MODEL, LAMPS).path
    assert base is not None
    assert json_answers(base) <= 1
    # Eight steps teach the form, not yet every answer.
    assert json_answers(trained[0] / "model-q4_k_m.gguf") >= 6


def test_the_gguf_holds_the_merged_weights(trained: Trained) -> None:
    from lintune_trainer.proof.gguf_head import Reader

    folder = trained[0]
    tensors = {tensor.name: tensor.data for tensor in Reader(folder / "model-f16.gguf").tensors}
    with safe_open(folder / "merged" / "model.safetensors", "pt") as merged:
        for theirs, ours in (
            ("token_embd.weight", "model.embed_tokens.weight"),
            ("blk.3.ffn_up.weight", "model.layers.3.mlp.up_proj.weight"),
            ("blk.29.attn_v.weight", "model.layers.29.self_attn.v_proj.weight"),
        ):
            expected = merged.get_tensor(ours).to(torch.float16).numpy()
            assert np.array_equal(tensors[theirs], expected), theirs
