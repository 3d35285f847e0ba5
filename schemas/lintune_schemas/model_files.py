"""Loading a base model's tokenizer and chat template from its files, without loading its weights."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from lintune_schemas import atomic, gguf_tokenizer
from lintune_schemas.base_model import BaseModel, ModelKind, cache_folder
from lintune_schemas.chat import ChatTokenizer
from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from pathlib import Path

_GGUF_FORMAT = 1
"""Counts up when the conversion in gguf_tokenizer changes, so that older cached results are not used."""

_SPECIAL_KEYS = ("bos_token", "eos_token", "unk_token", "pad_token")


def load_tokenizer(model: BaseModel, chat_template: str | None = None, jinja: str | None = None) -> ChatTokenizer:
    """The tokenizer and chat template of a base model that is on this machine.

    chat_template, jinja: the recipe's `chat_template` and `chat_template_jinja`; None or `tokenizer_default` for the
    model's own. Raises LintuneError when files are missing or broken, and for a model that was not downloaded yet.
    """
    return load_tokenizer_folder(tokenizer_folder(model), chat_template, jinja)


def tokenizer_folder(model: BaseModel) -> Path:
    """A folder with the model's `tokenizer.json` and `tokenizer_config.json`; read out of the GGUF when it is one."""
    if model.path is None or (model.kind is ModelKind.HUB and not (model.path / "tokenizer.json").is_file()):
        raise LintuneError(
            f"{model.name} is not on this machine yet, so its tokenizer is not known. It is downloaded when a "
            "training starts; or give a local folder as base_model."
        )
    return _from_gguf(model.path) if model.kind is ModelKind.GGUF else model.path


def load_tokenizer_folder(folder: Path, chat_template: str | None = None, jinja: str | None = None) -> ChatTokenizer:
    """As `load_tokenizer`, of the files in a folder."""
    from tokenizers import Tokenizer

    tokenizer_file = folder / "tokenizer.json"
    if not tokenizer_file.is_file():
        raise LintuneError(f"{folder} holds no tokenizer.json. Save the model's fast tokenizer there.")
    try:
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
    except Exception as error:  # the library raises bare Exception for every kind of broken file
        raise LintuneError(f"{tokenizer_file} is broken: {error}. Fetch the model's tokenizer again.") from error
    config, special = _read_json(folder / "tokenizer_config.json"), special_tokens(folder)
    template = _template(folder, config, chat_template, jinja)
    add_bos = config.get("add_bos_token")
    if add_bos is None:  # as for Llama 3: then the tokenizer itself says so
        bos = special.get("bos_token")
        add_bos = bos is not None and tokenizer.encode("").tokens[:1] == [bos]
    return ChatTokenizer(tokenizer, template, special, bool(add_bos), tokenizer_file)


def special_tokens(folder: Path) -> dict[str, str]:
    """The texts of a tokenizer's `bos_token`, `eos_token`, `unk_token` and `pad_token`, of those that it has."""
    config = _read_json(folder / "tokenizer_config.json")
    return {key: text for key in _SPECIAL_KEYS if (text := _token_text(config.get(key))) is not None}


def _template(folder: Path, config: dict[str, Any], wanted: str | None, jinja: str | None) -> str | None:
    if wanted == "jinja" or (wanted is None and jinja):
        if not jinja:
            raise LintuneError("chat_template: jinja needs the template itself, as chat_template_jinja.")
        return jinja
    if wanted is not None and wanted != "tokenizer_default":
        named = CHAT_TEMPLATES.get(wanted)
        if named is None:
            known = ", ".join(("tokenizer_default", "jinja", *CHAT_TEMPLATES))
            raise LintuneError(f"chat_template: {wanted} is not built in. Use one of: {known}.")
        return named
    beside = folder / "chat_template.jinja"
    if beside.is_file():
        return beside.read_text(encoding="utf-8")
    template = config.get("chat_template")
    if isinstance(template, list):  # several named templates: transformers takes `default`
        template = next((entry["template"] for entry in template if entry.get("name") == "default"), None)
    return template


CHAT_TEMPLATES = {
    "chatml": (
        "{% for message in messages %}"
        "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
}
"""Chat templates by Axolotl's names, for base models that come without one."""


def _token_text(token: object) -> str | None:
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except orjson.JSONDecodeError as error:
        raise LintuneError(f"{path} is no valid JSON: {error}. Fetch the model's files again.") from error
    return value if isinstance(value, dict) else {}


def _from_gguf(path: Path) -> Path:
    """Reading 50,000 tokens out of a GGUF takes seconds: the result is kept, keyed by path, size and time."""
    stat = path.stat()
    key = f"{_GGUF_FORMAT}:{path}:{stat.st_size}:{stat.st_mtime_ns}"
    folder = cache_folder() / "tokenizers" / hashlib.sha256(key.encode()).hexdigest()[:16]
    if not (folder / "tokenizer.json").is_file():
        tokenizer, config = gguf_tokenizer.read(path)
        try:
            with atomic.new_folder(folder) as partial:
                (partial / "tokenizer.json").write_bytes(orjson.dumps(tokenizer))
                (partial / "tokenizer_config.json").write_bytes(orjson.dumps(config))
        except OSError as error:
            raise LintuneError(
                f"The tokenizer of {path.name} could not be kept in {folder.parent} ({error.strerror or error}). "
                "Make room there, or make it writable."
            ) from error
    return folder
