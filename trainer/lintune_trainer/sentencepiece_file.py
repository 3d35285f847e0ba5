"""`tokenizer.model`, which llama.cpp's converter needs of some models, made of the `tokenizer.json` that all have.

Llama 2, Phi-3 and the Gemmas were trained with SentencePiece; libraries read the same tokenizer out of tokenizer.json,
and many a model is saved with that alone. A merge of two tokens there is the token that comes of it here, and its rank
the score of that.
"""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME, _CONFIG = "tokenizer.model", "tokenizer_config.json"
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")

# Kinds of tokens in sentencepiece_model.proto, but for usual ones.
_UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTES = 2, 3, 4, 5, 6
_BPE = 2


@contextmanager
def beside(model: Path) -> Iterator[Path]:
    """A folder with the files of a model and `tokenizer.model`: another one where that is missing and can be made."""
    tokenizer = json.loads((model / "tokenizer.json").read_bytes()) if (model / "tokenizer.json").is_file() else {}
    kind = tokenizer.get("model", {})
    if (model / _NAME).is_file() or kind.get("type") != "BPE" or not kind.get("byte_fallback"):
        yield model
        return
    with tempfile.TemporaryDirectory(prefix="lintune-") as name:
        folder = Path(name)
        for file in model.iterdir():
            if file.name != _CONFIG:
                (folder / file.name).symlink_to(file.resolve())
        config = json.loads((model / _CONFIG).read_bytes()) if (model / _CONFIG).is_file() else {}
        (folder / _CONFIG).write_text(json.dumps({"tokenizer_class": "LlamaTokenizer", **config}), encoding="utf-8")
        (folder / _NAME).write_bytes(_made_of(tokenizer))
        yield folder


def _made_of(tokenizer: dict[str, Any]) -> bytes:
    from sentencepiece import sentencepiece_model_pb2

    kind = tokenizer["model"]
    tokens: dict[int, str] = {id_: text for text, id_ in kind["vocab"].items()}
    added = {token["id"]: token for token in tokenizer["added_tokens"]}
    tokens |= {id_: token["content"] for id_, token in added.items()}
    for byte in range(256):
        name = f"<0x{byte:02X}>"
        if name not in kind["vocab"] and chr(byte) in kind["vocab"]:  # Gemma 2's tab is the byte by another name
            tokens[kind["vocab"][chr(byte)]] = name
    scores: dict[str, float] = {}
    for rank, merge in enumerate(kind["merges"]):
        text = "".join(merge) if isinstance(merge, list) else merge.replace(" ", "")
        scores.setdefault(text, -float(rank))
    file = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
    for id_ in range(max(tokens) + 1):
        text = tokens.get(id_, f"[PAD{id_}]")
        piece = file.pieces.add()
        piece.piece = text
        piece.score = scores.get(text, -float(len(scores)))
        if text == kind["unk_token"]:
            piece.type = _UNKNOWN
        elif _BYTE.fullmatch(text):
            piece.type = _BYTES
        elif id_ in added:
            piece.type = _CONTROL if added[id_]["special"] else _USER_DEFINED
        elif id_ not in tokens:
            piece.type = _UNUSED
    file.trainer_spec.model_type = _BPE
    file.trainer_spec.byte_fallback = True
    file.trainer_spec.unk_piece = kind["unk_token"]
    file.normalizer_spec.remove_extra_whitespaces = False
    return bytes(file.SerializeToString())
