"""A tokenizer many times faster than Hugging Face's, for the texts on which it is proven to give the same tokens.

`tokie` does the work. It is used for families of tokenizers that were compared (`tokenizer_family`), and for a given
tokenizer only while it encodes some hundred texts as the exact one did. Its form of a vocabulary loads in a tenth of
the time (0.1 s for Gemma), and is kept in the user's cache together with what the exact one gave. Whatever goes wrong
with it: there is no fast tokenizer then.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from lintune_schemas import atomic
from lintune_schemas.base_model import cache_folder
from lintune_schemas.tokenizer_family import LONGEST, Family, Kind, cut, family_of
from lintune_schemas.word_memo import WordMemo, words_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

_FORMAT = 1
"""Counts up when what is kept in the cache changes."""
_MOST_CROSSING = 16
"""Vocabularies in use have none or one (Gemma 3 has `>▁</`)."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Tokens of several texts, one text after the other."""

    ids: NDArray[np.uint32]
    widths: NDArray[np.int32]
    """For each token the bytes of the text that it stands for."""
    counts: NDArray[np.int64]
    """For each text its number of tokens."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of a tokenizer, and kept in the cache."""

    family: Family
    crossing: tuple[str, ...]
    """Texts of tokens that may reach from one word into the next."""
    widths: NDArray[np.int32]
    """For each id the bytes of text that it stands for."""
    added: NDArray[np.bool_]
    """For each id whether it is an added token: one that is looked for in a text before anything else."""
    probes: tuple[str, ...]
    expected_ids: NDArray[np.uint32]
    expected_counts: NDArray[np.int64]


class FastTokenizer:
    """Encodes texts that it accepts as the tokenizer does that it was made for."""

    def __init__(self, tokie_tokenizer: Any, facts: _Facts) -> None:
        self._tokie = tokie_tokenizer
        self._facts = facts
        self._unasked: int = tokie_tokenizer.num_special_tokens_to_add(False)
        self._memo = None if facts.family.byte_level else WordMemo(self._encode)

    def accepts(self, texts: list[str]) -> list[bool]:
        """Of each text whether it may be given to `encode`."""
        if max(map(len, texts), default=0) <= LONGEST // 4:
            joined = "a".join(texts)  # one look at all of them: nearly always nothing is wrong with any
            if joined.isascii() and not self._prefixed and self._proven(joined):
                return [True] * len(texts)
        return [self._proven(text) and self._can_be_cut(text) for text in texts]

    @property
    def _prefixed(self) -> bool:
        return self._facts.family.kind is Kind.SENTENCEPIECE_PREFIXED

    def _proven(self, text: str) -> bool:
        facts = self._facts
        return _apart(text, facts.family, facts.crossing) and facts.family.accepts(text)

    def _can_be_cut(self, text: str) -> bool:
        """Whether tokie need not be given more than LONGEST bytes at once."""
        if len(text) <= LONGEST // 4:
            return True
        return cut(text) is not None if self._facts.family.byte_level else max(map(len, words_of(text))) < LONGEST // 4

    def encode(self, texts: list[str]) -> Encoded:
        """The tokens of texts that are all accepted. Raises ValueError when something is not as it was proven to be."""
        if self._memo:
            ids, counts = self._memo.encode(texts)
        else:
            ids, counts = self._encode_cut(texts)
        return Encoded(ids, self._widths(ids, counts), counts)

    def agrees(self) -> bool:
        """Whether the probes give the tokens that the exact tokenizer gave, and these cover the texts."""
        facts = self._facts
        encoded = self.encode(list(facts.probes))
        lengths = [len(text.encode()) for text in facts.probes]
        return (
            np.array_equal(encoded.ids, facts.expected_ids)
            and np.array_equal(encoded.counts, facts.expected_counts)
            and sums(encoded.widths, encoded.counts).tolist() == lengths
        )

    def _encode_cut(self, texts: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """As `_encode`, of texts of any length."""
        parts = [cut(text) or [text] for text in texts]
        ids, counts = self._encode([part for parts_of_text in parts for part in parts_of_text])
        return ids, sums(counts, np.fromiter(map(len, parts), np.int64, len(parts)))

    def _encode(self, texts: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        ids, counts = self._tokie.encode_batch_flat(texts)
        counts = counts.astype(np.int64)
        if self._unasked:  # it writes BOS before each text
            keep = np.ones(len(ids), np.bool_)
            keep[(np.cumsum(counts) - counts)[:, None] + np.arange(self._unasked)] = False
            ids, counts = ids[keep], counts - self._unasked
        return ids, counts

    def _widths(self, ids: NDArray[np.uint32], counts: NDArray[np.int64]) -> NDArray[np.int32]:
        widths = self._facts.widths[ids]
        if self._prefixed:
            # The text has no space for the ▁ that is written before it, and after each added token.
            added = self._facts.added[ids]
            first = np.zeros(len(ids), np.bool_)
            first[(np.cumsum(counts) - counts)[counts > 0]] = True
            first[1:] |= added[:-1]
            widths = widths - (first & ~added)
        return widths


def sums(values: NDArray[Any], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum of the first `counts[0]` values, that of the next `counts[1]`, and so on."""
    upto = np.concatenate([np.zeros(1, np.int64), np.cumsum(values, dtype=np.int64)])
    ends = np.cumsum(counts)
    found: NDArray[np.int64] = upto[ends] - upto[ends - counts]
    return found


def load(tokenizer_file: Path, tokenizer: Tokenizer) -> FastTokenizer | None:
    """The fast tokenizer of a `tokenizer.json`, and of the exact one that was read from it; None when there is none."""
    try:
        folder = _folder(tokenizer_file)
        return _read(folder) or _make(tokenizer_file, tokenizer, folder)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # a panic in Rust is no Exception
        return None


def _folder(tokenizer_file: Path) -> Path:
    """Where the cache keeps the tokenizer: another place for another file, and for another version of a library."""
    stat = tokenizer_file.stat()
    libraries = [f"{name} {version(name)}" for name in ("tokie", "tokenizers", "numpy")]
    key = f"{_FORMAT}:{libraries}:{tokenizer_file.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
    return cache_folder() / "fast-tokenizers" / hashlib.sha256(key.encode()).hexdigest()[:16]


def _read(folder: Path) -> FastTokenizer | None:
    """The tokenizer out of the cache; None when it is not there, or is not what was written."""
    import tokie

    vocabulary = folder / "tokenizer.tkz"
    try:
        with np.load(folder / "facts.npz", allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            if about["digest"] != _digest(vocabulary):
                return None
            facts = _Facts(
                Family(Kind(about["kind"]), about["composed"]),
                tuple(about["crossing"]),
                arrays["widths"],
                arrays["added"],
                tuple(about["probes"]),
                arrays["expected_ids"],
                arrays["expected_counts"],
            )
        fast = FastTokenizer(tokie.Tokenizer.from_file(str(vocabulary)), facts)
        return fast if fast.agrees() else None
    except Exception:  # whatever is broken in a cache, it is made anew
        return None


def _make(tokenizer_file: Path, tokenizer: Tokenizer, folder: Path) -> FastTokenizer | None:
    import tokie

    facts = _facts(tokenizer)
    if facts is None:
        return None
    vocabulary = tokie.Tokenizer.from_json(str(tokenizer_file))
    fast = FastTokenizer(vocabulary, facts)
    if not fast.agrees():
        return None
    try:
        with atomic.new_folder(folder) as partial:
            vocabulary.save(str(partial / "tokenizer.tkz"))
            _write(facts, partial)
    except Exception:  # noqa: S110 (a cache that cannot be written is only slow)
        pass
    return fast


def _write(facts: _Facts, folder: Path) -> None:
    about = {
        "digest": _digest(folder / "tokenizer.tkz"),
        "kind": facts.family.kind,
        "composed": facts.family.composed,
        "crossing": facts.crossing,
        "probes": facts.probes,
    }
    np.savez(
        folder / "facts.npz",
        about=np.frombuffer(json.dumps(about).encode(), np.uint8),
        widths=facts.widths,
        added=facts.added,
        expected_ids=facts.expected_ids,
        expected_counts=facts.expected_counts,
    )


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def _facts(tokenizer: Tokenizer) -> _Facts | None:
    """What is to be known of a tokenizer; None when it is of no family that was compared."""
    family = family_of(tokenizer)
    if family is None:
        return None
    added_tokens = {id_: token.content for id_, token in tokenizer.get_added_tokens_decoder().items()}
    contents = list(added_tokens.values())
    vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=False)
    crossing = _crossing(family, vocabulary, contents)
    if len(crossing) > _MOST_CROSSING:
        return None
    size = max(*vocabulary.values(), *added_tokens) + 1
    widths, added = np.zeros(size, np.int32), np.zeros(size, np.bool_)
    for token, id_ in vocabulary.items():
        widths[id_] = _width(token, family)
    for id_, content in added_tokens.items():
        widths[id_], added[id_] = _width(content, family) if "▁" in content else len(content.encode()), True
    probes = [text for text in family.probes(contents) if _apart(text, family, crossing)]
    encodings = tokenizer.encode_batch_fast(probes, add_special_tokens=False)
    return _Facts(
        family,
        crossing,
        widths,
        added,
        tuple(probes),
        np.array([id_ for encoding in encodings for id_ in encoding.ids], np.uint32),
        np.array([len(encoding.ids) for encoding in encodings], np.int64),
    )


def _crossing(family: Family, vocabulary: dict[str, int], added: list[str]) -> tuple[str, ...]:
    """The texts in which a token may reach across a place where texts are cut.

    Byte-level texts are cut at line feeds when they are long, the others before a space.
    """
    if family.byte_level:
        return tuple(content for content in added if "\n" in content)
    found = [token.replace("▁", " ") for token in vocabulary if "▁" in token.lstrip("▁")]
    found += [content for content in added if " " in content]
    if family.kind is Kind.SENTENCEPIECE_PREFIXED:  # the ▁ that is written after an added token merges with a space
        found += [content + " " for content in added]
    return tuple(found)


def _apart(text: str, family: Family, crossing: tuple[str, ...]) -> bool:
    """Whether no token of the text reaches across a place where it may be cut."""
    if family.kind is Kind.SENTENCEPIECE_PREFIXED and text.startswith(" "):
        return False  # the ▁ that is written before it merges with the space
    return not any(part in text for part in crossing)


def _width(token: str, family: Family) -> int:
    if family.byte_level:
        return len(token)  # each byte is spelled as one character
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        return 1
    return len(token.replace("▁", " ").encode())
