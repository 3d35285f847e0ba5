"""Downloading a model from the Hugging Face hub: the only part of the trainer that uses a network."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from lintune_schemas.errors import LintuneError

_FILES = ["*.safetensors", "*.json", "*.jinja", "tokenizer.model", "merges.txt", "README.md", "LICENSE*"]
"""What a run needs of a repository; no pickled weights, no code."""


def download(name: str) -> Path:
    """Fetch the model `owner/name` into the hub's own cache and give its folder. Raises LintuneError."""
    try:
        return Path(snapshot_download(name, allow_patterns=_FILES))
    except GatedRepoError as error:
        raise LintuneError(
            f"{name} asks for its terms to be accepted first: do so on its page on huggingface.co, "
            "then log in with: hf auth login"
        ) from error
    except RepositoryNotFoundError as error:
        raise LintuneError(
            f"The hub knows no model {name}, or does not show it to you. Correct base_model, or log in with: "
            "hf auth login"
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the network
        raise LintuneError(
            f"{name} is not on this machine and could not be downloaded: the hub cannot be reached. Check "
            "the network, or give a local model folder or .gguf file as base_model."
        ) from error
