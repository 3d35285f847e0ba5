"""The fast tokenizer against the exact one, for every tokenizer at hand."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from lintune_schemas import fast_tokenizer, tokenizer_family
from lintune_schemas.chat import ChatTokenizer, RenderedChat
from lintune_schemas.token_counts import TokenCounter

from .. import tokenizers
from . import oracle
from .texts import texts

pytestmark = pytest.mark.long

if TYPE_CHECKING:
    from lintune_schemas.fast_tokenizer import FastTokenizer


@pytest.fixture(scope="module", params=tokenizers.PARAMS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def chat(name: str) -> ChatTokenizer:
    return tokenizers.load(name)


@pytest.fixture(scope="module")
def fast(name: str, chat: ChatTokenizer) -> FastTokenizer:
    found = fast_tokenizer.load(tokenizers.folder(name) / "tokenizer.json", chat.tokenizer)
    assert found is not None
    return found


def compare(chat: ChatTokenizer, fast: FastTokenizer, given_texts: list[str]) -> int:
    """Asserts equality for the texts that are accepted, and says how many these are."""
    accepted = [text for text, accepts in zip(given_texts, fast.accepts(given_texts), strict=True) if accepts]
    encoded = fast.encode(accepted)
    ids = np.split(encoded.ids, np.cumsum(encoded.counts)[:-1])
    exact = chat.tokenizer.encode_batch(accepted, add_special_tokens=False)
    for text, fast_ids, encoding in zip(accepted, ids if accepted else [], exact, strict=True):
        assert fast_ids.tolist() == encoding.ids, text
    return len(accepted)


def test_short_texts_of_all_kinds_of_characters(chat: ChatTokenizer, fast: FastTokenizer) -> None:
    alphabet = ["a", "1", ".", "'s", " ", "\n", "\t", "\r"]
    every = ["".join(parts) for size in range(1, 6) for parts in itertools.product(alphabet, repeat=size)]
    assert compare(chat, fast, every) > len(every) / 2


def test_every_character_that_is_accepted(chat: ChatTokenizer, fast: FastTokenizer) -> None:
    characters = [chr(code) for code in range(0x80, 0x20000) if not 0xD800 <= code < 0xE000]
    known = [character for character in characters if fast.accepts([character])[0]]
    assert len(known) > 35_000
    around = "a{0} {0}1{0}{0}.{0}'s '{0}\n{0}"
    assert compare(chat, fast, [around.replace("{0}", character) for character in known]) > 35_000


@settings(max_examples=40)
@given(st.data())
def test_ids_of_texts_of_all_kinds(chat: ChatTokenizer, fast: FastTokenizer, data: st.DataObject) -> None:
    compare(chat, fast, data.draw(st.lists(texts([*chat.special_tokens][:30]), min_size=10, max_size=30)))


@settings(max_examples=40)
@given(st.data(), st.booleans())
def test_counts_and_trained_counts(
    chat: ChatTokenizer, fast: FastTokenizer, data: st.DataObject, train_on_inputs: bool
) -> None:
    ends = list(chat.end_tokens)
    drawn = data.draw(st.lists(texts([*ends, *ends, *[*chat.special_tokens][:30]]), min_size=5, max_size=20))
    cuts = st.lists(st.integers(0, 40), max_size=6).map(sorted)
    chats = []
    for text in drawn:
        places = [min(place, len(text)) for place in data.draw(cuts)]
        chats.append(RenderedChat(text, (), tuple(zip(places[::2], places[1::2], strict=False)), exact=True))
    counter = TokenCounter(fast, frozenset(chat.end_tokens.values()))
    for rendered, counts in zip(chats, counter.count(chats, train_on_inputs), strict=True):
        learned = oracle.mask(chat, rendered)
        if counts is not None:
            assert counts == (len(learned), len(learned) if train_on_inputs else sum(learned)), rendered


def test_ascii_english_takes_the_fast_way(fast: FastTokenizer) -> None:
    assert fast.accepts(
        ["What is 2 + 2?\n\nIt's 4.", "def f(x):\n    return x\n", "Größe, “quoted” – 5 €", "你好，世界"]
    )


def test_long_texts_are_cut_where_no_token_reaches_across(chat: ChatTokenizer, fast: FastTokenizer) -> None:
    line = "The quick brown fox, 12345 of them, doesn't jump.\nWhy? (Nobody knows...)\n\n  - because\n"
    long = [line * 500, "中文。\n" * 9_000 + line * 200, "x" * 30_000, "word " * 9_000, " " * 30_000]
    assert compare(chat, fast, long) >= 1
    assert all(len(part) <= tokenizer_family.LONGEST for part in tokenizer_family.cut(line * 500) or [])


def test_without_a_place_to_cut_a_long_text_is_left_alone() -> None:
    assert tokenizer_family.cut("=" * 30_000) is None
    assert tokenizer_family.cut("=" * 9_000) == ["=" * 9_000]


class TestLoading:
    """With the cache in a folder of its own."""

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(fast_tokenizer, "cache_folder", lambda: tmp_path / "cache")
        return tmp_path / "cache"

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return Path(shutil.copy(tokenizers.folder(tokenizers.DEMO) / "tokenizer.json", tmp_path))

    def test_is_kept_in_the_cache(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert fast_tokenizer.load(file, Tokenizer.from_file(str(file)))
        monkeypatch.setattr(fast_tokenizer, "_make", None)
        assert fast_tokenizer.load(file, Tokenizer.from_file(str(file)))

    @pytest.mark.parametrize("broken", ["tokenizer.tkz", "facts.npz"])
    @pytest.mark.parametrize("data", [b"", b"\x00" * 4_000_000, b"PK\x03\x04"])
    def test_a_broken_cache_is_made_anew(self, file: Path, cache: Path, broken: str, data: bytes) -> None:
        tokenizer = Tokenizer.from_file(str(file))
        assert fast_tokenizer.load(file, tokenizer)
        (found,) = cache.rglob(broken)
        found.write_bytes(data)
        assert fast_tokenizer.load(file, tokenizer)
        assert found.read_bytes() != data

    def test_another_vocabulary_than_the_exact_ones_is_noticed(self, file: Path) -> None:
        exact = Tokenizer.from_file(str(file))
        text = file.read_text(encoding="utf-8")
        one, other = f'" the":{exact.token_to_id("Ġthe")}'.replace(" the", "Ġthe"), '"Ġthe":7'
        assert one in text
        file.write_text(text.replace(one, other), encoding="utf-8")
        assert fast_tokenizer.load(file, exact) is None

    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"model": {"type": "BPE"}}'])
    def test_a_broken_file_gives_none(self, file: Path, data: bytes) -> None:
        exact = Tokenizer.from_file(str(file))
        file.write_bytes(data)
        assert fast_tokenizer.load(file, exact) is None

    def test_an_unknown_kind_of_tokenizer_gives_none(self, file: Path) -> None:
        text = file.read_text(encoding="utf-8").replace('"individual_digits":true', '"individual_digits":false')
        file.write_text(text, encoding="utf-8")
        assert fast_tokenizer.load(file, Tokenizer.from_file(str(file))) is None
