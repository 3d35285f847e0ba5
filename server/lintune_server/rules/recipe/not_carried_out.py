"""Which keys Axolotl honours and the built-in trainer does not.

What changes the model that comes out is named key by key, where it stands. What changes only how fast it comes out is
named in one go: of such keys every recipe for large GPUs has a dozen, and whoever trains on one machine has no use for
a dozen hints. What changes neither (who is told of a run, where caches are) is not named.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lintune_schemas import recipe_keys
from lintune_schemas.model_files import CHAT_TEMPLATES
from lintune_schemas.plan import GPU_OPTIMIZERS, OPTIMIZERS, RL_METHODS, SCHEDULERS
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import RecipeProblem
from lintune_server.lint.rule import recipe_rule
from lintune_server.lint.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.recipe_keys import RecipeKey
    from lintune_schemas.samples import Path
    from lintune_server.lint.recipe_source import RecipeSource

_BESIDE = re.compile(
    # Who is told of a run, and what is looked at while it goes on.
    r"(use_)?(wandb|mlflow|comet|swanlab|trackio|otel|tensorboard|gradio|hf_mlflow|ray)(_.*)?|profiler_.*|sync_profiler_.*"
    r"|include_.*|logging_.*|do_bench_eval|bench_.*|lm_eval_.*|generate_samples|.*generation_.*|debug|strict"
    # Where things are kept, fetched from and sent to.
    r"|dataset_prepared_path|dataset_num_proc|dataset_keep_in_memory|skip_prepare_dataset|.*dataset_shards?_.*|hub_.*"
    r"|push_dataset_to_hub|hf_use_auth_token|save_(first_step|only_model|safetensors)|tokenizer_save_jinja_files"
    r"|(auto_)?resume_from_checkpoints?|axolotl_config_path|coreweave|resources_per_worker|is_preprocess"
    r"|preprocess_iterable|total_.*_?tokens|sample_packing_eff_est|merge_(lora|method)|export"
    # What a model is, which is read off its files; checks of a run's health.
    r"|is_\w+_derived_model|processor_type|tokenizer_(type|use_fast|legacy|use_mistral_common)"
    r"|base_model_config|loss_watchdog_.*|remove_unused_columns|shuffle_merged_datasets|low_cpu_mem_usage"
    # What other rules are about.
    r"|special_tokens|added_tokens_overrides|tokens|tokenizer_config|trust_remote_code|lintune"
)
_SPEED = re.compile(
    r"(eval_)?sample_packing(_.*)?|pad_to_.*|batch_flattening|multipack_.*|pretrain_multipack_.*|group_by_length"
    r"|attn_implementation|flash_.*|flex_.*|sdpa_varlen|fused_.*|large_head_attention|.*_kernels?|use_.*_kernels|liger_.*"
    r"|cut_cross_entropy.*|chunked_cross_entropy.*|tiled_mlp.*|torch_compile.*|tf32|fp8.*|b?float(16|32)|torch_dtype"
    r"|gradient_checkpointing_kwargs|selective_checkpointing|activation_offloading|layer_offloading|lora_on_cpu"
    r"|deepspeed|deepcompile|fsdp.*|ddp.*|dp_.*|(tensor_parallel|context_parallel|expert_parallel).*|device(_map)?"
    r"|local_rank|world_size|accelerator_config|max_memory|gpu_memory_limit|qlora_sharded_.*|embeddings_skip_upcast"
    r"|dataloader_.*|gc_.*|torch_empty_cache_steps|auto_find_batch_size|experimental_.*|peft_autocast_adapter_dtype"
    r"|bnb_config_kwargs|nf4_backend|moe_.*|experts?_.*|use_(scattermoe|sonicmoe)|plugins|streaming.*|autotune_.*"
)


@recipe_rule("RC622", Severity.INFO)
def not_carried_out(source: RecipeSource) -> Iterator[RecipeProblem]:
    """
    ## What it does
    Names the keys that Axolotl honours and the built-in trainer does not: each that changes the model that comes out,
    and in one finding those that change only speed and memory. Values that the built-in trainer does not know (an
    optimizer, a schedule, a way to learn from preferences, a chat template, 8 bits, no adapter) are named as well. Keys
    that are empty, `false` or at their default say nothing, and keys about reports and caches change nothing: of those
    it is silent. With `lintune.backend: axolotl`, which trains by all of them, only what is needed before and after the
    training is named: a chat template that is known here, and an adapter.

    ## Why it hurts
    It does not, if you know it. A recipe may be handed to Axolotl as it is; trained here, it is trained without these.

    ## Example
    ```yaml
    loraplus_lr_ratio: 16
    ```

    ## Use instead
    Leave it, if it is for Axolotl, and set `lintune.backend: axolotl` to have it train; else take it out.
    """
    if source.mapping is None:
        return
    by_axolotl = source.recipe is not None and source.recipe.lintune.backend == "axolotl"
    speed: list[str] = []
    for key, value in source.values.items():
        known = recipe_keys.key_at((key,))
        if known is None or known.deprecated or key in source.faulty or _says_nothing(known, value):
            continue
        if known.carried_out:
            if not by_axolotl or key in _BESIDE_TRAINING:
                yield from _value(source, key, value, _who(by_axolotl))
        elif by_axolotl:
            continue
        elif _SPEED.fullmatch(key):
            speed.append(key)
        elif not _BESIDE.fullmatch(key) and not _same(key, value):
            yield _named(source, (), key)
    if speed:
        message = (
            f"The built-in trainer does without {listed(speed)}: in Axolotl a matter of speed and memory, of little "
            "else."
        )
        yield RecipeProblem(message, source.key_range((), speed[0]))
    if "adapter" not in source.values and "base_model" in source.values:
        message = f"No adapter: Axolotl trains all weights then; {_who(by_axolotl)} needs adapter: lora or qlora."
        yield RecipeProblem(message, source.range_of(("base_model",)))
    if not by_axolotl:
        for (*entry, _), _ in source.data_paths:
            yield from _in_entry(source, tuple(entry))


_BESIDE_TRAINING = ("adapter", "chat_template")
"""What other stages of a run need, whoever trains."""


def _who(by_axolotl: bool) -> str:
    return "what comes before and after it" if by_axolotl else "the built-in trainer"


def _named(source: RecipeSource, path: Path, key: str) -> RecipeProblem:
    message = f"Axolotl honours {key}, the built-in trainer does not: it trains as if it were not there."
    return RecipeProblem(message, source.key_range(path, key))


def _says_nothing(key: RecipeKey, value: Any) -> bool:
    return value is None or value is False or value in ("", 0) or value in ([], {}) or value == key.default


def _same(key: str, value: Any) -> bool:
    """Whether the built-in trainer does the same anyway."""
    match key:
        case "eval_strategy" | "save_strategy":
            return value in ("steps", "epoch")
        case "model_type" | "type_of_model":
            return str(value).endswith("ForCausalLM")
        case "eval_on_start":
            return value is True
    return False


def _value(source: RecipeSource, key: str, value: Any, who: str) -> Iterator[RecipeProblem]:
    """Of a key that it carries out: a value that it does not."""
    known: tuple[str, ...] | None = None
    match key:
        case "optimizer":
            known = (*OPTIMIZERS, *GPU_OPTIMIZERS)
        case "lr_scheduler":
            known = SCHEDULERS
        case "rl":
            known = RL_METHODS
        case "chat_template":
            known = ("tokenizer_default", "jinja", *CHAT_TEMPLATES)
        case "adapter":
            known = ("lora", "qlora")
        case "load_in_8bit":
            known = ()
    if known is None or value in known or not isinstance(value, str | bool):
        return
    shown = "true" if value is True else value
    instead = f"knows {listed(known)}" if known else "loads a base model whole, or in 4 bits"
    message = f"Axolotl honours {key}: {shown}; {who} {instead}, and would not start."
    yield RecipeProblem(message, source.range_of((key,)))


def _in_entry(source: RecipeSource, path: tuple[str | int, ...]) -> Iterator[RecipeProblem]:
    """What an entry of `datasets` says beyond where its samples are and what their fields are called."""
    assert source.root is not None
    for key, value in source.root.at(path).value.items():
        known = recipe_keys.key_at((*path, key))
        if known is None or known.carried_out or known.deprecated or _says_nothing(known, value):
            continue
        if (key, value) in _USUAL or key in ("trust_remote_code", "name", "revision"):
            continue
        if key == "train_on_eos" and value == "none":
            continue  # RC616 has more to say
        yield _named(source, path, key)


_USUAL = (("split", "train"), ("ds_type", "json"), ("train_on_eos", "turn"), ("train_on_eot", "turn"))
"""What the built-in trainer does with every entry."""
