"""Commands on a run directory whose training is over: `export` and `verify`.

They leave events.jsonl alone (a run is what its last event says) and print their events only.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas import base_model, model_files, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import Stage
from lintune_trainer import data, process, workspace
from lintune_trainer.quantizations import QUANTIZATIONS
from lintune_trainer.run import LOG, Run
from lintune_trainer.support import require_supported

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.base_model import BaseModel
    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.conversations import Conversation
    from lintune_schemas.datasets import DatasetFile
    from lintune_schemas.recipe import Recipe
    from lintune_trainer.process import Streams

_SERVE_EXTRA = "Verifying needs llama-cpp-python. Install it with: pip install 'lintune[serve]'"


@dataclass(frozen=True, slots=True)
class _Finished:
    """A run directory, opened: what export and verify need of it."""

    run: Run
    recipe: Recipe
    recipe_folder: Path
    base: BaseModel
    chat: ChatTokenizer


def export_run(folder: Path, quantizations: Sequence[str] | None, streams: Streams) -> bool:
    """Write those GGUF files of a run that are not there yet, and prove them; whether they passed.

    quantizations: None for the recipe's. Raises LintuneError, OSError.
    """
    unknown = [name for name in quantizations or () if name not in QUANTIZATIONS]
    if unknown:
        raise LintuneError(f"--gguf: {unknown[0]} is not known. Use one of: {', '.join(QUANTIZATIONS)}.")
    with _opened(folder, streams) as finished:
        from lintune_trainer import card, export, models, ollama, verify

        run = finished.run
        if not export.adapter_folder(run.folder).is_dir():
            raise LintuneError(f"{folder} holds no adapter: its training did not end. Train again.")
        wanted = quantizations or finished.recipe.lintune.export.gguf or ["q4_k_m"]
        with run.stage(Stage.EXPORT):
            weights = models.weights_folder(finished.base)
            export.write_adapter(run, weights)
            written = export.write(run, finished.base, weights, finished.chat, wanted, _read_in_training(finished))
        passed = True
        if export.has_llama_cpp():
            with run.stage(Stage.VERIFY):
                known = _conversations(finished)
                passed = verify.verify(run, finished.base, weights, finished.chat, *known, written)
        if passed:
            ollama.write(run.folder, written[0], finished.chat, finished.recipe)
        card.write(run.folder, finished.recipe, weights)  # it says how to use the new files
        return passed


def verify_run(folder: Path, streams: Streams) -> bool:
    """Prove all GGUF files of a run again; whether they passed. Raises LintuneError, OSError."""
    with _opened(folder, streams) as finished:
        from lintune_trainer import export, models, verify

        run = finished.run
        if not export.has_llama_cpp():
            raise LintuneError(_SERVE_EXTRA)
        files = sorted(run.folder.glob("model-*.gguf"))
        needed = (export.merged_folder(run.folder), export.gguf_file(run.folder, "f16"))
        if missing := [path.name for path in needed if not path.exists()]:
            raise LintuneError(f"{folder} lacks {' and '.join(missing)}. Write it with: lintune export {folder}")
        with run.stage(Stage.VERIFY):
            weights = models.weights_folder(finished.base)
            return verify.verify(run, finished.base, weights, finished.chat, *_conversations(finished), files)


@contextmanager
def _opened(folder: Path, streams: Streams) -> Iterator[_Finished]:
    process.require_train_extra()
    folder = folder.resolve()
    lock_file = folder / runs.RECIPE_LOCK
    if not lock_file.is_file():
        raise LintuneError(f"{folder} is no run directory: it holds no {runs.RECIPE_LOCK}.")
    recipe = recipes.load(lock_file)
    require_supported(recipe)
    recipe_folder = folder.parents[2]  # <recipe folder>/.lintune/runs/<run>
    base = base_model.find(recipe.base_model, recipe_folder)
    chat = model_files.load_tokenizer(base, recipe.chat_template, recipe.chat_template_jinja)
    with workspace.locked(recipe_folder):
        streams.log_to(folder / LOG)
        process.prepare_libraries(network=False)
        yield _Finished(Run(folder, streams.print, record=False), recipe, recipe_folder, base, chat)


def _read_in_training(finished: _Finished) -> list[tuple[int, ...]] | None:
    """The training samples in tokens, where the recipe asks for an importance matrix."""
    if not finished.recipe.lintune.export.imatrix:
        return None
    return [finished.chat.tokenize(conversation).ids for conversation in _conversations(finished)[1]]


def _conversations(finished: _Finished) -> tuple[list[Conversation], list[Conversation]]:
    """What to compare with: the evaluation samples of the run, and its training samples."""
    lock = runs.read_dataset_lock(finished.run.folder)
    kept = lock is not None and all(locked.snapshot for locked in (*lock.train, *lock.test))
    files = (
        data.read_again(finished.recipe, finished.recipe_folder, lock)
        if lock and kept
        else data.read(finished.recipe, finished.recipe_folder)  # a run of an older version
    )
    return _all_of(files.test), _all_of(files.train)


def _all_of(files: Sequence[DatasetFile]) -> list[Conversation]:
    return [sample.conversation for file in files for sample in file.samples]
