"""Duplicates: the fast ways find what the slow, obvious ones find."""

from __future__ import annotations

import json
import random
import unicodedata
from array import array
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune_server.lint import checking
from lintune_server.lint.context import Context
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.lint.sample import Line, Surroundings
from lintune_server.lint.selection import Selection
from lintune_server.rules.duplicates import facts, grouping, near, pairing, sketches
from lintune_server.rules.duplicates.words import words, words_and_signs

pytestmark = pytest.mark.long

SCRIPTS = st.text() | st.text(alphabet="aB1'’ -–—*.,:+=$%_é\u0301ßİſﬁＡ１½²你好ไทยकि한😀\u200b\u00ad\xa0\n\t")


class TestWords:
    @given(st.text(alphabet=st.characters(max_codepoint=127)))
    def test_ascii_is_read_as_all_else_is(self, text):
        assert words(text) == words(f"{text}\xa0")

    @given(SCRIPTS)
    def test_what_is_plain_stays_as_it_is(self, text):
        found = words(text)
        assert [word for one in found for word in words(one)] == found

    @given(SCRIPTS)
    def test_case_width_and_punctuation_make_no_difference(self, text):
        found = words(text)
        assert words(unicodedata.normalize("NFKC", text)) == found
        assert words(text.casefold()) == found
        assert words(text.replace(" ", "\n\n").replace(",", " ;")) == found
        assert words(f"“{text}” …!") == found

    @given(SCRIPTS, SCRIPTS)
    def test_what_has_the_same_signs_has_the_same_words(self, one, other):
        if words_and_signs(one) == words_and_signs(other):
            assert words(one) == words(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("3 + 4", "3 - 4"),
            ("1.5", "1, 5"),
            ("10:30", "10 30"),
            ("-5", "5"),
            ("a = b", "a b"),
            ("50%", "50"),
            ("2*3", "2 3"),
        ],
    )
    def test_signs_and_points_in_numbers_count(self, one, other):
        assert words(one) == words(other)
        assert words_and_signs(one) != words_and_signs(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Don't!", "dont"),
            ("Hello, World", "hello world."),
            ("ﬁne", "FINE"),
            ("１２", "12"),
            ("a  b\n", "A b"),
            ("“x”", '"X"'),
        ],
    )
    def test_punctuation_does_not(self, one, other):
        assert words_and_signs(one) == words_and_signs(other)


numbers = st.lists(st.integers(0, 12), max_size=60)


class TestGrouping:
    @given(numbers)
    def test_few_and_many_are_grouped_alike(self, values):
        column = array("Q", values)
        by_hand = [[at for at, one in enumerate(values) if one == value] for value in dict.fromkeys(values) if value]
        expected = [group for group in by_hand if len(group) > 1]
        assert grouping.groups(column) == expected
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grouping, "MANY", 0)
            assert grouping.groups(column) == (expected if values else [])

    @settings(max_examples=200)
    @given(st.data(), st.integers(0, 40), st.booleans(), st.integers(0, 1000))
    def test_few_and_many_are_paired_alike(self, data, count, across, seed):
        rng = random.Random(seed)
        sketches = [[rng.choice((0, 1, 2, 3)) for _ in range(facts.BANDS)] for _ in range(count)]
        minima = array("I", [number for sketch in sketches for number in sketch])
        own = data.draw(st.integers(0, count))
        without = {position for position in data.draw(st.sets(st.integers(0, 40))) if position < count}
        apart = array("Q", [rng.randrange(4) for _ in range(count)]) if seed % 2 else None
        form = bytes(rng.randrange(3) for _ in range(facts.BANDS * facts.ROWS)) if seed % 3 else b""
        search = pairing.Search(minima, own, without, across, apart, form)
        few = pairing.pairs(search)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grouping, "MANY", -1)
            assert pairing.pairs(search) == few
        for later, earlier in few.items():
            assert later >= own
            assert all(one < (own if across else later) for one in earlier)
            assert not {later, *earlier} & without


def chat(question: str, answer: str) -> str:
    return json.dumps({"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]})


def edited(rng: random.Random, words: list[str], edits: int) -> list[str]:
    changed = list(words)
    for _ in range(edits):
        at = rng.randrange(len(changed))
        match rng.randrange(3):
            case 0:
                changed[at] = f"new{rng.randrange(10_000)}"
            case 1:
                changed.insert(at, f"more{rng.randrange(10_000)}")
            case _:
                del changed[at]
    return changed


def families(rng: random.Random, count: int) -> list[str]:
    """Texts of words as frequent as in real ones, in families whose members differ in some places."""
    vocabulary = [f"w{number}" for number in range(3000)]
    weights = [1 / (rank + 3) for rank in range(len(vocabulary))]
    lines = []
    while len(lines) < count:
        text = rng.choices(vocabulary, weights, k=rng.randrange(8, 120))
        lines += [" ".join(edited(rng, text, rng.randrange(4))) for _ in range(rng.choice((1, 1, 2, 3)))]
    rng.shuffle(lines)
    return [chat(*_halved(line)) for line in lines]


def _halved(text: str) -> tuple[str, str]:
    parts = text.split(" ")
    return " ".join(parts[: len(parts) // 2]), " ".join(parts[len(parts) // 2 :])


def near_by_hand(lines: list[str]) -> dict[int, float]:
    """For each line the similarity of the nearest earlier one with another prompt, by comparing all."""
    found = [facts.words_of(Line(line, Surroundings())) for line in lines]
    shingles = [near.shingles(one.compared) for one in found]
    nearest: dict[int, float] = {}
    for earlier, later in combinations(range(len(lines)), 2):
        one, other = found[earlier], found[later]
        if one.prompt != other.prompt and min(len(one.compared), len(other.compared)) >= facts.FEWEST_WORDS:
            both = len(shingles[earlier] & shingles[later])
            similarity = both / len(shingles[earlier] | shingles[later])
            if similarity >= pairing.LEAST:
                nearest[later] = max(similarity, nearest.get(later, 0))
    return nearest


@pytest.mark.parametrize("many", [False, True])
def test_near_duplicates_are_those_of_an_exact_join(tmp_path, monkeypatch, many):
    if many:
        monkeypatch.setattr(grouping, "MANY", 0)
    lines = list(dict.fromkeys(families(random.Random(7), 800)))
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = {
        finding.range.start.line: finding.message
        for finding in checking.check(path, None, Selection(("DU303",))).findings
    }
    expected = near_by_hand(lines)
    assert len(expected) > 100
    assert found.keys() == expected.keys()
    for line, message in found.items():
        assert f" {int(100 * expected[line])} % " in message


def test_hardly_a_pair_at_the_threshold_is_missed():
    """Of pairs that share exactly 80 %, as the comment on the number of bands says: 0.02 %."""
    rng = random.Random(11)
    missed = 0
    for _ in range(4000):
        union = [(f"{rng.getrandbits(60):x}", "", "") for _ in range(25)]
        left = rng.randrange(6)
        one, other = union[: 20 + left], union[:20] + union[20 + left :]
        minima = facts.sketch_of(one) + facts.sketch_of(other)
        missed += pairing.pairs(pairing.Search(minima, 0)) != {1: [0]}
    assert missed <= 8


def test_thousands_that_are_all_alike_are_each_compared_with_a_few():
    rng = random.Random(13)
    others = array("I", [rng.getrandbits(32) for _ in range(13_000 * facts.BANDS)])
    minima = facts.sketch_of((f"word {number}", "", "") for number in range(50)) * 3000 + others
    for many in (grouping.MANY, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grouping, "MANY", many)
            found = pairing.pairs(pairing.Search(minima, 0))
        assert len(found) == 2999
        assert max(len(earlier) for earlier in found.values()) <= pairing._COMPARED


def test_checking_again_after_edits_equals_checking_afresh():
    rng = random.Random(3)
    lines = families(rng, 60)
    linter = DatasetLinter(Path("a.jsonl"), Context(), Selection(("DU",)))
    for _ in range(25):
        at = rng.randrange(len(lines))
        match rng.randrange(4):
            case 0:
                lines[at] = rng.choice(lines)
            case 1:
                lines[at] = lines[at].upper().replace("MESSAGES", "messages").replace("ROLE", "role")
                lines[at] = lines[at].replace('"USER"', '"user"').replace('"ASSISTANT"', '"assistant"')
                lines[at] = lines[at].replace("CONTENT", "content")
            case 2:
                lines[at] = lines[at].replace("w1 ", "w2 ", 1)
            case _:
                lines.insert(at, families(rng, 1)[0])
        text = "\n".join(lines)
        afresh = DatasetLinter(Path("a.jsonl"), Context(), Selection(("DU",))).check(text)
        assert linter.check(text) == afresh


class TestAcrossFiles:
    RECIPE = (
        "base_model: nothing\ndatasets:\n  - path: a.jsonl\n  - path: b.jsonl\ntest_datasets:\n  - path: eval.jsonl\n"
    )

    def folder(self, tmp_path, **files):
        (tmp_path / "recipe.yaml").write_text(self.RECIPE)
        for name, lines in files.items():
            (tmp_path / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return tmp_path

    def found(self, path):
        return [
            (finding.code, finding.range.start.line, finding.related[0].path.name, finding.related[0].line)
            for finding in checking.check(path, None, Selection(("DU",))).findings
        ]

    def test_a_leak_is_found_by_checking_the_eval_file_alone(self, tmp_path):
        texts = families(random.Random(5), 40)
        folder = self.folder(tmp_path, a=texts[:20], b=texts[20:30], eval=[*texts[30:], texts[3], texts[25]])
        leaks = [found for found in self.found(folder / "eval.jsonl") if found[0] == "DU305"]
        assert leaks[-2:] == [("DU305", len(texts) - 30, "a.jsonl", 3), ("DU305", len(texts) - 29, "b.jsonl", 5)]

    def test_the_training_file_does_not_accuse_the_eval_file(self, tmp_path):
        line = chat("Where is the key?", "Under the mat.")
        folder = self.folder(tmp_path, a=[line], b=[chat("Who?", "Me.")], eval=[line])
        assert self.found(folder / "a.jsonl") == []

    def test_a_later_file_points_at_an_earlier_one(self, tmp_path):
        line = chat("Where is the key?", "Under the mat.")
        folder = self.folder(tmp_path, a=[chat("Who?", "Me."), line], b=[line], eval=[])
        assert self.found(folder / "a.jsonl") == []
        assert self.found(folder / "b.jsonl") == [("DU301", 0, "a.jsonl", 1)]

    def test_a_file_that_is_missing_or_broken_is_left_out(self, tmp_path):
        folder = self.folder(tmp_path, a=["[1]", "{"], eval=[chat("Who?", "Me.")])
        assert self.found(folder / "eval.jsonl") == []


TEXTS = st.lists(st.text(st.sampled_from("aB é4'\x01\x00\u2028中.\ud800\n"), max_size=40), max_size=3)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), max_size=12))
def test_prints_of_many_are_those_of_each(samples):
    assert sketches.of_many(samples) == [sketches.of_sample(texts) for texts in samples]


def test_prints_depend_on_what_is_said_where():
    """A word that moves from one part to the next, or two that change places, make another sample."""
    given = [(["a"], ["b"], ["c"], []), ([], ["a b"], ["c"], []), ([], ["b a"], ["c"], []), ([], ["a"], ["b c"], [])]
    wholes = {sketches.of_sample(texts).digests[0] for texts in given}
    assert len(wholes) == len(given)
