"""Engines that are other programs. Where those need a GPU, a stand-in prints and writes what they do.

`stand_ins/axolotl` trains nothing. Unsloth has tests of its own.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
import yaml

from lintune_schemas import events, runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import (
    AdapterSaved,
    CheckpointSaved,
    Evaluation,
    Progress,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunPaused,
    RunStarted,
)
from lintune_schemas.recipe import Recipe
from lintune_trainer import checkpoints, data, engines, process
from lintune_trainer.engines.axolotl_output import Bar, Log, Reader, error_in, said_in

from .trainer_process import Ended, only_run, run, start_and_wait_for

STAND_INS = Path(__file__).parent / "stand_ins"

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def lamps(lamps: Path, small_model: Path) -> Path:
    """The lamps for a small random model that Axolotl trains."""
    recipe = lamps / "recipe.yaml"
    values = yaml.safe_load(recipe.read_text())
    values |= {
        "base_model": os.path.relpath(small_model, lamps),
        "lintune": {"backend": "axolotl", "export": {"gguf": []}},
    }
    values |= {"flash_attention": True, "neftune_noise_alpha": 5, "optimizer": "muon", "wandb_project": "lamps"}
    recipe.write_text(yaml.safe_dump(values))
    return lamps


MUCH_TO_DO = ("num_epochs=100", "save_steps=2")


def environment(mode: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(STAND_INS), "STAND_IN": mode}


def train(folder: Path, *arguments: str, mode: str = "") -> Ended:
    return run("train", folder / "recipe.yaml", *arguments, env=environment(mode))


def handed_over(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((only_run(folder) / "axolotl.yaml").read_text())


def of_axolotl(folder: Path) -> list[psutil.Process]:
    """The processes that Axolotl runs in for a recipe in `folder`."""
    found = []
    for child in psutil.process_iter(["cmdline"]):
        line = child.info["cmdline"] or []
        if "axolotl.cli.train" in line and any(argument.startswith(str(folder)) for argument in line):
            found.append(child)
    return found


@pytest.mark.long
def test_a_run_that_axolotl_trains(lamps: Path, small_model: Path) -> None:
    ended = train(lamps, "--set", "num_epochs=3", "--set", "save_total_limit=2")
    assert ended.code == 0, ended
    assert not ended.words
    (started,) = ended.of(RunStarted)
    assert started.backend == "axolotl"
    progress = ended.of(Progress)
    assert [event.step for event in progress] == list(range(1, 13))
    assert {event.total_steps for event in progress} == {12}
    assert [event.loss for event in progress] == pytest.approx([2 / step for step in range(1, 13)], rel=1e-3)
    assert progress[3].epoch == 1.0
    assert progress[0].memory_bytes == 3 * 2**29
    assert all(event.tokens_per_second > 0 for event in progress)
    assert [(event.kind, event.step) for event in ended.of(Evaluation)] == [
        ("baseline", 0),
        ("checkpoint", 4),
        ("checkpoint", 8),
        ("checkpoint", 12),
        ("final", 12),
    ]
    first, *_, last = ended.of(Evaluation)
    assert last.eval_loss != first.eval_loss  # of the adapter that it wrote
    assert [event.path for event in ended.of(CheckpointSaved)] == [
        f"checkpoints/checkpoint-{step}" for step in (4, 8, 12)
    ]
    folder = only_run(lamps)
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        "adapter-12.gguf",
        "adapter-8.gguf",
        "checkpoint-12",
        "checkpoint-8",
    ]
    assert [event.path for event in ended.of(AdapterSaved)] == [
        f"checkpoints/adapter-{step}.gguf" for step in (4, 8, 12)
    ]
    assert sorted(path.name for path in (folder / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert "Model successfully saved to" in (folder / "trainer.log").read_text()

    written = handed_over(lamps)
    assert "lintune" not in written
    assert written["base_model"] == str(small_model.resolve())
    assert written["output_dir"] == str(folder / "axolotl")
    assert written["num_epochs"] == 3  # the command line's
    original = yaml.safe_load((lamps / "recipe.yaml").read_text())
    kept = original.keys() - {"lintune", "base_model", "num_epochs", "datasets", "test_datasets"}
    assert {key: written[key] for key in kept} == {key: original[key] for key in kept}
    for key, name in (("datasets", "train.jsonl"), ("test_datasets", "eval.jsonl")):
        (entry,) = written[key]
        assert entry["type"] == "chat_template"
        assert Path(entry["path"]).is_absolute()
        assert Path(entry["path"]).read_text() == (lamps / name).read_text()


@pytest.mark.long
@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("out_of_memory", "The GPU ran out of memory. Lower micro_batch_size"),
        ("refuses", "Value error, flash_attention is not available"),
    ],
)
def test_what_fails_in_axolotl(lamps: Path, mode: str, said: str) -> None:
    failed = train(lamps, mode=mode)
    assert failed.code == 1
    assert isinstance(failed.last, RunFailed)
    assert said in failed.last.message
    assert "CalledProcessError" not in failed.last.message
    assert not (only_run(lamps) / "adapter").exists()


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_when_the_trainer_ends_so_does_axolotl(lamps: Path, number: signal.Signals) -> None:
    child = start_and_wait_for(lamps, Progress, *MUCH_TO_DO, env=environment("slow"))
    training = of_axolotl(lamps)
    assert training
    child.send_signal(number)
    said = child.communicate(timeout=120)[0]
    _, alive = psutil.wait_procs(training, timeout=60)
    assert not alive
    if number == signal.SIGTERM:
        assert child.returncode == 130
        assert isinstance(events.decode(said.splitlines()[-1]), RunCancelled)


@pytest.mark.long
def test_axolotl_goes_on_from_its_checkpoint(lamps: Path) -> None:
    child = start_and_wait_for(lamps, CheckpointSaved, *MUCH_TO_DO, env=environment("slow"))
    said, words = child.communicate(b"pause\n", timeout=120)
    assert child.returncode == 0, words
    assert isinstance(events.decode(said.splitlines()[-1]), RunPaused)
    assert not of_axolotl(lamps)
    newest = checkpoints.newest(only_run(lamps) / "checkpoints")
    assert newest
    step = checkpoints.step_of(newest)

    written = only_run(lamps) / "axolotl.yaml"
    written.write_text(f"{written.read_text()}max_steps: {step + 3}\n")
    (lamps / "recipe.yaml").write_text("base_model: edited-meanwhile\n" + (lamps / "recipe.yaml").read_text())
    resumed = train(lamps, "--resume", "latest")
    assert resumed.code == 0, resumed
    assert isinstance(resumed.last, RunFinished)
    assert handed_over(lamps)["resume_from_checkpoint"] == str(newest)
    assert [event.step for event in resumed.of(Progress)] == [step + 1, step + 2, step + 3]


def test_axolotl_evaluates_with_the_samples_that_this_run_set_aside(lamps: Path, chat: Any) -> None:
    from lintune_schemas import recipe as recipes
    from lintune_trainer import run as run_directories
    from lintune_trainer.engines import axolotl_recipe

    path = lamps / "recipe.yaml"
    values = yaml.safe_load(path.read_text())
    del values["test_datasets"], values["datasets"][0]["type"]
    path.write_text(yaml.safe_dump(values | {"val_set_size": 0.25}))
    recipe = recipes.load(path)
    files = data.read(recipe, lamps, keep=True)
    train_set, eval_set = data.tokenize(files, recipe, chat, pytest.fail)
    this = run_directories.create(
        recipe, lamps, runs.lock_datasets(recipe, path, files.train, files.test), lambda _: None
    )
    job: Any = ModuleType("job")  # the parts of one that say what is handed over
    job.run, job.recipe, job.recipe_path, job.weights = this, recipe, path, lamps
    job.train, job.evaluation, job.checkpoint, job.adapter = train_set, eval_set, None, None
    written = yaml.safe_load(axolotl_recipe.write(job).read_text())
    assert "val_set_size" not in written
    lines = (lamps / "train.jsonl").read_text().splitlines()
    for key, samples in (("datasets", train_set), ("test_datasets", eval_set)):
        (entry,) = written[key]
        assert entry["type"] == "chat_template"  # as the file says
        assert Path(entry["path"]).read_text().splitlines() == [lines[sample.line - 1] for sample in samples]
    assert len(train_set) + len(eval_set) == len(lines)


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("  3%|▎         | 5/150 [00:10<05:00,  2.07s/it]", Bar(5, 150)),
        ("\x1b[A\x1b[A  4%|▍         | 6/150 [00:12<04:58,  2.07s/it]", Bar(6, 150)),
        (" 33%|███▎      | 1/3 [00:00<00:00, 30.00it/s]", None),  # of an evaluation
        ("Tokenizing Prompts (num_proc=8): 100%|██████████| 150/150 [00:01<00:00, 80.1 examples/s]", None),
        (
            "{'loss': '0.7157', 'grad_norm': '12.79', 'learning_rate': '0', 'tokens/trainable': 93, 'epoch': '0.13'}",
            Log({"loss": 0.7157, "grad_norm": 12.79, "learning_rate": 0.0, "tokens/trainable": 93.0, "epoch": 0.13}),
        ),
        (
            "{'loss': 1.0226, 'learning_rate': 0.00014, 'epoch': 0.89}",
            Log({"loss": 1.0226, "learning_rate": 0.00014, "epoch": 0.89}),
        ),
        ("{'eval_loss': '1.25', 'epoch': '1'}", Log({"eval_loss": 1.25, "epoch": 1.0})),
        ("{'train_runtime': '35.87', 'train_loss': '0.1716', 'epoch': '5'}", None),
        ("{'lossy': broken", None),
        ("{not: python}", None),
        ("[2026-06-20 15:38:29,823] [INFO] [axolotl.train] Starting trainer...", None),
    ],
)
def test_what_axolotl_prints(line: str, read: Bar | Log | None) -> None:
    reader = Reader()
    assert reader.read("  0%|          | 0/150 [00:00<?, ?it/s]") == Bar(0, 150)
    assert reader.read(line) == read


def test_what_is_said_beside_the_bar() -> None:
    bar = "  3%|▎         | 5/150 [00:10<05:00,  2.07s/it]"
    assert said_in(bar) == ""
    assert said_in(f"{bar}Traceback (most recent call last):") == "Traceback (most recent call last):"
    assert said_in(f"Map: {bar}") == ""
    assert said_in("[INFO] [axolotl.train] 5 of 100%") == "[INFO] [axolotl.train] 5 of 100%"


def test_a_loss_that_is_no_number_is_read() -> None:
    found = Reader().read("{'loss': nan, 'grad_norm': inf, 'epoch': 1.0}")
    assert isinstance(found, Log)
    assert found.figures["loss"] != found.figures["loss"]
    assert found.figures["grad_norm"] == float("inf")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            [
                "Traceback (most recent call last):",
                '  File "train.py", line 3, in main',
                "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
                "Traceback (most recent call last):",
                "subprocess.CalledProcessError: Command '['python']' returned non-zero exit status 1.",
            ],
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        ),
        (
            [
                "[rank1]: ValueError: the sequence is too long",
                "E1125 torch/distributed/elastic/multiprocessing/api.py:882] failed (exitcode: 1)",
                "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ",
            ],
            "[rank1]: ValueError: the sequence is too long",
        ),
        (["Killed", ""], "Killed"),
        ([], "it said nothing"),
    ],
)
def test_what_went_wrong(lines: list[str], said: str) -> None:
    assert error_in(lines) == said


def test_a_folder_of_that_name_is_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "axolotl").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not engines.installed("axolotl")
    assert engines.installed("torch")


@pytest.mark.parametrize("place", ["recipe", "data set"])
def test_no_code_of_a_model_or_a_data_set_is_run(lamps: Path, place: str) -> None:
    recipe = lamps / "recipe.yaml"
    values = yaml.safe_load(recipe.read_text())
    (values if place == "recipe" else values["datasets"][0])["trust_remote_code"] = True
    recipe.write_text(yaml.safe_dump(values))
    refused = train(lamps)
    assert refused.code == 2
    assert "trust_remote_code: true would run code" in refused.words
    assert not runs.runs_folder(lamps).exists()


@pytest.mark.parametrize(
    ("backend", "installs"),
    [
        ("axolotl", "pip install --no-build-isolation 'axolotl[deepspeed]'"),
        ("unsloth", "pip install unsloth"),
    ],
)
def test_what_is_not_installed(lamps: Path, backend: str, installs: str) -> None:
    refused = run(
        "train", lamps / "recipe.yaml", "--set", f"lintune.backend={backend}", "--set", "optimizer=adamw_torch"
    )
    assert refused.code == 2
    assert installs in refused.words
    assert "Traceback" not in refused.words
    assert not runs.runs_folder(lamps).exists()


@pytest.mark.parametrize(("gpus", "asked", "used"), [(0, None, 1), (0, 3, 3), (1, None, 1), (2, None, 2), (2, 1, 1)])
def test_a_process_for_each_gpu(
    recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch, gpus: int, asked: int | None, used: int
) -> None:
    monkeypatch.setattr(process, "count_gpus", lambda: gpus)
    assert engines.choose(recipe(lintune={"processes": asked}), Path("recipe.yaml")).processes == used


@pytest.mark.parametrize("key", ["fsdp_config: {reshard_after_forward: true}", "fsdp: true", "deepspeed: zero3.json"])
def test_a_model_that_is_spread_over_devices_is_for_axolotl(
    recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(process, "count_gpus", lambda: 2)
    path = tmp_path / "recipe.yaml"
    path.write_text(f"base_model: smollm2-135m-instruct\n{key}\n")
    with pytest.raises(LintuneError, match=f"^{key.split(':')[0]} spreads the model over 2 devices.*pip install"):
        engines.choose(recipe(), path)
    monkeypatch.setattr(engines, "installed", lambda _: True)
    engine = engines.choose(recipe(), path)
    assert (engine.backend, engine.processes) == ("axolotl", 2)
    monkeypatch.setattr(process, "count_gpus", lambda: 1)
    assert engines.choose(recipe(), path).backend == "builtin"


def test_more_processes_than_gpus(recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "count_gpus", lambda: 2)
    with pytest.raises(LintuneError, match=r"lintune\.processes: 4 needs as many GPUs, and there are 2"):
        engines.choose(recipe(lintune={"processes": 4}), Path("recipe.yaml"))


@pytest.mark.parametrize(("visible", "counted"), [("0,1,2", 3), ("1", 1), ("", 0), ("-1", 0), ("GPU-5ebe9e3e", 1)])
def test_gpus_that_the_environment_names(monkeypatch: pytest.MonkeyPatch, visible: str, counted: int) -> None:
    monkeypatch.setattr(process, "_GPUS_IN_SIGHT", visible)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # as `prepare_libraries` leaves it
    assert process.count_gpus() == counted
    assert process.environment_with_all_gpus()["CUDA_VISIBLE_DEVICES"] == visible


def test_gpus_that_the_driver_lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H100 (UUID: GPU-1)'\necho 'GPU 1: NVIDIA H100 (UUID: GPU-2)'\n")
    program.chmod(0o755)
    monkeypatch.setattr(process, "_GPUS_IN_SIGHT", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert process.count_gpus() == 2
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed' >&2\nexit 9\n")
    assert process.count_gpus() == 0
    assert "CUDA_VISIBLE_DEVICES" not in process.environment_with_all_gpus()
