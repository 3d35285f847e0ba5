"""Stands in for Axolotl, which needs a GPU: reads its configuration, prints and writes what it does, trains nothing.

Figures and bar are printed by transformers' own ProgressCallback, as Axolotl has it; the adapter is a real one.
"""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import torch
import yaml
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
from transformers.trainer_callback import ProgressCallback

MODE = os.environ.get("STAND_IN", "")


def log(text: str) -> None:
    print(f"[2026-11-25 12:00:00,000] [INFO] [axolotl.train] [PID:{os.getpid()}] {text}", file=sys.stderr)


def main(config: str) -> None:
    assert str(Path.cwd()) not in sys.path
    assert "" not in sys.path
    values = yaml.safe_load(Path(config).read_text())
    if MODE == "refuses":
        print("Traceback (most recent call last):", file=sys.stderr)
        print('  File "/somewhere/axolotl/utils/config/__init__.py", line 250, in validate_config', file=sys.stderr)
        print(
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for AxolotlInputConfig\n"
            "  Value error, flash_attention is not available [type=value_error, input_value={}, input_type=dict]\n"
            "    For further information visit https://errors.pydantic.dev/2.12/v/value_error",
            file=sys.stderr,
        )
        sys.exit(1)
    output = Path(values["output_dir"])
    samples = sum(len(Path(entry["path"]).read_text().splitlines()) for entry in values["datasets"])
    per_epoch = samples // (values["micro_batch_size"] * values.get("gradient_accumulation_steps", 1))
    total = int(values.get("max_steps") or per_epoch * values["num_epochs"])
    log(f"{samples} samples, {total} steps")
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(values["base_model"], dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(r=values["lora_r"], target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.02)

    progress = ProgressCallback()
    state = SimpleNamespace(is_world_process_zero=True, max_steps=total, global_step=0)
    if "resume_from_checkpoint" in values:
        state.global_step = int(Path(values["resume_from_checkpoint"]).name.split("-")[1])
    progress.on_train_begin(None, state, None)
    for step in range(state.global_step + 1, total + 1):
        if MODE == "slow":
            time.sleep(0.3)
        if MODE == "out_of_memory" and step == 3:
            raise torch.OutOfMemoryError(
                "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of"
            )
        state.global_step = step
        progress.on_step_end(None, state, None)
        figures = {
            "loss": 2.0 / step,
            "grad_norm": 0.5,
            "learning_rate": 2e-4,
            "ppl": 7.4,
            "memory/max_active (GiB)": 2.0,
            "memory/max_allocated (GiB)": 1.5,
            "memory/device_reserved (GiB)": 3.0,
            "tokens/trainable": 93 * step,
            "epoch": step / per_epoch,
        }
        progress.on_log(None, state, None, logs=figures)
        if step % per_epoch == 0:
            for _ in range(3):
                progress.on_prediction_step(None, state, None, eval_dataloader=range(3))
            progress.on_evaluate(None, state, None)
            progress.on_log(None, state, None, logs={"eval_loss": 3.0 / step, "eval_runtime": 0.5, "epoch": 1.0})
        if step % values.get("save_steps", per_epoch) == 0:
            checkpoint = output / f"checkpoint-{step}"
            model.save_pretrained(checkpoint)
            (checkpoint / "trainer_state.json").write_text(f'{{"global_step": {step}}}')
    progress.on_log(None, state, None, logs={"train_runtime": 1.0, "train_loss": 0.5, "epoch": 2.0})
    progress.on_train_end(None, state, None)
    model.save_pretrained(output)
    log(f"Model successfully saved to {output}")


if __name__ == "__main__":
    main(sys.argv[1])
