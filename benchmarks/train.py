"""How fast a training is, and how well it learns, beside transformers' Trainer with PEFT and bitsandbytes as usual.

python -m benchmarks.train [--steps 40] [--rounds 2] [--data ../shared/data/gsm8k-train.jsonl]

Two data sets: the example smart-home by its own recipe, and 1,000 problems of gsm8k, of which a training sees as many
as fit in so many steps (250 are all; the example has 81). Both sides have the same model, recipe, samples, tokens,
labels, seed and steps, and each training is a process of its own, in turn, with the same environment. Tokens a second
are those of the samples, without padding, from the beginning of the training loop to the end of its last step; of the
rounds the median counts. Both adapters are then evaluated by the same plain code: one sample at a time, all logits.
Memory is the most that a process ever held.

The plain side is what guides for QLoRA show: NF4 with double quantization and bf16, PEFT around it, the collator for
sequence-to-sequence models, which pads labels too, the Trainer's order and the model's own loss. It leaves out
`prepare_model_for_kbit_training`, which puts embeddings and norms in fp32, where nothing is gained by it; `--prepared`
has it. The last line is the figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lintune_schemas import base_model, datasets, model_files
from lintune_schemas import recipe as recipes
from lintune_schemas.plan import plan
from lintune_schemas.processor import peak_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.recipe import Dataset, Recipe

EXAMPLE = Path(__file__).parents[1] / "examples" / "smart-home"
FASTER = 1.3
"""At least so many times as fast, and"""
LOSS = 0.02
"""at most so much higher in evaluation loss. Where a task is learned to the end, losses are near 0, and shares of them
say nothing: the table has both."""

GSM8K = """
base_model: smollm2-135m-instruct
datasets: [{path: train.jsonl, type: chat_template}]
test_datasets: [{path: eval.jsonl, type: chat_template}]
sequence_len: 512
adapter: qlora
load_in_4bit: true
lora_r: 16
lora_alpha: 32
lora_target_linear: true
micro_batch_size: 4
num_epochs: 1
learning_rate: 2.0e-4
optimizer: adamw_torch
seed: 42
"""

ALONE = ("eval_steps=1000000", "save_steps=1000000", "lintune.export.gguf=[]")
"""No evaluation and no checkpoint on the way, on either side, and no export."""


def workspaces(folder: Path, gsm8k: Path) -> dict[str, Path]:
    """Recipes by the names of their data sets, each in a folder of its own."""
    example = Path(shutil.copytree(EXAMPLE, folder / "smart-home", ignore=shutil.ignore_patterns(".lintune")))
    other = folder / "gsm8k"
    other.mkdir()
    problems = [json.loads(line) for line in gsm8k.read_text(encoding="utf-8").splitlines()[:1050]]
    for name, part in (("train", problems[:1000]), ("eval", problems[1000:])):
        with (other / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for problem in part:
                question = {"role": "user", "content": problem["question"]}
                answer = {"role": "assistant", "content": problem["answer"]}
                file.write(json.dumps({"messages": [question, answer]}) + "\n")
    (other / "recipe.yaml").write_text(GSM8K, encoding="utf-8")
    return {"smart-home": example / "recipe.yaml", "gsm8k": other / "recipe.yaml"}


def watch() -> dict[str, float]:
    """Let every Trainer of this process note when its loop begins and how far it got: seconds, tokens, steps."""
    from transformers import TrainerCallback, trainer

    seen: dict[str, float] = {}

    class Watch(TrainerCallback):  # type: ignore[misc] # transformers has no types
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.begin = time.perf_counter()

        def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            seconds = time.perf_counter() - self.begin
            seen.update(seconds=seconds, tokens=state.num_input_tokens_seen, steps=state.global_step)

    trainer.DEFAULT_CALLBACKS.append(Watch)
    return seen


def train_with_lintune(recipe_path: Path, assignments: list[str]) -> tuple[dict[str, float], Any]:
    from lintune_trainer import cli, process

    process.prepare_libraries(network=False)  # as the command does, before torch is imported
    seen = watch()
    words = [word for assignment in assignments for word in ("--set", assignment)]
    if code := cli.main(["train", str(recipe_path), *words]):
        raise SystemExit(f"The training ended with {code}.")
    (run,) = (recipe_path.parent / ".lintune" / "runs").glob("2*")

    from peft import PeftModel

    return seen, PeftModel.from_pretrained(quantized_model(recipes.load(recipe_path)), run / "adapter")


def quantized_model(recipe: Recipe) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    from lintune_trainer import models

    folder = models.weights_folder(base_model.find(recipe.base_model, Path()))
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, quantization_config=config)


def tokenized(recipe: Recipe, entries: Sequence[Dataset], folder: Path) -> list[dict[str, list[int]]]:
    """Samples as both sides learn them: how they are tokenized is not what is compared here."""
    chat = model_files.load_tokenizer(base_model.find(recipe.base_model, folder))
    samples = []
    for entry in entries:
        for sample in datasets.read(folder / entry.path, entry).samples:
            tokens = chat.tokenize(sample.conversation, recipe.train_on_inputs)
            if len(tokens.ids) <= recipe.sequence_len:
                samples.append({"input_ids": list(tokens.ids), "labels": list(tokens.labels)})
    return samples


def train_plainly(recipe_path: Path, assignments: list[str], prepared: bool) -> tuple[dict[str, float], Any]:
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import AutoTokenizer, DataCollatorForSeq2Seq, Trainer, TrainingArguments, set_seed

    from lintune_trainer import models

    recipe = recipes.load(recipe_path, assignments)
    tokenizer = AutoTokenizer.from_pretrained(models.weights_folder(base_model.find(recipe.base_model, Path())))
    samples = tokenized(recipe, recipe.datasets, recipe_path.parent)
    steps = plan(recipe, len(samples))
    model = quantized_model(recipe)
    if prepared:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    set_seed(recipe.seed)
    lora = LoraConfig(
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules="all-linear",
        use_rslora=recipe.peft_use_rslora,
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(model, lora)
    seen = watch()
    arguments = TrainingArguments(
        output_dir=str(recipe_path.with_name("plain")),
        per_device_train_batch_size=recipe.micro_batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation_steps,
        max_steps=steps.total_steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.lr_scheduler,
        warmup_steps=steps.warmup_steps,
        optim=recipe.optimizer,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        bf16=prepared,  # autocast, without which all of the model would compute in fp32
        use_cpu=True,
        seed=recipe.seed,
        logging_steps=1,
        save_strategy="no",
        include_num_input_tokens_seen="non_padding",
        disable_tqdm=True,
        report_to="none",
    )
    collator = DataCollatorForSeq2Seq(tokenizer, model=model)
    Trainer(model=model, args=arguments, train_dataset=samples, data_collator=collator).train()
    return seen, model


def evaluate(model: Any, recipe: Recipe, folder: Path) -> float:
    """The mean negative log-likelihood in nats over all trained tokens of the evaluation samples, the plain way."""
    import torch

    samples = tokenized(recipe, recipe.test_datasets, folder)
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for sample in samples:
            logits = model(input_ids=torch.tensor([sample["input_ids"]])).logits[0, :-1].float()
            labels = torch.tensor(sample["labels"][1:])
            total += float(torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, reduction="sum"))
            count += int((labels != -100).sum())
    return total / count


def child(side: str, recipe_path: Path, assignments: list[str], out: Path) -> None:
    """One training, and its figures as JSON in `out`."""
    with redirect_stdout(sys.stderr):
        if side == "lintune":
            seen, model = train_with_lintune(recipe_path, assignments)
        else:
            seen, model = train_plainly(recipe_path, assignments, prepared=side == "prepared")
        peak = peak_memory()
        loss = evaluate(model, recipes.load(recipe_path), recipe_path.parent)
    figures = {**seen, "tokens_per_second": seen["tokens"] / seen["seconds"], "peak": peak, "eval_loss": loss}
    out.write_text(json.dumps(figures), encoding="utf-8")


def measured(side: str, recipe_path: Path, assignments: list[str]) -> dict[str, float]:
    shutil.rmtree(recipe_path.with_name(".lintune"), ignore_errors=True)
    out = recipe_path.with_name("figures.json")
    command = [sys.executable, "-m", "benchmarks.train", "--child", side, str(recipe_path), str(out), *assignments]
    # How long waiting threads spin: what Lintune sets for itself. On a machine with other work it decides.
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "BITSANDBYTES_NOWELCOME": "1", "GOMP_SPINCOUNT": "10000"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        logs = recipe_path.parent.glob(".lintune/runs/*/trainer.log")
        raise SystemExit("\n".join([done.stderr, *(log.read_text(encoding="utf-8") for log in logs)]))
    figures: dict[str, float] = json.loads(out.read_text(encoding="utf-8"))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/gsm8k-train.jsonl"))
    parser.add_argument("--steps", type=int, default=40, help="at most so many steps of gsm8k")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=("smart-home", "gsm8k"))
    parser.add_argument("--prepared", action="store_true", help="the plain side with prepare_model_for_kbit_training")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args, assignments = parser.parse_known_args()
    if args.child:
        side, recipe_path, out = args.child
        child(side, Path(recipe_path), assignments, Path(out))
        return
    sides = ("prepared" if args.prepared else "plain", "lintune")
    figures = []
    print(f"{'data set':<12}{'':<10}{'steps':>6}{'tokens':>8}{'tokens/s':>10}{'eval loss':>11}{'peak':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for name, recipe_path in workspaces(Path(folder), args.data).items():
            if args.only not in (None, name):
                continue
            words = [*ALONE, *([f"max_steps={args.steps}"] if name == "gsm8k" else [])]
            rounds = [{side: measured(side, recipe_path, words) for side in sides} for _ in range(args.rounds)]
            speeds, losses = [], []
            for side in sides:
                found = [round_[side] for round_ in rounds]
                last = found[-1]
                speeds.append(statistics.median(one["tokens_per_second"] for one in found))
                losses.append(last["eval_loss"])
                print(
                    f"{name:<12}{side:<10}{last['steps']:>6.0f}{last['tokens']:>8,.0f}{speeds[-1]:>10.1f}"
                    f"{losses[-1]:>11.4f}{last['peak'] / 2**20:>6,.0f} MiB",
                    flush=True,
                )
            ratio = statistics.median(
                round_["lintune"]["tokens_per_second"] / round_[sides[0]]["tokens_per_second"] for round_ in rounds
            )
            difference = losses[1] / losses[0] - 1
            print(f"{name:<12}{ratio:.2f} x as fast, evaluation loss {difference:+.2%}", flush=True)
            figures.append(
                {
                    "data": name,
                    "ratio": round(ratio, 3),
                    "loss_difference": round(difference, 5),
                    "rounds": rounds,
                }
            )
    print(json.dumps({"sides": sides, "data": figures}))
    sys.exit(any(figure["ratio"] < FASTER or figure["loss_difference"] > LOSS for figure in figures))


if __name__ == "__main__":
    main()
