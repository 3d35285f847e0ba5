"""What other tools call the keys of a recipe."""

from __future__ import annotations

_NAMES = {
    "base_model": (
        "model",
        "model_id",
        "model_name",
        "model_name_or_path",
        "model_path",
        "pretrained_model_name_or_path",
    ),
    "datasets": ("dataset", "train_data", "train_dataset", "train_datasets", "train_file", "training_data"),
    "test_datasets": ("eval_data", "eval_dataset", "eval_datasets", "eval_file", "val_datasets", "validation_dataset"),
    "path": ("data_path", "file", "file_path", "filename"),
    "val_set_size": ("eval_split", "test_size", "val_size", "validation_split"),
    "sequence_len": (
        *("block_size", "cutoff_len", "max_length", "max_seq_len", "max_seq_length", "model_max_length", "seq_len"),
        *("seq_length", "sequence_length"),
    ),
    "micro_batch_size": ("per_device_batch_size", "per_device_train_batch_size", "train_batch_size"),
    "eval_batch_size": ("per_device_eval_batch_size", "val_batch_size"),
    "gradient_accumulation_steps": ("accumulation_steps", "grad_accum", "grad_accum_steps", "gradient_accumulation"),
    "num_epochs": ("epochs", "max_epochs", "n_epochs", "num_train_epochs"),
    "learning_rate": ("lr",),
    "lr_scheduler": ("lr_scheduler_type", "scheduler"),
    "optimizer": ("optim",),
    "max_grad_norm": ("clip_grad_norm", "gradient_clipping"),
    "lora_r": ("lora_dim", "lora_rank", "r", "rank"),
    "lora_alpha": ("alpha",),
    "lora_dropout": ("dropout",),
    "lora_target_modules": ("lora_target", "target_modules"),
    "peft_use_dora": ("use_dora",),
    "peft_use_rslora": ("use_rslora",),
    "sample_packing": ("packing",),
    "gradient_checkpointing": ("use_gradient_checkpointing",),
}

OTHER_NAMES = {name: key for key, names in _NAMES.items() for name in names}
"""From the names in transformers, PEFT, TRL, torchtune and LLaMA-Factory to Axolotl's."""
